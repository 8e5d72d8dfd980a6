"""Picture and sound keep their times, as ``aresample=async=1:first_pts=0`` of ffmpeg keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.limits import DecodeLimits
from tests.media_files import Picture, Sound, make_clip

SMALL = (64, 48)
TWO_SECONDS = Picture(frames=50, size=SMALL)
FOUR_SECONDS = Picture(frames=100, size=SMALL)
KINDS = [("mp4", "aac"), ("mkv", "aac"), ("mkv", "pcm_s16le"), ("ts", "aac"), ("mov", "pcm_s16le")]


def decode(path: Path, wanted: MediaWanted | None = None, audio: Path | None = None) -> ClipMedia:
    clip = Clip("clip", path, audio)
    return decode_clip(clip, wanted or MediaWanted(), key="key", limits=DecodeLimits())


def heard(media: ClipMedia) -> list[tuple[float, float]]:
    """Return from when to when there is sound, in seconds."""
    assert media.waveform is not None
    step = media.sample_rate // 50
    blocks = media.waveform[: len(media.waveform) // step * step].reshape(-1, step)
    loud = np.concatenate([[0], np.abs(blocks).max(axis=1) > 0.05, [0]]).astype(int)
    edges = np.flatnonzero(np.diff(loud)) / 50
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def spans(*expected: tuple[float, float]) -> list[object]:
    return [pytest.approx(span, abs=0.1) for span in expected]


@pytest.mark.parametrize(("kind", "codec"), KINDS)
def test_sound_that_starts_late_is_heard_at_its_time(tmp_path: Path, kind: str, codec: str) -> None:
    sound = Sound(2.0, codec=codec, start=2.0)
    media = decode(make_clip(tmp_path / f"clip.{kind}", FOUR_SECONDS, sound))
    assert heard(media) == spans((2.0, 4.0))
    (note,) = media.notes
    assert note.startswith(("sound starts 2.0", "sound starts 1.9"))
    assert note.endswith("s after the picture; silence stands before it")


@pytest.mark.parametrize(("kind", "codec"), [kind for kind in KINDS if kind[0] != "mov"])
def test_an_interruption_of_the_sound_stays_one(tmp_path: Path, kind: str, codec: str) -> None:
    sound = Sound(4.0, codec=codec, gap=(1.0, 3.0))
    media = decode(make_clip(tmp_path / f"clip.{kind}", FOUR_SECONDS, sound))
    assert heard(media) == spans((0.0, 1.0), (3.0, 4.0))
    (note,) = media.notes
    assert note.startswith(("sound is interrupted for 2.0", "sound is interrupted for 1.9"))


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts"])
def test_a_picture_that_starts_late_has_the_times_of_the_clip(tmp_path: Path, kind: str) -> None:
    picture = Picture(frames=50, size=SMALL, start=2.0)
    media = decode(make_clip(tmp_path / f"clip.{kind}", picture, Sound(4.0)))
    assert media.timestamps[0] == media.picture_start == pytest.approx(2.0, abs=0.1)
    assert media.timestamps[-1] == pytest.approx(3.96, abs=0.1)
    assert heard(media) == spans((0.0, 4.0))
    assert media.duration == pytest.approx(4.0, abs=0.1)
    assert media.notes[0].startswith("picture starts ")


def test_late_sound_keeps_its_time_where_only_sound_is_wanted(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", FOUR_SECONDS, Sound(2.0, start=2.0))
    assert heard(decode(path, MediaWanted(modalities=(Modality.AUDIO,)))) == spans((2.0, 4.0))


def test_sound_without_a_picture_begins_with_itself(tmp_path: Path) -> None:
    media = decode(make_clip(tmp_path / "clip.mka", None, Sound(1.0, start=2.0)))
    assert heard(media) == spans((0.0, 1.0))
    assert media.notes == ("clip has no picture",)


def test_sound_that_starts_after_the_longest_time_is_silence(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", FOUR_SECONDS, Sound(1.0, start=3.0))
    media = decode(path, MediaWanted(max_seconds=2.0))
    assert media.waveform is not None
    assert len(media.waveform) == 32_000
    assert not media.waveform.any()
    assert media.notes[-1] == "sound cut after 2 s"


@pytest.mark.parametrize("start", [0.0, 0.05])
def test_a_difference_that_nobody_minds_changes_nothing(tmp_path: Path, start: float) -> None:
    sound = Sound(1.0, codec="pcm_s16le", start=start)
    media = decode(make_clip(tmp_path / "clip.mkv", Picture(size=SMALL), sound))
    assert media.waveform is not None
    assert (len(media.waveform), media.notes, media.key) == (16_000, (), "key")


def test_a_clip_that_was_given_otherwise_before_has_another_key(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", FOUR_SECONDS, Sound(2.0, start=2.0))
    assert decode(path).key != "key"


def test_a_separate_sound_begins_when_the_file_of_the_picture_does(tmp_path: Path) -> None:
    picture = Picture(frames=50, size=SMALL, start=2.0)
    video = make_clip(tmp_path / "clip.mp4", picture, Sound(4.0))
    audio = make_clip(tmp_path / "clip.wav", None, Sound(4.0, codec="pcm_s16le"))
    media = decode(video, audio=audio)
    assert media.timestamps[0] == pytest.approx(2.0, abs=0.1)
    assert heard(media) == spans((0.0, 4.0))

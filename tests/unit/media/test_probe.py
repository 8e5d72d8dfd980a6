from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.contracts.item import Clip
from emoreal_bench.media.probe import probe_clip
from tests.media_files import Picture, Sound, make_clip


def test_a_probe_tells_what_a_clip_is(tmp_path: Path) -> None:
    picture = Picture(frames=60, rate=30, size=(320, 180))
    facts = probe_clip(Clip("clip", make_clip(tmp_path / "clip.mp4", picture, Sound(2.0))))
    assert (facts.width, facts.height, facts.sample_rate) == (320, 180, 48_000)
    assert facts.seconds == pytest.approx(2.0, abs=0.05)
    assert facts.frame_rate == pytest.approx(30.0)
    assert facts.has_video
    assert facts.has_audio
    assert facts.problem is None


def test_a_probe_looks_into_a_separate_file_of_sound(tmp_path: Path) -> None:
    video = make_clip(tmp_path / "clip.mp4", sound=None)
    audio = make_clip(tmp_path / "sound.wav", None, Sound(3.0, codec="pcm_s16le"))
    facts = probe_clip(Clip("clip", video, audio))
    assert facts.has_audio
    assert facts.seconds == pytest.approx(3.0)


def test_a_probe_tells_which_modality_a_clip_lacks(awkward_clips: dict[str, Path]) -> None:
    silent = probe_clip(Clip("clip", awkward_clips["no sound"]))
    assert (silent.has_video, silent.has_audio) == (True, False)
    sound = probe_clip(Clip("clip", awkward_clips["sound only"]))
    assert (sound.has_video, sound.has_audio) == (False, True)


def test_a_probe_finds_the_clips_that_cannot_be_used(awkward_clips: dict[str, Path]) -> None:
    found = {kind for kind, path in awkward_clips.items() if probe_clip(Clip(kind, path)).problem}
    assert found == {kind for kind in awkward_clips if kind.startswith("broken")}

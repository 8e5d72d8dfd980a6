from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import DecodeLimits
from tests.media_files import Picture, Sound, make_clip

SOUND_ONLY = MediaWanted(modalities=(Modality.AUDIO,))


def decode(path: Path, wanted: MediaWanted = SOUND_ONLY, audio: Path | None = None) -> ClipMedia:
    return decode_clip(Clip("clip", path, audio), wanted, key="key", limits=DecodeLimits())


def waveform_of(media: ClipMedia) -> NDArray[np.float32]:
    assert media.waveform is not None
    return media.waveform


def amplitude_at(media: ClipMedia, pitch: float) -> float:
    """Amplitude of the sine of this pitch in the middle half of the sound."""
    waveform = waveform_of(media)
    middle = waveform[len(waveform) // 4 : 3 * len(waveform) // 4]
    time = np.arange(len(middle)) / media.sample_rate
    return float(2 * np.abs(np.mean(middle * np.exp(-2j * np.pi * pitch * time))))


def write_wav(path: Path, sound: Sound) -> Path:
    return make_clip(path, picture=None, sound=sound)


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("clip.mp4", Sound(2.0)),
        ("clip.mp4", Sound(2.0, sample_rate=44_100)),
        ("clip.ts", Sound(2.0, sample_rate=22_050)),
        ("clip.mkv", Sound(2.0, codec="pcm_s16le", sample_rate=8_000)),
        ("clip.mkv", Sound(2.0, codec="libopus")),
        ("clip.mkv", Sound(2.0, codec="pcm_s16le", pitches=(440.0,) * 6)),
    ],
)
def test_a_sine_keeps_its_pitch_level_and_length(tmp_path: Path, name: str, sound: Sound) -> None:
    media = decode(make_clip(tmp_path / name, sound=sound))
    assert media.sample_rate == 16_000
    assert len(waveform_of(media)) == pytest.approx(32_000, abs=1_600)
    assert amplitude_at(media, 440.0) == pytest.approx(0.5, abs=0.02)
    assert amplitude_at(media, 700.0) < 0.01


def test_uncompressed_sound_has_exactly_its_length(tmp_path: Path) -> None:
    wave = write_wav(tmp_path / "sound.wav", Sound(1.5, codec="pcm_s16le"))
    assert len(waveform_of(decode(wave))) == 24_000


def test_channels_are_averaged(tmp_path: Path) -> None:
    stereo = Sound(codec="pcm_s16le", pitches=(440.0, 880.0))
    media = decode(write_wav(tmp_path / "sound.wav", stereo))
    assert amplitude_at(media, 440.0) == pytest.approx(0.25, abs=0.01)
    assert amplitude_at(media, 880.0) == pytest.approx(0.25, abs=0.01)


def test_the_first_channel_is_taken_alone_when_wanted(tmp_path: Path) -> None:
    stereo = Sound(codec="pcm_s16le", pitches=(440.0, 880.0))
    first = SOUND_ONLY.model_copy(update={"channel": "first"})
    media = decode(write_wav(tmp_path / "sound.wav", stereo), first)
    assert amplitude_at(media, 440.0) == pytest.approx(0.5, abs=0.01)
    assert amplitude_at(media, 880.0) < 0.01


def test_sound_is_cut_after_the_wanted_time_and_the_picture_is_not(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Picture(frames=50), Sound(2.0))
    whole = decode(path, MediaWanted())
    cut = decode(path, MediaWanted(max_seconds=0.7))
    assert np.array_equal(waveform_of(cut), waveform_of(whole)[:11_200])
    assert cut.timestamps == whole.timestamps
    assert cut.duration == whole.duration == pytest.approx(2.0, abs=0.05)
    assert cut.notes == ("sound cut after 0.7 s",)


def test_sound_that_lasts_exactly_the_wanted_time_is_not_called_cut(tmp_path: Path) -> None:
    wave = write_wav(tmp_path / "sound.wav", Sound(1.0, codec="pcm_s16le"))
    media = decode(wave, SOUND_ONLY.model_copy(update={"max_seconds": 1.0}))
    assert len(waveform_of(media)) == 16_000
    assert media.notes == ()


def test_samples_stay_within_full_scale(tmp_path: Path) -> None:
    loud = Sound(codec="pcm_s16le", sample_rate=44_100, level=1.0, pitches=(7_000.0,))
    assert np.abs(waveform_of(decode(write_wav(tmp_path / "sound.wav", loud)))).max() <= 1.0


def test_a_clip_without_sound_is_an_ordinary_value(awkward_clips: dict[str, Path]) -> None:
    media = decode(awkward_clips["no sound"], MediaWanted())
    assert media.waveform is None
    assert media.frames is not None
    assert media.notes == ("clip has no sound",)


def test_sound_that_is_not_wanted_is_not_decoded(tmp_path: Path) -> None:
    media = decode(make_clip(tmp_path / "clip.mp4"), MediaWanted(modalities=(Modality.VIDEO,)))
    assert media.waveform is None
    assert media.notes == ()


def test_a_separate_file_of_sound_is_preferred_to_the_sound_of_the_video(tmp_path: Path) -> None:
    video = make_clip(tmp_path / "clip.mp4", sound=Sound(pitches=(440.0,)))
    audio = write_wav(tmp_path / "sound.wav", Sound(3.0, pitches=(600.0,), codec="pcm_s16le"))
    media = decode(video, MediaWanted(), audio)
    assert amplitude_at(media, 600.0) == pytest.approx(0.5, abs=0.01)
    assert amplitude_at(media, 440.0) < 0.01
    assert media.duration == pytest.approx(3.0)
    assert media.frames is not None


def test_a_clip_of_two_files_names_none_to_be_sent_whole(tmp_path: Path) -> None:
    video = make_clip(tmp_path / "clip.mp4", sound=Sound(pitches=(440.0,)))
    audio = write_wav(tmp_path / "sound.wav", Sound(3.0, pitches=(600.0,), codec="pcm_s16le"))
    assert decode(video, MediaWanted(), audio).path is None
    assert decode(video, MediaWanted()).path == video


def test_a_separate_file_of_sound_that_is_absent_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError) as raised:
        decode(make_clip(tmp_path / "clip.mp4"), MediaWanted(), tmp_path / "absent.wav")
    assert raised.value.kind is MediaProblem.ABSENT
    assert raised.value.where == str(tmp_path / "absent.wav")

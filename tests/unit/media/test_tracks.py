"""Which tracks of a file are taken, and what is no damage to it."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.media.container import PacketTime, Track
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.probe import probe_clip
from tests.media_files import Picture, Sound, cut_without_decoding, make_clip, read_barcodes
from tests.unit.media.test_sound import amplitude_at

SMALL = Picture(frames=25, size=(160, 120))
FILM = Sound(1.0, pitches=(440.0,))
OTHER = Sound(1.0, pitches=(880.0,))
AS_MARKED = {"default_mode": "passthrough"}


def decode(path: Path, audio: Path | None = None, **wanted: str) -> ClipMedia:
    clip = Clip("clip", path, audio)
    media = MediaWanted().model_copy(update=wanted)
    return decode_clip(clip, media, key="key", limits=DecodeLimits())


def marked(sound: Sound, marks: Disposition) -> Sound:
    return Sound(sound.seconds, sound.pitches, marks=marks)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Disposition(0), Disposition.default),
        (Disposition.comment, Disposition.default),
        (Disposition.comment, Disposition(0)),
        (Disposition.comment | Disposition.default, Disposition(0)),
        (Disposition.hearing_impaired, Disposition(0)),
        (Disposition.visual_impaired | Disposition.default, Disposition(0)),
    ],
)
def test_the_films_own_sound_is_taken(
    tmp_path: Path, first: Disposition, second: Disposition
) -> None:
    path = make_clip(
        tmp_path / "clip.mkv",
        SMALL,
        marked(FILM, second),
        container_options=AS_MARKED,
        before=(marked(OTHER, first),),
    )
    media = decode(path)
    assert amplitude_at(media, 440.0) == pytest.approx(0.5, abs=0.02)
    assert media.notes == ("sound is track 2 of 2",)
    assert media.path is None, "a service could take the other track"


def test_of_equal_tracks_the_first_is_taken_and_noted(tmp_path: Path) -> None:
    media = decode(make_clip(tmp_path / "clip.mp4", SMALL, OTHER, before=(FILM,)))
    assert amplitude_at(media, 440.0) == pytest.approx(0.5, abs=0.02)
    assert media.notes == ("sound is track 1 of 2",)


def test_a_track_with_more_channels_is_taken_as_ffmpeg_takes_it(tmp_path: Path) -> None:
    film = Sound(1.0, pitches=(440.0, 440.0), marks=Disposition(0))
    other = marked(OTHER, Disposition(0))
    path = tmp_path / "clip.mkv"
    make_clip(path, SMALL, film, container_options=AS_MARKED, before=(other,))
    media = decode(path)
    assert amplitude_at(media, 440.0) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("marks", [Disposition(0), Disposition.default])
@pytest.mark.parametrize("size", [(32, 32), (640, 480)])
def test_a_still_without_the_mark_of_one_is_not_the_film(
    tmp_path: Path, marks: Disposition, size: tuple[int, int]
) -> None:
    still = Picture(frames=1, size=size, codec="ffv1", marks=marks)
    media = decode(make_clip(tmp_path / "clip.mkv", SMALL, FILM, before=(still,)))
    assert read_barcodes(media.frames) == [0, 3, 6, 10, 13, 17, 20, 24]
    assert media.notes == ("picture is track 2 of 2",)


def test_the_sound_that_a_cut_left_without_samples_is_none(tmp_path: Path) -> None:
    long = make_clip(tmp_path / "long.mp4", Picture(100, options={"g": "25"}), Sound(0.5))
    media = decode(cut_without_decoding(long, tmp_path / "cut.mp4", 2.0))
    assert media.frames is not None
    assert media.waveform is None
    assert "clip has no sound" in media.notes
    assert not probe_clip(Clip("cut", tmp_path / "cut.mp4")).has_audio


def wav_header(data: int, riff: int, rate: int = 16_000) -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + form + struct.pack("<4sI", b"data", data)


@pytest.mark.parametrize(
    ("data", "riff"),
    [
        (0xFFFF_FFFF, 0xFFFF_FFFF),  # FFmpeg
        (0, 0),
        (0, 36),
        (0x7FFF_F000, 0x7FFF_F024),  # SoX
        (0x8000_0000, 0x8000_0024),  # arecord
    ],
)
@pytest.mark.parametrize("odd", [b"", b"\x00"])
def test_a_wav_from_a_pipe_has_its_whole_sound(
    tmp_path: Path, data: int, riff: int, odd: bytes
) -> None:
    path = tmp_path / "pipe.wav"
    path.write_bytes(wav_header(data, riff) + b"\x00\x10" * 32_100 + odd)
    media = decode(path)
    assert media.waveform is not None
    assert len(media.waveform) == 32_100
    assert media.notes == ("clip has no picture",)


def test_a_wav_without_samples_beside_a_picture_is_no_sound(tmp_path: Path) -> None:
    empty = tmp_path / "empty.wav"
    empty.write_bytes(wav_header(0, 36))
    video = make_clip(tmp_path / "clip.mp4", SMALL, FILM)
    media = decode(video, empty)
    assert media.frames is not None
    assert (media.waveform, media.notes) == (None, ("clip has no sound",))
    facts = probe_clip(Clip("clip", video, empty))
    assert (facts.problem, facts.has_audio, facts.has_video) == (None, False, True)


def test_a_clip_of_nothing_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.write_bytes(wav_header(0, 36))
    with pytest.raises(MediaError) as raised:
        decode(path)
    assert raised.value.kind is MediaProblem.NO_STREAMS


def test_packets_without_times_follow_on_each_other(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", SMALL, Sound(sample_rate=48_000))
    packets = [PacketTime(None, 0, True)] * 3
    with av.open(str(path)) as container:
        sound = Track(container.streams.audio[0], packet_times=packets)
        assert sound.times() == [0, 1_024, 2_048]
        picture = Track(container.streams.video[0], packet_times=packets)
        assert [time * picture.time_base * 25 for time in picture.times()] == [0, 1, 2]


STEREO = (440.0, 440.0)
SURROUND = (440.0,) * 6
SILENT = "sound is silent (-120.0 dBFS)"
CENTRE = (0.0, 0.0, 0.5, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("channel", "levels", "notes"),
    [
        ("first", (0.5, 0.5), []),
        ("first", (0.5, 0.1), []),
        ("first", CENTRE, ["sound is silent (-120.0", "channel 3 of 6 is left out (-9.0 dBFS)"]),
        (
            "first",
            (0.0, 0.5),
            ["sound is silent (-120.0", "channel 2 of 2 is left out (-9.0 dBFS)"],
        ),
        ("mean", (0.5, 0.5), []),
        ("mean", (0.0, 0.5), []),
        ("mean", CENTRE, ["the mean of 6 channels has -24.6 dBFS; the loudest has -9.0 dBFS"]),
        ("mean", (0.5, -0.5), [SILENT, "the mean of 2 channels has -120.0"]),
        ("mean", (0.5, -0.4), ["the mean of 2 channels has -29.0 dBFS"]),
        ("mean", (0.0, 0.0), [SILENT]),
    ],
)
def test_what_one_channel_of_several_loses_is_noted(
    tmp_path: Path, channel: str, levels: tuple[float, ...], notes: list[str]
) -> None:
    pitches = SURROUND if len(levels) == 6 else STEREO
    sound = Sound(1.0, pitches, codec="pcm_s16le", levels=levels)
    media = decode(make_clip(tmp_path / "clip.wav", None, sound), channel=channel)
    found = media.notes[1:]
    assert len(found) == len(notes)
    assert all(note.startswith(start) for note, start in zip(found, notes, strict=True)), found


@pytest.mark.parametrize("channels", [7, 8, 9, 16, 24])
def test_sound_of_any_number_of_channels_is_mixed(tmp_path: Path, channels: int) -> None:
    """PyAV reads past the end of planar frames of eight channels or more."""
    samples = np.zeros((16_000, channels), "<i2")
    samples[:, -1] = np.round(16_384 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000))
    with wave.open(str(tmp_path / "clip.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    media = decode(tmp_path / "clip.wav")
    assert amplitude_at(media, 440.0) == pytest.approx(0.5 / channels, rel=0.01)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_sound_that_is_no_number_is_named(tmp_path: Path, value: float) -> None:
    samples = np.zeros(16_000, "<f4")
    samples[500] = value
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, 16_000, 64_000, 4, 32)
    content = b"WAVE" + form + struct.pack("<4sI", b"data", samples.nbytes) + samples.tobytes()
    path = tmp_path / "clip.wav"
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(content)) + content)
    with pytest.raises(MediaError, match="no numbers"):
        decode(path)


def test_a_left_out_voice_beside_another_is_noted(tmp_path: Path) -> None:
    two_voices = Sound(1.0, (440.0, 880.0), codec="pcm_s16le")
    media = decode(make_clip(tmp_path / "clip.wav", None, two_voices), channel="first")
    assert media.notes[1].startswith("channel 2 of 2 is left out (-9.0 dBFS)")


def test_the_level_is_that_of_the_sound_as_given(tmp_path: Path) -> None:
    sine = make_clip(tmp_path / "clip.wav", None, Sound(codec="pcm_s16le", sample_rate=16_000))
    wanted = MediaWanted(modalities=(Modality.AUDIO,))
    media = decode_clip(Clip("clip", sine), wanted, key="key", limits=DecodeLimits())
    assert media.level() == pytest.approx(0.5 / 2**0.5, rel=0.01)

"""Joined recordings, pixels that are not square, programs, and other tracks that sound."""

from __future__ import annotations

import contextlib
import random
from fractions import Fraction
from pathlib import Path

import pytest

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.note import NoteKind
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.probe import probe_clip
from tests.media_files import (
    OTHER_PROGRAM,
    Picture,
    Sound,
    join_programs,
    make_clip,
    read_barcodes,
)
from tests.unit.media.test_sound import amplitude_at

SMALL = Picture(frames=25, size=(160, 120))
JOINED = NoteKind.JOINED.text(2)


def decode(path: Path, frames: int = 8, size: int | None = 448) -> ClipMedia:
    wanted = MediaWanted(frames=frames, size=size)
    return decode_clip(Clip("clip", path), wanted, key="key", limits=DecodeLimits())


def join(target: Path, *parts: Path) -> Path:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
def test_recordings_whose_times_begin_anew_follow_on_each_other(
    tmp_path: Path, suffix: str
) -> None:
    codecs = ("libx264", "aac") if suffix == ".ts" else ("mpeg2video", "mp2")
    one = make_clip(
        tmp_path / f"one{suffix}", Picture(codec=codecs[0]), Sound(1.0, codec=codecs[1])
    )
    media = decode(join(tmp_path / f"two{suffix}", one, one), frames=50)
    assert JOINED in media.notes
    assert read_barcodes(media.frames) == [*range(25), *range(25)]
    assert media.timestamps[-1] == pytest.approx(1.96, abs=0.05)
    assert media.waveform is not None
    assert len(media.waveform) / media.sample_rate == pytest.approx(2.0, abs=0.2)
    assert media.path is None


def test_recordings_whose_times_go_on_are_joined_too(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "1.ts", SMALL, Sound(1.0))
    second = make_clip(
        tmp_path / "2.ts", SMALL, Sound(1.0), container_options={"output_ts_offset": "1"}
    )
    media = decode(join(tmp_path / "both.ts", first, second))
    assert JOINED in media.notes
    assert media.duration == pytest.approx(2.0, abs=0.1)


def test_a_size_that_changes_midway_is_noted_and_all_frames_have_the_first(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "1.ts", SMALL, Sound(1.0))
    second = make_clip(tmp_path / "2.ts", Picture(size=(320, 240)), Sound(1.0))
    media = decode(join(tmp_path / "both.ts", first, second), frames=50)
    assert NoteKind.SIZE_CHANGES.text() in media.notes
    assert media.frames is not None
    assert media.frames.shape[1:3] == (120, 160)
    assert read_barcodes(media.frames) == [*range(25), *range(25)]


def test_sound_that_changes_its_format_midway_is_refused_by_this_name(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "1.ts", SMALL, Sound(1.0))
    second = make_clip(tmp_path / "2.ts", SMALL, Sound(1.0, pitches=(440.0, 440.0)))
    with pytest.raises(MediaError, match="from 48000 Hz mono to 48000 Hz stereo") as caught:
        decode(join(tmp_path / "both.ts", first, second))
    assert caught.value.kind is MediaProblem.FORMAT_CHANGES


def test_packets_that_got_lost_are_damage_and_no_join(tmp_path: Path) -> None:
    content = make_clip(tmp_path / "whole.ts", SMALL, Sound(1.0)).read_bytes()
    packets = [content[at : at + 188] for at in range(0, len(content), 188)]
    path = tmp_path / "lossy.ts"
    places = random.Random(7)
    for _ in range(40):
        start, number = places.randrange(10, len(packets) - 30), places.choice([1, 2, 3, 10, 20])
        lost = packets[start : start + number]
        path.write_bytes(b"".join(packets[:start] + packets[start + number :]))
        if any(packet[1:3] in (b"\x01\x00", b"\x41\x00") for packet in lost):  # of the picture
            with pytest.raises(MediaError) as caught:
                decode(path)
            assert caught.value.kind is MediaProblem.DAMAGED
        else:
            with contextlib.suppress(MediaError):
                assert JOINED not in decode(path).notes


@pytest.mark.parametrize(
    ("aspect", "width"), [(Fraction(2), 320), (Fraction(1, 2), 80), (Fraction(16, 15), 171)]
)
def test_frames_are_as_wide_as_a_player_shows_them(
    tmp_path: Path, aspect: Fraction, width: int
) -> None:
    media = decode(make_clip(tmp_path / "clip.mp4", Picture(aspect=aspect), None))
    assert media.frames is not None
    assert media.frames.shape[1:3] == (120, width)
    assert NoteKind.PIXELS_NOT_SQUARE.text(aspect.numerator, aspect.denominator) in media.notes
    assert media.path is None
    assert read_barcodes(media.frames)[-1] == 24


def test_a_shape_counts_before_the_frames_are_turned_and_scaled(tmp_path: Path) -> None:
    picture = Picture(aspect=Fraction(2), rotation=90)
    media = decode(make_clip(tmp_path / "clip.mp4", picture, None), size=60)
    assert media.frames is not None
    assert media.frames.shape[1:3] == (160, 60)


def test_the_bound_on_pixels_is_that_of_frames_as_shown(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Picture(aspect=Fraction(2)), None)
    limits = DecodeLimits(frame_pixels=160 * 120)
    with pytest.raises(MediaError, match="320x120") as caught:
        decode_clip(Clip("clip", path), MediaWanted(), key="key", limits=limits)
    assert caught.value.kind is MediaProblem.TOO_LARGE


def test_square_pixels_need_no_note(tmp_path: Path) -> None:
    media = decode(make_clip(tmp_path / "clip.mp4", Picture(aspect=Fraction(1)), Sound()))
    assert media.notes == ()
    assert media.path is not None
    assert media.key == "key"


def test_picture_and_sound_are_of_one_program(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "a.ts", SMALL, Sound(1.0, pitches=(440.0,)))
    larger = Picture(size=(320, 240))
    second = make_clip(
        tmp_path / "b.ts", larger, Sound(1.0, (880.0,)), container_options=OTHER_PROGRAM
    )
    media = decode(join_programs(first, second, tmp_path / "both.ts"))
    assert media.frames is not None
    assert media.waveform is not None
    assert media.frames.shape[1:3] == (240, 320)
    assert amplitude_at(media, 880.0) > 10 * amplitude_at(media, 440.0)
    assert NoteKind.PROGRAM_CHOSEN.text(2, 2) in media.notes


def test_a_program_without_sound_gets_none_of_another(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "a.ts", SMALL, Sound(1.0))
    second = make_clip(
        tmp_path / "b.ts", Picture(size=(320, 240)), None, container_options=OTHER_PROGRAM
    )
    media = decode(join_programs(first, second, tmp_path / "both.ts"))
    assert media.waveform is None
    assert NoteKind.NO_SOUND.text() in media.notes


def test_a_silent_track_is_noted_with_the_one_beside_it_that_sounds(tmp_path: Path) -> None:
    left, right = Sound(1.0, level=0.0, codec="pcm_s16le"), Sound(1.0, codec="pcm_s16le")
    media = decode(make_clip(tmp_path / "clip.mov", SMALL, right, before=(left,)))
    assert NoteKind.SOUND_SILENT.text(-120) in media.notes
    assert any(note.startswith("sound track 2 of 2 is left out") for note in media.notes)
    both_silent = decode(make_clip(tmp_path / "silent.mov", SMALL, left, before=(left,)))
    assert not any("is left out" in note for note in both_silent.notes)


def test_a_file_in_which_nothing_can_be_read_is_a_problem_without_decoding(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    header = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\0\0\0\0"
    path.write_bytes(header)
    assert probe_clip(Clip("clip", path)).problem == (
        "holds no picture and no sound that can be read"
    )

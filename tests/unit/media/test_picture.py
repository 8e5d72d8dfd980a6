from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.picture import scaled_size
from tests.media_files import Picture, draw_barcode, make_clip, read_barcode, read_barcodes

PICTURE_ONLY = MediaWanted(modalities=(Modality.VIDEO,))


def decode(path: Path, wanted: MediaWanted = PICTURE_ONLY) -> ClipMedia:
    return decode_clip(Clip("clip", path), wanted, key="key", limits=DecodeLimits())


def papers_indices(frames: int, count: int = 8) -> list[int]:
    return [int(index) for index in np.linspace(0, frames - 1, count)]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("clip.mp4", "libx264"),
        ("clip.mkv", "libx264"),
        ("clip.ts", "libx264"),
        ("clip.avi", "libx264"),
        ("clip.avi", "mpeg4"),
        ("clip.mov", "libx264"),
        ("clip.flv", "libx264"),
        ("clip.mpg", "mpeg2video"),
        ("clip.h264", "libx264"),
        ("clip.webm", "libvpx-vp9"),
        ("clip.webm", "libvpx"),
    ],
)
@pytest.mark.parametrize("rate", [25, 30])
def test_sampled_frames_are_exactly_the_wanted_ones(
    tmp_path: Path, name: str, codec: str, rate: int
) -> None:
    fast = {"deadline": "realtime", "cpu-used": "8"} if "vpx" in codec else {}
    picture = Picture(frames=53, rate=rate, codec=codec, options=fast)
    media = decode(make_clip(tmp_path / name, picture, sound=None))
    assert read_barcodes(media.frames) == papers_indices(53)
    assert media.timestamps == pytest.approx([i / rate for i in papers_indices(53)], abs=0.002)
    assert media.duration == pytest.approx(53 / rate, abs=0.01)
    assert media.notes == ()


def test_a_stream_copied_cut_shows_only_frames_after_the_cut(
    awkward_clips: dict[str, Path],
) -> None:
    media = decode(awkward_clips["stream-copied cut"])
    assert read_barcodes(media.frames) == [31 + index for index in papers_indices(29)]


def test_what_decodes_is_sampled_where_the_file_holds_frames_that_cannot(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mkv", Picture(frames=60, options={"g": "12"}), sound=None)
    headless = tmp_path / "headless.mkv"
    with av.open(str(whole)) as old, av.open(str(headless), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in list(old.demux(video=0))[6:]:
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    with av.open(str(headless)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    shown = [read_barcode(picture.astype(np.uint8)) for picture in pictures]
    assert len(shown) < 54, "every packet decodes, so this file tests nothing"
    media = decode(headless)
    assert read_barcodes(media.frames) == [shown[index] for index in papers_indices(len(shown))]
    assert f"clip holds 54 packets of picture and shows {len(shown)} frames" in media.notes


def test_a_variable_frame_rate_is_sampled_by_time(tmp_path: Path) -> None:
    ticks = [40 * i for i in range(20)] + [800 + 200 * i for i in range(10)]
    picture = Picture(frames=30, ticks=ticks)
    media = decode(make_clip(tmp_path / "clip.mp4", picture, sound=None))
    moments = [Fraction(ticks[-1] * k, 7) for k in range(8)]
    expected = [max(i for i, tick in enumerate(ticks) if tick <= moment) for moment in moments]
    assert read_barcodes(media.frames) == expected
    assert media.timestamps == pytest.approx([ticks[i] / 1000 for i in expected], abs=0.001)
    assert media.notes == ("frames are unevenly spaced; sampled by time",)


def test_middles_are_sampled_when_wanted(tmp_path: Path) -> None:
    wanted = PICTURE_ONLY.model_copy(update={"sampling": "middles", "frames": 5})
    media = decode(make_clip(tmp_path / "clip.mp4", Picture(frames=50)), wanted)
    assert read_barcodes(media.frames) == [5, 15, 25, 35, 45]


def test_a_single_frame_is_repeated_and_noted(awkward_clips: dict[str, Path]) -> None:
    media = decode(awkward_clips["one frame"])
    assert read_barcodes(media.frames) == [0] * 8
    assert media.timestamps == (0.0,) * 8
    assert media.notes == ("clip has fewer frames (1) than wanted (8); they repeat",)


def test_frames_look_like_what_was_drawn(tmp_path: Path) -> None:
    sharp = Picture(frames=3, options={"crf": "5"})
    media = decode(make_clip(tmp_path / "clip.mp4", sharp), MediaWanted(frames=3))
    assert media.frames is not None
    drawn = np.stack([draw_barcode(number, (160, 120)) for number in range(3)])
    assert np.abs(media.frames.astype(int) - drawn).mean() < 4


def test_frames_are_scaled_to_the_shorter_side_and_keep_their_shape(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Picture(size=(320, 180)))
    media = decode(path, PICTURE_ONLY.model_copy(update={"size": 90}))
    assert media.frames is not None
    assert media.frames.shape == (8, 90, 160, 3)
    assert read_barcodes(media.frames) == papers_indices(25)


@pytest.mark.parametrize(
    ("stored", "shorter", "scaled"),
    [
        ((640, 360), 224, (398, 224)),
        ((360, 640), 224, (224, 398)),
        ((500, 500), 101, (101, 101)),
        ((320, 240), 448, (320, 240)),
        ((321, 241), None, (321, 241)),
        ((321, 241), 241, (321, 241)),
    ],
)
def test_a_size_bounds_the_shorter_side_and_never_enlarges(
    stored: tuple[int, int], shorter: int | None, scaled: tuple[int, int]
) -> None:
    assert scaled_size(*stored, shorter) == scaled


@pytest.mark.parametrize("degrees", [-90, 90, 180])
def test_a_clip_filmed_with_a_turned_camera_comes_upright(tmp_path: Path, degrees: int) -> None:
    path = make_clip(tmp_path / "clip.mp4", Picture(rotation=degrees), sound=None)
    media = decode(path)
    assert media.frames is not None
    turned_back = np.rot90(media.frames, k=-degrees // 90, axes=(1, 2))
    assert turned_back.shape == (8, 120, 160, 3)
    assert read_barcodes(turned_back) == papers_indices(25)


def test_a_picture_that_is_not_wanted_is_not_decoded(tmp_path: Path) -> None:
    media = decode(make_clip(tmp_path / "clip.mp4"), MediaWanted(modalities=(Modality.AUDIO,)))
    assert media.frames is None
    assert media.timestamps == ()
    assert media.waveform is not None


def test_a_file_of_sound_has_no_picture(awkward_clips: dict[str, Path]) -> None:
    media = decode(awkward_clips["sound only"], MediaWanted())
    assert media.frames is None
    assert media.waveform is not None
    assert media.notes == ("clip has no picture",)


def test_a_clip_decodes_to_the_same_bytes_again(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Picture(size=(320, 240)))
    wanted = MediaWanted(size=100)
    first, second = decode(path, wanted), decode(path, wanted)
    assert first.frames is not None
    assert second.frames is not None
    assert first.waveform is not None
    assert second.waveform is not None
    assert first.frames.tobytes() == second.frames.tobytes()
    assert first.waveform.tobytes() == second.waveform.tobytes()

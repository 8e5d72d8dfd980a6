"""Files written in memory hold what the arrays hold, by an independent decoder."""

from __future__ import annotations

import io
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from emoreal_bench.model_adapters.remote.encoding import (
    encode_jpeg,
    encode_mp4,
    encode_wav,
    read_contents,
)
from tests.media_files import draw_barcode, read_barcodes

RATE = 16_000


def gradient(height: int, width: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[0:height, 0:width]
    picture = np.stack([columns * 200 / width, rows * 200 / height, (rows + columns) / 2], axis=-1)
    return picture.astype(np.uint8)


def sine(seconds: float) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


def decode_picture(content: bytes) -> NDArray[np.uint8]:
    with av.open(io.BytesIO(content), "r") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(frames).astype(np.uint8)


def decode_times(content: bytes) -> list[float]:
    with av.open(io.BytesIO(content), "r") as container:
        return [frame.time or 0.0 for frame in container.decode(video=0)]


def decode_sound(content: bytes) -> NDArray[np.float32]:
    with av.open(io.BytesIO(content), "r") as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        frames = [made for frame in container.decode(audio=0) for made in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32)


@pytest.mark.parametrize("size", [(240, 320), (241, 321), (1, 1)])
def test_a_jpeg_keeps_the_picture_and_its_size(size: tuple[int, int]) -> None:
    picture = gradient(*size)
    (decoded,) = decode_picture(encode_jpeg(picture))
    assert decoded.shape == picture.shape
    assert np.abs(decoded.astype(int) - picture).mean() < 3


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1.5, 1.5, width=32), min_size=1, max_size=200))
def test_a_wav_keeps_every_sample_to_sixteen_bits(samples: list[float]) -> None:
    waveform = np.array(samples, np.float32)
    decoded = decode_sound(encode_wav(waveform, RATE))
    assert decoded == pytest.approx(np.clip(waveform, -1, 1), abs=1e-4)


def test_an_mp4_shows_each_frame_at_its_time_and_the_last_one_to_the_end() -> None:
    frames = np.stack([draw_barcode(number, (160, 120)) for number in range(5)])
    times = (0.0, 0.04, 0.5, 1.25, 1.9)
    content = encode_mp4(frames, times, 3.0, sine(3.0), RATE)
    assert read_barcodes(decode_picture(content)) == [0, 1, 2, 3, 4]
    assert decode_times(content) == pytest.approx(list(times), abs=0.001)
    with av.open(io.BytesIO(content), "r") as container:
        assert container.duration == pytest.approx(3.0e6, rel=0.01)


def test_an_mp4_keeps_the_sound() -> None:
    frames = np.stack([gradient(64, 64)] * 2)
    decoded = decode_sound(encode_mp4(frames, (0.0, 0.5), 1.0, sine(1.0), RATE))
    assert np.corrcoef(decoded[:RATE], sine(1.0))[0, 1] > 0.99


def test_an_mp4_without_sound_has_no_sound_track() -> None:
    content = encode_mp4(np.stack([gradient(64, 64)]), (0.0,), 1.0)
    with av.open(io.BytesIO(content), "r") as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_frames_of_one_time_are_all_kept_in_order() -> None:
    frames = np.stack([draw_barcode(number, (160, 120)) for number in range(4)])
    content = encode_mp4(frames, (0.2, 0.2, 0.2, 0.2), 0.2)
    assert read_barcodes(decode_picture(content)) == [0, 1, 2, 3]
    assert all(later > earlier for earlier, later in pairwise(decode_times(content)))


def test_an_odd_size_loses_nothing() -> None:
    picture = gradient(63, 65)
    (decoded,) = decode_picture(encode_mp4(np.stack([picture]), (0.0,), 1.0))
    assert decoded.shape == (64, 66, 3)
    assert np.abs(decoded[:63, :65].astype(int) - picture).mean() < 4


def test_equal_arrays_give_equal_bytes() -> None:
    frames, sound = np.stack([gradient(64, 64)] * 3), sine(1.0)
    assert encode_jpeg(frames[0]) == encode_jpeg(frames[0].copy())
    once, again = (encode_mp4(frames, (0.0, 0.1, 0.2), 1.0, sound, RATE) for _ in range(2))
    assert once == again


def test_contents_are_counted_without_decoding() -> None:
    content = encode_mp4(np.stack([gradient(64, 64)] * 7), tuple(range(7)), 7.0, sine(2.0), RATE)
    contents = read_contents(content)
    assert contents.frames == 7
    assert contents.audio_seconds == pytest.approx(2.0, abs=0.07)


def test_rubbish_is_no_file() -> None:
    with pytest.raises(OSError, match="cannot be read"):
        read_contents(b"no film at all")


def test_a_late_picture_begins_at_its_time_beside_the_sound() -> None:
    frames = np.stack([draw_barcode(number, (64, 48)) for number in range(4)])
    content = encode_mp4(frames, (2.0, 2.5, 3.0, 3.5), 4.0, sine(4.0), RATE, 2.0)
    assert decode_times(content) == pytest.approx([2.0, 2.5, 3.0, 3.5], abs=0.01)
    assert len(decode_sound(content)) == pytest.approx(4.0 * RATE, abs=2_048)

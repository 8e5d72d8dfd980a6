"""Pictures for pages: the frames that a model was given, and the shape of the sound."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_ROW = 8
FRAME_HEIGHT = 120
ENVELOPE_STEPS = 240
ENVELOPE_TOP = 100


def contact_sheet(frames: NDArray[np.uint8]) -> bytes:
    """Draw frames in rows of eight, first to last, as one JPEG.

    Args:
        frames: ``(n, height, width, 3)`` RGB, n at least 1.
    """
    from av import VideoFrame

    number, height, width = frames.shape[:3]
    # Even, since the colours of a JPEG are stored for two pixels at a time.
    thumb_width = max(2, round(width * FRAME_HEIGHT / height / 2) * 2)
    columns = min(number, FRAMES_PER_ROW)
    rows = -(-number // FRAMES_PER_ROW)
    sheet = np.zeros((rows * FRAME_HEIGHT, columns * thumb_width, 3), np.uint8)
    for index, frame in enumerate(frames):
        row, column = divmod(index, FRAMES_PER_ROW)
        small = VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24").reformat(
            width=thumb_width, height=FRAME_HEIGHT, interpolation="AREA"
        )
        top, left = row * FRAME_HEIGHT, column * thumb_width
        sheet[top : top + FRAME_HEIGHT, left : left + thumb_width] = small.to_ndarray()
    return _jpeg(sheet)


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    from av import CodecContext, VideoFrame
    from av.video.codeccontext import VideoCodecContext

    encoder = CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": "3", "qmax": "3"}
    frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))


@dataclass(frozen=True, slots=True)
class Envelope:
    """The shape of a sound.

    Attributes:
        heights: The loudest sample of each of 240 equal stretches, as a share of the peak,
            0 to 100: quiet sound has a shape too.
        peak: The loudest sample of all, 0..1.
    """

    heights: list[int]
    peak: float


def envelope(waveform: NDArray[np.float32]) -> Envelope:
    """Return the shape of a sound.

    Args:
        waveform: ``(samples,)`` in -1..1.
    """
    if not waveform.size:
        return Envelope([0] * ENVELOPE_STEPS, 0.0)
    edges = np.linspace(0, waveform.size, ENVELOPE_STEPS + 1).astype(np.int64)
    starts = np.minimum(edges[:-1], waveform.size - 1)
    peaks = np.minimum(np.maximum.reduceat(np.abs(waveform), starts), 1.0).astype(np.float64)
    peak = float(peaks.max())
    heights = np.rint(ENVELOPE_TOP * peaks / peak) if peak > 0 else peaks
    return Envelope([int(value) for value in heights], peak)

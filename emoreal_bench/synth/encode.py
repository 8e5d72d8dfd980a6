"""A clip as the bytes of an mp4 file: h264 at 24 frames a second, aac at 16 kHz."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.synth.scenes import FRAME_RATE, SAMPLE_RATE

_CHUNK = 1024
"""Samples of an aac frame."""
_PICTURE_OPTIONS = {"preset": "veryfast", "crf": "18"}
_SOUND_BITS = 96_000


def encode_clip(frames: Iterable[NDArray[np.uint8]], sound: NDArray[np.float32]) -> bytes:
    """Encode frames and sound; the same input gives the same bytes.

    Args:
        frames: Frames of ``(height, width, 3)`` bytes, RGB, at 24 a second.
        sound: ``(samples,)`` floats in -1..1, mono at 16 kHz.
    """
    import av

    file = io.BytesIO()
    # "bitexact" leaves dates and library versions out of the file.
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=FRAME_RATE, options=_PICTURE_OPTIONS)
        # One thread: with several, the bytes depend on the machine.
        video.codec_context.thread_count = 1
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        audio.bit_rate = _SOUND_BITS
        for number, picture in enumerate(frames):
            if number == 0:
                video.height, video.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            # The colour planes are halved: averaging loses less than the default does.
            frame = frame.reformat(format="yuv420p", interpolation="AREA")
            frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
            container.mux(video.encode(frame))
        for start in range(0, len(sound), _CHUNK):
            piece = av.AudioFrame.from_ndarray(
                sound[None, start : start + _CHUNK], format="fltp", layout="mono"
            )
            piece.sample_rate, piece.pts = SAMPLE_RATE, start
            piece.time_base = Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(piece))
        for stream in (video, audio):
            container.mux(stream.encode(None))
    return file.getvalue()

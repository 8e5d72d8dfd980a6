"""A clip as the bytes of an mp4 file: h264 at 24 frames a second, flac at 16 kHz.

Both encoders are set so that the bytes depend on nothing but the input. Those of an
aac encoder would depend on the processor, since it computes in floats.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.synth.scenes import FRAME_RATE, SAMPLE_RATE

_CHUNK = 4096
"""Samples of a flac frame."""
_PICTURE_OPTIONS = {"preset": "veryfast", "crf": "18", "x264-params": "cpu-independent=1"}
"""Without the last, x264 shares out its bits by floats that differ from call to call."""
_SOUND_OPTIONS = {"lpc_type": "fixed"}
"""Predictors in whole numbers; the default solves for them in floats."""


def encode_clip(frames: Iterable[NDArray[np.uint8]], sound: NDArray[np.float32]) -> bytes:
    """Encode frames and sound; the same input gives the same bytes.

    Args:
        frames: Frames of ``(height, width, 3)`` bytes, RGB, at 24 a second.
        sound: ``(samples,)`` floats in -1..1, mono at 16 kHz.
    """
    import av
    from av.video.reformatter import Interpolation, VideoReformatter

    # The colour planes are halved: averaging loses less than the default does. Without the
    # other two flags, single pixels depend on the processor and on where the memory lies.
    scaling = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
    reformatter = VideoReformatter()
    file = io.BytesIO()
    # "bitexact" leaves dates and library versions out of the file.
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=FRAME_RATE, options=_PICTURE_OPTIONS)
        # One thread: with several, the bytes depend on the machine.
        video.codec_context.thread_count = 1
        video.pix_fmt = "yuv420p"
        audio = container.add_stream(
            "flac", rate=SAMPLE_RATE, layout="mono", options=_SOUND_OPTIONS
        )
        for number, picture in enumerate(frames):
            if number == 0:
                video.height, video.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = reformatter.reformat(frame, format="yuv420p", interpolation=scaling, threads=1)
            frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
            container.mux(video.encode(frame))
        samples = np.round(np.clip(sound, -1.0, 1.0) * 32_767).astype(np.int16)
        for start in range(0, len(samples), _CHUNK):
            piece = av.AudioFrame.from_ndarray(
                samples[None, start : start + _CHUNK], format="s16", layout="mono"
            )
            piece.sample_rate, piece.pts = SAMPLE_RATE, start
            piece.time_base = Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(piece))
        for stream in (video, audio):
            container.mux(stream.encode(None))
    return file.getvalue()

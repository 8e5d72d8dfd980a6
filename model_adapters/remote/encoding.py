"""Decoded clips as files in memory, for services that take files: JPEG, PNG, WAV, MP4.

Equal arrays give equal bytes: every encoder runs in one thread at a fixed
quality, and no file carries a date.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av
    import numpy as np
    from av.video.codeccontext import VideoCodecContext
    from numpy.typing import NDArray

_JPEG_QUANTIZER = 3
"""On the encoder's scale of 2 (best) to 31: about quality 90 on the usual scale of 100."""

_H264_OPTIONS = {"crf": "18", "preset": "veryfast", "bf": "0"}
"""Visually lossless; without B-frames, packets come in the order of their frames."""

_TICKS = 1_000
"""Time steps per second of a written picture track."""


@dataclass(frozen=True, slots=True)
class FileContents:
    """What a file holds, by its packets.

    Attributes:
        frames: Number of frames of its picture; 0 if it has none.
        audio_seconds: Length of its sound; 0 if it has none.
    """

    frames: int
    audio_seconds: float


def encode_jpeg(frame: NDArray[np.uint8]) -> bytes:
    """Write a frame as a JPEG file of fixed quality.

    Args:
        frame: ``(height, width, 3)``, RGB.
    """
    import av

    encoder = _open_encoder("mjpeg", "yuvj420p", frame)
    encoder.qmin = encoder.qmax = _JPEG_QUANTIZER
    encoder.thread_count = 1
    picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
        format="yuvj420p", dst_colorspace="ITU601", dst_color_range="JPEG"
    )
    return _encode_one(encoder, picture)


def encode_png(frame: NDArray[np.uint8]) -> bytes:
    """Write a frame as a PNG file, without loss.

    Args:
        frame: ``(height, width, 3)``, RGB.
    """
    import av

    encoder = _open_encoder("png", "rgb24", frame)
    return _encode_one(encoder, av.VideoFrame.from_ndarray(frame, format="rgb24"))


def _open_encoder(codec: str, pixels: str, frame: NDArray[np.uint8]) -> VideoCodecContext:
    from av.video.codeccontext import VideoCodecContext

    encoder = VideoCodecContext.create(codec, "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.height, encoder.width = frame.shape[:2]
    encoder.pix_fmt = pixels
    encoder.time_base = Fraction(1, 1)
    return encoder


def _encode_one(encoder: VideoCodecContext, picture: av.VideoFrame) -> bytes:
    picture.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])


def encode_wav(waveform: NDArray[np.float32], sample_rate: int) -> bytes:
    """Write mono sound as a WAV file of 16-bit samples.

    Args:
        waveform: ``(samples,)`` in -1..1; what lies beyond is clipped.
        sample_rate: In Hz.
    """
    import numpy as np

    samples = np.round(np.clip(waveform, -1.0, 1.0) * 32_767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def encode_mp4(
    frames: NDArray[np.uint8],
    timestamps: Sequence[float],
    duration: float,
    waveform: NDArray[np.float32] | None = None,
    sample_rate: int = 16_000,
    picture_start: float = 0.0,
) -> bytes:
    """Write frames, each shown from its own time on, and sound as an MP4 file.

    Args:
        frames: ``(n, height, width, 3)``, RGB; an odd edge is repeated once,
            since the picture format holds even sizes only.
        timestamps: Time of each frame in seconds, ascending.
        duration: Of the clip in seconds; the last frame is shown until then.
        waveform: ``(samples,)`` in -1..1, or None for a silent file.
        sample_rate: In Hz.
        picture_start: Seconds before the first frame in which only sound is to be heard.
    """
    import av

    buffer = io.BytesIO()
    # "bitexact" keeps the writer's version out of the file.
    with av.open(buffer, "w", format="mp4", options={"fflags": "bitexact"}) as container:
        picture = container.add_stream("libx264", rate=_TICKS, options=_H264_OPTIONS)
        picture.height, picture.width = (size + size % 2 for size in frames.shape[1:3])
        picture.pix_fmt = "yuv420p"
        picture.codec_context.time_base = Fraction(1, _TICKS)
        picture.codec_context.thread_count = 1
        sound = None
        if waveform is not None:
            sound = container.add_stream("aac", rate=sample_rate, layout="mono")
        for packet in _encode_picture(
            picture, frames, _starts(timestamps, picture_start), duration
        ):
            container.mux(packet)
        if sound is not None and waveform is not None:
            samples = av.AudioFrame.from_ndarray(waveform[None], format="fltp", layout="mono")
            samples.sample_rate = sample_rate
            samples.pts = 0
            container.mux([*sound.encode(samples), *sound.encode(None)])
    return buffer.getvalue()


def _starts(timestamps: Sequence[float], first: float) -> list[int]:
    """Return the tick of each frame, the first at so many seconds; no two frames share one."""
    starts: list[int] = []
    for time in timestamps:
        tick = round((first + time - timestamps[0]) * _TICKS)
        starts.append(max(tick, starts[-1] + 1) if starts else tick)
    return starts


def _encode_picture(
    stream: av.VideoStream, frames: NDArray[np.uint8], starts: Sequence[int], duration: float
) -> Iterable[av.Packet[av.VideoStream]]:
    import av
    import numpy as np

    end = max(round(duration * _TICKS), starts[-1] + 1)
    shown_for = [after - before for before, after in pairwise([*starts, end])]
    rows, columns = (size % 2 for size in frames.shape[1:3])
    packets = []
    for frame, start in zip(frames, starts, strict=True):
        even = np.pad(frame, ((0, rows), (0, columns), (0, 0)), mode="edge")
        picture = av.VideoFrame.from_ndarray(even, format="rgb24")
        picture.pts, picture.time_base = start, Fraction(1, _TICKS)
        packets.extend(stream.encode(picture))
    packets.extend(stream.encode(None))
    for packet, length in zip(packets, shown_for, strict=True):
        packet.duration = length
    return packets


def read_contents(content: bytes) -> FileContents:
    """Count what a file in memory holds, from its packets, without decoding it.

    Raises:
        OSError: If the file cannot be read.
    """
    import av

    try:
        return _read_contents(content)
    except av.FFmpegError as error:
        raise OSError(f"the file cannot be read ({error.strerror})") from error


def _read_contents(content: bytes) -> FileContents:
    import av

    frames, starts, ends = 0, [], []
    with av.open(io.BytesIO(content), "r", metadata_errors="replace") as container:
        picture, sound = container.streams.best("video"), container.streams.best("audio")
        for packet in container.demux([track for track in (picture, sound) if track is not None]):
            if not packet.size or packet.pts is None or packet.time_base is None:
                continue
            if packet.stream is picture:
                frames += 1
            else:
                starts.append(float(packet.pts * packet.time_base))
                ends.append(float((packet.pts + (packet.duration or 0)) * packet.time_base))
    # Packets before time zero only prime the decoder.
    return FileContents(frames, max(ends) - max(0.0, min(starts)) if ends else 0.0)

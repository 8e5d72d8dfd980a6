"""Decodes the picture of a clip and keeps the frames that are wanted of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.note import NoteKind
from emoreal_bench.media.container import Track
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import Deadline, DecodeLimits
from emoreal_bench.media.sampling import choose_frames, is_constant_rate

_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
"""Bit-exact, so that equal media keys mean equal pixels on every processor."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The sampled frames of a clip.

    Attributes:
        frames: ``(n, height, width, 3)`` unsigned bytes, RGB; None without picture.
        timestamps: Seconds of each from the beginning of the clip.
        notes: What a reader of the log should know.
    """

    frames: NDArray[np.uint8] | None = None
    timestamps: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()


def decode_picture(
    track: Track[VideoStream] | None,
    delay: float,
    wanted: MediaWanted,
    path: Path,
    limits: DecodeLimits,
    deadline: Deadline,
) -> Picture:
    """Decode all frames of a stream and keep the wanted ones, scaled and upright.

    Where pixels are not square, frames are made as wide as a player shows them.

    Args:
        track: The stream and its packets; None if the file has no picture.
        delay: Seconds between the beginning of the clip and that of the picture.
        wanted: How many frames, sampled how, of which size.
        path: The file, for errors.
        limits: Bounds on the size of a frame.
        deadline: When to stop.

    Raises:
        MediaError: If no frame decodes, decoding stops midway, or a limit is passed.
    """
    if track is None:
        return Picture(notes=(NoteKind.NO_PICTURE.text(),))
    chosen = _choose(track.times(), track, wanted)
    shown, sampler = _decode(track, chosen, wanted.size, _Guard(path, limits, deadline))
    if not shown:
        raise MediaError(MediaProblem.DAMAGED, "no frame can be decoded", str(path))
    right = _choose(shown, track, wanted)
    if not np.array_equal(right, chosen):
        # The file's times were not those of the frames it holds: it states none,
        # or has packets that show nothing. What decoded decides.
        chosen = right
        track.stream.codec_context.flush_buffers()
        again, sampler = _decode(track, chosen, wanted.size, _Guard(path, limits, deadline))
        if again != shown:
            raise MediaError(MediaProblem.DAMAGED, "does not decode twice alike", str(path))
    return Picture(
        frames=sampler.frames,
        timestamps=tuple(delay + float((shown[i] - shown[0]) * track.time_base) for i in chosen),
        notes=(*_track_notes(track, delay), *_notes(track.shown, shown, wanted, sampler)),
    )


def shown_size(stream: VideoStream, width: int, height: int) -> tuple[int, int]:
    """Return the size at which a player shows a frame: wider or narrower, but as high as stored.

    Args:
        stream: States how wide a pixel is for its height.
        width: Of a frame as stored.
        height: Of a frame as stored.
    """
    aspect = stream.sample_aspect_ratio
    return (max(1, round(width * aspect)) if aspect else width), height


def scaled_size(width: int, height: int, shorter: int | None) -> tuple[int, int]:
    """Return the size at which a frame's shorter side is at most ``shorter`` pixels.

    A frame is never enlarged. Scaled down, its longer side is rounded to the
    nearest even number.

    Returns:
        Width and height in pixels.
    """
    short, long = min(width, height), max(width, height)
    if shorter is None or short <= shorter:
        return width, height
    scaled = max(2 * round(long * shorter / short / 2), shorter)
    return (shorter, scaled) if width < height else (scaled, shorter)


@dataclass(frozen=True, slots=True)
class _Guard:
    """What must hold while frames are decoded."""

    path: Path
    limits: DecodeLimits
    deadline: Deadline

    def check(self, width: int, height: int) -> None:
        self.deadline.check()
        if width * height > self.limits.frame_pixels:
            raise MediaError(
                MediaProblem.TOO_LARGE,
                f"has frames of {width}x{height}; the limit is {self.limits.frame_pixels} pixels",
                str(self.path),
            )


class _Sampler:
    """Keeps the chosen frames out of all that are decoded.

    Args:
        stream: What is decoded.
        chosen: Index of each wanted frame, never decreasing.
        shorter: Pixels of the shorter side; None keeps the size.

    Attributes:
        frames: The wanted frames; None before the first.
        has_errors: Whether one of them has errors.
        sizes: Those in which frames are stored.
    """

    def __init__(self, stream: VideoStream, chosen: NDArray[np.int64], shorter: int | None) -> None:
        self._stream = stream
        self._chosen = chosen
        self._shorter = shorter
        self._reformatter = VideoReformatter()
        self._size: tuple[int, int] | None = None
        self.frames: NDArray[np.uint8] | None = None
        self.has_errors = False
        self.sizes: set[tuple[int, int]] = set()

    def offer(self, index: int, frame: VideoFrame) -> None:
        """Take a frame if it is wanted, as often as it is wanted."""
        self.sizes.add((frame.width, frame.height))
        first, last = np.searchsorted(self._chosen, [index, index + 1])
        if first == last:
            return
        self.has_errors |= frame.is_corrupt
        picture = self._convert(frame)
        if self.frames is None:
            self.frames = np.empty((len(self._chosen), *picture.shape), np.uint8)
        self.frames[first:last] = picture

    def _convert(self, frame: VideoFrame) -> NDArray[np.uint8]:
        # A stream that changes its size midway keeps that of its first wanted frame.
        shown = shown_size(self._stream, frame.width, frame.height)
        self._size = self._size or scaled_size(*shown, self._shorter)
        width, height = self._size
        scaled = self._reformatter.reformat(
            frame, width=width, height=height, format="rgb24", interpolation=_SCALING, threads=1
        )
        # Rotation is stated in degrees counterclockwise, which is how rot90 counts.
        upright = np.rot90(scaled.to_ndarray(), k=round(frame.rotation / 90) % 4)
        return upright.astype(np.uint8, copy=False)


def _choose(times: list[int], track: Track[VideoStream], wanted: MediaWanted) -> NDArray[np.int64]:
    if not times:
        return np.empty(0, np.int64)
    return choose_frames(times, times[-1] + track.last_duration(), wanted.frames, wanted.sampling)


def _decode(
    track: Track[VideoStream], chosen: NDArray[np.int64], shorter: int | None, guard: _Guard
) -> tuple[list[int], _Sampler]:
    """Decode every packet; give the time of each frame in ticks, and the chosen frames."""
    sampler = _Sampler(track.stream, chosen, shorter)
    times: list[int | None] = []
    for frame in _frames(track, guard):
        guard.check(*shown_size(track.stream, frame.width, frame.height))
        sampler.offer(len(times), frame)
        times.append(frame.pts)
    # Sorted, because frames are shown in order however oddly a file numbers them.
    known = sorted(time for time in times if time is not None)
    return (known if len(known) == len(times) else track.even_times(len(times))), sampler


def _frames(track: Track[VideoStream], guard: _Guard) -> Iterator[VideoFrame]:
    context = track.stream.codec_context
    guard.check(*shown_size(track.stream, context.width, context.height))
    if not context.is_open:
        context.thread_count = 1  # clips are decoded side by side, each by one worker
    for packet in (*track.packets, None):
        guard.deadline.check()
        yield from context.decode(packet)


def _track_notes(track: Track[VideoStream], delay: float) -> Iterator[str]:
    if delay:
        yield NoteKind.PICTURE_LATE.text(delay)
    if track.tracks > 1:
        yield NoteKind.PICTURE_CHOSEN.text(track.number, track.tracks)
    yield from shape_notes(track.stream)


def shape_notes(stream: VideoStream) -> Iterator[str]:
    """Yield a note if a player shows frames in another shape than they are stored in."""
    aspect = stream.sample_aspect_ratio
    size = stream.codec_context.width, stream.codec_context.height
    if aspect and shown_size(stream, *size) != size:
        yield NoteKind.PIXELS_NOT_SQUARE.text(aspect.numerator, aspect.denominator)


def _notes(packets: int, shown: list[int], wanted: MediaWanted, sampler: _Sampler) -> Iterator[str]:
    if len(shown) != packets:
        yield NoteKind.PACKETS_WITHOUT_FRAMES.text(packets, len(shown))
    if len(shown) < wanted.frames:
        yield NoteKind.FEW_FRAMES.text(len(shown), wanted.frames)
    if not is_constant_rate(shown):
        yield NoteKind.UNEVEN_FRAMES.text()
    if len(sampler.sizes) > 1:
        yield NoteKind.SIZE_CHANGES.text()
    if sampler.has_errors:
        yield NoteKind.DECODING_ERRORS.text()

"""Opens a clip's file safely and reads its packets in one pass."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Generic, TypeVar, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from emoreal_bench.media.completeness import missing_bytes
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import Deadline, DecodeLimits

_StreamT = TypeVar("_StreamT", VideoStream, AudioStream)


@dataclass
class Track(Generic[_StreamT]):
    """One stream of a file and its packets.

    Attributes:
        stream: The stream.
        packets: All of them, in the order of the file.
    """

    stream: _StreamT
    packets: list[Packet[_StreamT]] = field(default_factory=list)

    @property
    def time_base(self) -> Fraction:
        """Length of a tick in seconds."""
        return self.stream.time_base or Fraction(1, av.time_base)

    def shown(self) -> list[Packet[_StreamT]]:
        """The packets that are to be shown; a cut can hide those in front of it."""
        return [packet for packet in self.packets if not packet.is_discard]

    def times(self) -> list[int]:
        """Beginning of each packet that is to be shown, in ticks, as far as the file states it."""
        stated = (packet.dts if packet.pts is None else packet.pts for packet in self.shown())
        return sorted(time for time in stated if time is not None) or self.even_times(
            len(self.shown())
        )

    def even_times(self, number: int) -> list[int]:
        """Times for a bare stream, which has none: evenly spaced at the rate it states."""
        rate = self.stream.guessed_rate or 25
        return [round(index / rate / self.time_base) for index in range(number)]

    def last_duration(self) -> int:
        """Ticks that the last frame lasts: as stated, or else the mean distance of frames."""
        stated = self.packets[-1].duration if self.packets else None
        times = self.times()
        gaps = len(times) - 1
        return stated or (round((times[-1] - times[0]) / gaps) if gaps > 0 else 0)


@dataclass
class Tracks:
    """The picture and the sound of one file; None for what it does not have."""

    picture: Track[VideoStream] | None
    sound: Track[AudioStream] | None

    def seconds(self) -> float:
        """Time from the beginning of the first to the end of the last packet of either."""
        spans = [
            (times[0] * track.time_base, (times[-1] + track.last_duration()) * track.time_base)
            for track in (self.picture, self.sound)
            if track is not None and (times := track.times())
        ]
        if not spans:
            return 0.0
        return float(max(end for _, end in spans) - min(start for start, _ in spans))


@contextmanager
def open_file(path: Path) -> Iterator[InputContainer]:
    """Open a file that is a whole clip, and give FFmpeg's errors their types.

    Raises:
        MediaError: If the file is absent, empty, not a plain file, ends early or
            cannot be read; also for any such error inside the ``with`` block.
    """
    _check_file(path)
    try:
        # The prefix keeps FFmpeg from reading a colon in the name as a protocol,
        # and the list keeps playlists from reaching for the network.
        with av.open(
            f"file:{path}", "r", container_options={"protocol_whitelist": "file"}
        ) as container:
            yield container
    except MemoryError as error:
        raise MediaError(
            MediaProblem.MEMORY_LIMIT, "decoding needs more memory than it may take", str(path)
        ) from error
    except av.FFmpegError as error:
        raise MediaError(
            MediaProblem.DAMAGED, f"the file cannot be decoded ({error.strerror})", str(path)
        ) from error


def find_tracks(container: InputContainer, path: Path) -> Tracks:
    """Find the first stream of pictures and the first of sound that can be decoded.

    A picture that is attached to a sound, such as the cover of an album, is no video.

    Raises:
        MediaError: If there is neither.
    """
    videos = (
        stream
        for stream in container.streams.video
        if stream.codec_context is not None
        and not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails)
    )
    audios = (stream for stream in container.streams.audio if stream.codec_context is not None)
    picture, sound = next(videos, None), next(audios, None)
    if picture is None and sound is None:
        raise MediaError(
            MediaProblem.NO_STREAMS, "holds no picture or sound that can be decoded", str(path)
        )
    return Tracks(
        picture=Track(picture) if picture else None, sound=Track(sound) if sound else None
    )


def read_packets(
    container: InputContainer, path: Path, limits: DecodeLimits, deadline: Deadline
) -> Tracks:
    """Read every packet of the picture and the sound of a file, in one pass.

    Raises:
        MediaError: If a packet is damaged or a limit is passed.
    """
    tracks = find_tracks(container, path)
    streams = [track.stream for track in (tracks.picture, tracks.sound) if track]
    size = 0
    for packet in container.demux(*streams):
        deadline.check()
        if packet.size == 0:  # the mark that PyAV sets at the end of each stream
            continue
        if packet.is_corrupt:
            raise MediaError(MediaProblem.DAMAGED, "a part of the file is damaged", str(path))
        size += packet.size
        _check_size(size, path, limits)
        if tracks.picture and packet.stream_index == tracks.picture.stream.index:
            tracks.picture.packets.append(cast("Packet[VideoStream]", packet))
        elif tracks.sound:
            tracks.sound.packets.append(cast("Packet[AudioStream]", packet))
    if tracks.seconds() > limits.clip_seconds:
        raise MediaError(
            MediaProblem.TOO_LONG,
            f"lasts {tracks.seconds():.1f} s; the limit is {limits.clip_seconds:g} s",
            str(path),
        )
    return tracks


def _check_file(path: Path) -> None:
    where = str(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            # A device or a pipe may never end, and reading it may never return.
            raise MediaError(MediaProblem.DAMAGED, "is not a plain file", where)
        if status.st_size == 0:
            raise MediaError(MediaProblem.EMPTY, "has no bytes", where)
        lacking = missing_bytes(path)
    except OSError as error:
        raise MediaError(
            MediaProblem.ABSENT, f"cannot be read ({error.strerror})", where
        ) from error
    if lacking:
        raise MediaError(MediaProblem.DAMAGED, f"ends early: {lacking} bytes lack", where)


def _check_size(size: int, path: Path, limits: DecodeLimits) -> None:
    if size > limits.compressed_bytes:
        raise MediaError(
            MediaProblem.TOO_LARGE,
            f"has more than {limits.compressed_bytes} compressed bytes",
            str(path),
        )

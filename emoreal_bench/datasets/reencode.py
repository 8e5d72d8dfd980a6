"""Writes one clip again as the paper's authors feed it: 24 frames a second, 16 kHz mono.

The picture is H.264 (preset fast, quality 23) and the sound AAC at 128 kbit/s,
in an mp4 file; the sound also is a 16-bit wav file. Odd sizes, which H.264
cannot hold, are padded by one line of black.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from emoreal_bench.contracts.note import NoteKind
from emoreal_bench.media.container import Tracks, open_file, read_packets
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import Deadline, DecodeLimits
from emoreal_bench.media.loudness import SILENT_DBFS, Level
from emoreal_bench.media.picture import shape_notes, shown_size
from emoreal_bench.media.timeline import Timeline
from emoreal_bench.media.transport_stream import JoinedTimes, is_joinable
from emoreal_bench.record.files import cannot_write, new_file

FRAME_RATE = 24
SAMPLE_RATE = 16_000
_AUDIO_BITS = 128_000
_NO_LIMITS = DecodeLimits(seconds=math.inf, clip_seconds=math.inf, compressed_bytes=sys.maxsize)
"""Clips are converted one after the other as they stream, whatever their length."""
_StreamT = TypeVar("_StreamT", VideoStream, AudioStream)
_QUALITY = {"preset": "fast", "crf": "23", "x264-params": "cpu-independent=1"}
"""Without the last, x264 may give other bytes for the same clip on the same machine."""
_FILTERS = (
    ("fps", str(FRAME_RATE)),
    ("pad", "ceil(iw/2)*2:ceil(ih/2)*2"),
    ("format", "yuv420p"),
)


@dataclass(frozen=True, slots=True)
class ClipTimes:
    """Which streams of a clip are written, and when they begin.

    Attributes:
        picture: Index of the stream; None without picture.
        sound: Index of the stream; None without sound.
        start: When the picture begins, in the file's time; None without picture.
        delay: Seconds between the beginning of the clip and that of the picture.
        notes: On the choice of the streams, the times and the shape of the frames.
        other_sounds: Index and number of each stream of sound that is not written.
    """

    picture: int | None
    sound: int | None
    start: float | None
    delay: float
    notes: tuple[str, ...]
    other_sounds: tuple[tuple[int, int], ...] = ()


def read_times(source: Path) -> ClipTimes:
    """Choose the streams of a clip as :func:`emoreal_bench.media.decode.decode_clip` does.

    Raises:
        MediaError: If the clip is damaged.
    """
    with open_file(source) as clip:
        tracks = read_packets(
            clip, source, _NO_LIMITS, Deadline(source, _NO_LIMITS.seconds), only_times=True
        )
        return ClipTimes(
            picture=None if tracks.picture is None else tracks.picture.stream.index,
            sound=None if tracks.sound is None else tracks.sound.stream.index,
            start=tracks.picture_start(),
            delay=tracks.picture_delay(),
            notes=tuple(_notes(tracks)),
            other_sounds=tuple((track.stream.index, track.number) for track in tracks.other_sounds),
        )


def _notes(tracks: Tracks) -> Iterator[str]:
    yield from tracks.notes
    if tracks.picture is not None:
        yield from shape_notes(tracks.picture.stream)
    if delay := tracks.picture_delay():
        yield NoteKind.PICTURE_LATE.text(delay)
    if (picture := tracks.picture) and picture.tracks > 1:
        yield NoteKind.PICTURE_CHOSEN.text(picture.number, picture.tracks)
    if (sound := tracks.sound) and sound.tracks > 1:
        yield NoteKind.SOUND_CHOSEN.text(sound.number, sound.tracks)


def write_wav(source: Path, times: ClipTimes, target: Path) -> tuple[str, ...] | None:
    """Write the sound of a clip, with silence before and in it where it has none.

    Args:
        source: The clip.
        times: Its streams and when they begin.
        target: The file to write.

    Returns:
        Notes on its times and loudness; None, and no file, if the clip has no sound.

    Raises:
        MediaError: If the clip cannot be decoded to its end; nothing is written.
        RunError: If the file cannot be written.
    """
    if times.sound is None:
        return None
    timeline = Timeline(
        times.start,
        SAMPLE_RATE,
        partial(AudioResampler, format="s16", layout="mono", rate=SAMPLE_RATE),
    )
    with open_file(source) as clip:
        sound = _stream(clip, times.sound, AudioStream)
        pieces = timeline.place(_decode(clip, sound, times))
        first = next(pieces, None)
        if first is None:
            return None
        level = Level()
        with _new_file(target, "wav") as container:
            stream = container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono")
            for frame in chain(_blocks(chain([first], pieces), level), [None]):
                with _writing(target):
                    container.mux(stream.encode(frame))
    silence = tuple(level.notes())
    others = _other_sounds(source, times) if silence else ()
    return (*timeline.notes(), *silence, *others)


def _other_sounds(source: Path, times: ClipTimes) -> Iterator[str]:
    """Yield a note for each stream that sounds, where the one that is written is silent."""
    for index, number in times.other_sounds:
        level = Level()
        resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        with open_file(source) as clip, suppress(av.FFmpegError):
            for frame in chain(clip.decode(_stream(clip, index, AudioStream)), [None]):
                for block in resampler.resample(frame):
                    level.add(block.to_ndarray())
        if level.dbfs() >= SILENT_DBFS:
            tracks = len(times.other_sounds) + 1
            yield NoteKind.OTHER_SOUND.text(number, tracks, level.dbfs())


def _decode(clip: InputContainer, stream: Stream, times: ClipTimes) -> Iterator[Any]:
    """Decode a stream; where recordings are joined, each follows on the one before it."""
    if not is_joinable(clip):
        yield from clip.decode(stream)
        return
    chosen = [clip.streams[index] for index in (times.picture, times.sound) if index is not None]
    joined = JoinedTimes(clip)
    for packet in clip.demux(*chosen):
        if packet.size:
            joined.place(packet)
        if packet.stream_index == stream.index:
            yield from packet.decode()


def _blocks(pieces: Iterable[AudioFrame | int], level: Level) -> Iterator[AudioFrame]:
    """Return sound and silence as blocks that follow on each other."""
    written = 0
    for piece in pieces:
        for block in _silence(piece) if isinstance(piece, int) else [piece]:
            level.add(block.to_ndarray())
            block.pts, block.time_base = written, Fraction(1, SAMPLE_RATE)
            written += block.samples
            yield block


def _silence(samples: int) -> Iterator[AudioFrame]:
    for start in range(0, samples, SAMPLE_RATE):
        zeros = np.zeros((1, min(SAMPLE_RATE, samples - start)), np.int16)
        block = AudioFrame.from_ndarray(zeros, format="s16", layout="mono")
        block.sample_rate = SAMPLE_RATE
        yield block


def write_mp4(source: Path, times: ClipTimes, sound: Path | None, target: Path) -> tuple[str, ...]:
    """Write the picture of a clip, and its sound from a wav file.

    Args:
        source: The clip.
        times: Its streams and when they begin.
        sound: What :func:`write_wav` made of it; None if it has no sound.
        target: The file to write.

    Returns:
        Notes on its frames.

    Raises:
        MediaError: If the clip has no picture or cannot be decoded to its end;
            nothing is written.
        RunError: If the file cannot be written.
    """
    if times.picture is None:
        raise MediaError(MediaProblem.NO_STREAMS, "has no picture", str(source))
    with open_file(source) as clip:
        stream = _stream(clip, times.picture, VideoStream)
        sizes: set[tuple[int, int]] = set()
        frames = _filtered(_of_one_size(_decode(clip, stream, times), sizes), stream)
        first = next(frames, None)
        if first is None:
            raise MediaError(MediaProblem.DAMAGED, "has a picture without frames", str(source))
        # The sound begins at zero, whatever the file counts from.
        shift = round(times.delay * FRAME_RATE) - (first.pts or 0)
        with _new_file(target, "mp4") as container:
            pictures = _add_pictures(container, first)
            if sound is not None:
                _copy_sound(container, sound, target)
            for frame in chain([first], frames):
                frame.pts = (frame.pts or 0) + shift
                with _writing(target):
                    container.mux(pictures.encode(frame))
            with _writing(target):
                container.mux(pictures.encode(None))
    return (NoteKind.SIZE_CHANGES.text(),) if len(sizes) > 1 else ()


def _of_one_size(frames: Iterator[VideoFrame], sizes: set[tuple[int, int]]) -> Iterator[VideoFrame]:
    """Scale every frame to the size of the first, and put down the sizes that they had."""
    size = None
    for frame in frames:
        size = size or (frame.width, frame.height)
        sizes.add((frame.width, frame.height))
        is_other = (frame.width, frame.height) != size
        yield frame.reformat(width=size[0], height=size[1]) if is_other else frame


def _stream(clip: InputContainer, index: int, kind: type[_StreamT]) -> _StreamT:
    stream = clip.streams[index]
    assert isinstance(stream, kind)
    return stream


def _add_pictures(container: OutputContainer, first: VideoFrame) -> VideoStream:
    stream = container.add_stream("libx264", rate=FRAME_RATE, options=_QUALITY)
    stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
    if first.rotation:
        stream.set_display_rotation(first.rotation)
    return stream


def _copy_sound(container: OutputContainer, sound: Path, target: Path) -> None:
    # Before the picture: the muxer holds these small packets back and interleaves them.
    stream = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
    stream.bit_rate = _AUDIO_BITS
    with open_file(sound) as file:
        for frame in chain(file.decode(audio=0), [None]):
            with _writing(target):
                container.mux(stream.encode(frame))


def _filtered(frames: Iterator[VideoFrame], stream: VideoStream) -> Iterator[VideoFrame]:
    """Return the frames 24 times a second, some twice, some not at all, as a player shows them."""
    graph = Graph()
    size = stream.codec_context.width, stream.codec_context.height
    width, height = shown_size(stream, *size)
    shape = () if (width, height) == size else (("scale", f"{width}:{height}"), ("setsar", "1"))
    graph.link_nodes(
        graph.add_buffer(template=stream),
        *(graph.add(name, argument) for name, argument in (*shape, *_FILTERS)),
        graph.add("buffersink"),
    ).configure()
    for frame in frames:
        graph.vpush(frame)
        yield from _pull(graph)
    graph.vpush(None)
    yield from _pull(graph)


def _pull(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    # Told apart from errors of decoding, which are the clip's and not the disk's.
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise cannot_write(target, OSError(error.errno, error.strerror)) from error


@contextmanager
def _new_file(target: Path, kind: str) -> Iterator[OutputContainer]:
    """Open a file that appears under its name only once it is whole."""
    with new_file(target) as file:
        with _writing(target):
            # The prefix keeps FFmpeg from reading a colon in the name as a protocol.
            container = av.open(f"file:{file.path}", "w", format=kind)
        try:
            yield container
        finally:
            with _writing(target):
                container.close()

"""Writes one clip again as the paper's authors feed it: 24 frames a second, 16 kHz mono.

The picture is H.264 (preset fast, quality 23) and the sound AAC at 128 kbit/s,
in an mp4 file; the sound also is a 16-bit wav file. Odd sizes, which H.264
cannot hold, are padded by one line of black.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import av
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.media.container import find_tracks, open_file
from emoreal_bench.media.errors import MediaError, MediaProblem

FRAME_RATE = 24
SAMPLE_RATE = 16_000
_AUDIO_BITS = 128_000
_QUALITY = {"preset": "fast", "crf": "23"}
_FILTERS = (
    ("fps", str(FRAME_RATE)),
    ("pad", "ceil(iw/2)*2:ceil(ih/2)*2"),
    ("format", "yuv420p"),
)


def write_wav(source: Path, target: Path) -> bool:
    """Write the sound of a clip; False if it has none.

    Raises:
        MediaError: If the clip cannot be decoded to its end; nothing is written.
        DataError: If the file cannot be written.
    """
    with open_file(source) as clip:
        track = find_tracks(clip, source).sound
        if track is None:
            return False
        with _new_file(target, "wav") as container:
            stream = container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono")
            resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            for frame in chain(clip.decode(track.stream), [None]):
                for block in resampler.resample(frame):
                    with _writing(target):
                        container.mux(stream.encode(block))
            with _writing(target):
                container.mux(stream.encode(None))
    return True


def write_mp4(source: Path, sound: Path | None, target: Path) -> None:
    """Write the picture of a clip, and its sound from a wav file.

    Args:
        source: The clip.
        sound: What :func:`write_wav` made of it; None if it has no sound.
        target: The file to write.

    Raises:
        MediaError: If the clip has no picture or cannot be decoded to its end;
            nothing is written.
        DataError: If the file cannot be written.
    """
    with open_file(source) as clip:
        track = find_tracks(clip, source).picture
        if track is None:
            raise MediaError(MediaProblem.NO_STREAMS, "has no picture", str(source))
        frames = _filtered(clip.decode(track.stream), track.stream)
        first = next(frames, None)
        if first is None:
            raise MediaError(MediaProblem.DAMAGED, "has a picture without frames", str(source))
        with _new_file(target, "mp4") as container:
            pictures = _add_pictures(container, first)
            if sound is not None:
                _copy_sound(container, sound, target)
            for frame in chain([first], frames, [None]):
                with _writing(target):
                    container.mux(pictures.encode(frame))


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
    with av.open(str(sound)) as file:
        for frame in chain(file.decode(audio=0), [None]):
            with _writing(target):
                container.mux(stream.encode(frame))


def _filtered(frames: Iterator[VideoFrame], stream: VideoStream) -> Iterator[VideoFrame]:
    """Return the frames 24 times a second: some twice, some not at all."""
    graph = Graph()
    graph.link_nodes(
        graph.add_buffer(template=stream),
        *(graph.add(name, argument) for name, argument in _FILTERS),
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
        raise DataError(
            f"The file cannot be written: {error.strerror}.",
            where=str(target),
            remedy="Check the space and the rights of the folder; finished clips are kept.",
        ) from error


@contextmanager
def _new_file(target: Path, kind: str) -> Iterator[OutputContainer]:
    """Open a file that appears under its name only once it is whole."""
    part = target.with_name(f".{target.name}.part")
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        container = av.open(str(part), "w", format=kind)
    try:
        try:
            yield container
        finally:
            with _writing(target):
                container.close()
        with _writing(target):
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)

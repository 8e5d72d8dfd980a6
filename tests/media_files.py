"""Clips for the tests, made on the spot.

Every frame carries its own number as a barcode, so that a test can say which
frames of a file came out of the decoder, and sound is a sine of known pitch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

BARCODE_BITS = 10
FRAME_SAMPLES = 960
"""Samples per encoded block of sound: a length that Opus and AAC both take."""


@dataclass(frozen=True)
class Picture:
    """What the picture of a made clip is like.

    Attributes:
        frames: Number of frames.
        rate: Frames per second, where ``ticks`` does not say otherwise.
        size: Width and height in pixels.
        codec: FFmpeg's name of the encoder.
        ticks: Time of each frame in milliseconds, for a variable frame rate.
        rotation: Degrees counterclockwise that a player turns the picture.
        options: Of the encoder.
        start: Seconds at which it begins.
        marks: Dispositions of the track.
        aspect: Width of a pixel for its height; 0 does not state it.
    """

    frames: int = 25
    rate: int = 25
    size: tuple[int, int] = (160, 120)
    codec: str = "libx264"
    ticks: Sequence[int] | None = None
    rotation: int = 0
    options: dict[str, str] = field(default_factory=dict)
    start: float = 0.0
    marks: Disposition | None = None
    aspect: Fraction = Fraction(0)


@dataclass(frozen=True)
class Sound:
    """What the sound of a made clip is like.

    Attributes:
        seconds: Its length.
        pitches: Frequency in Hz of the sine of each channel.
        sample_rate: In Hz.
        codec: FFmpeg's name of the encoder.
        level: Amplitude of the sine, in 0..1.
        levels: The same for each channel, where they differ.
        start: Seconds at which it begins.
        gap: Seconds between which nothing is stored of it.
        marks: Dispositions of the track.
    """

    seconds: float = 1.0
    pitches: tuple[float, ...] = (440.0,)
    sample_rate: int = 48_000
    codec: str = "aac"
    level: float = 0.5
    levels: tuple[float, ...] | None = None
    start: float = 0.0
    gap: tuple[float, float] | None = None
    marks: Disposition | None = None


def draw_barcode(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw a grey frame whose upper half shows a number as black and white bars.

    The first bar is always white, so that a frame that was turned is not misread.
    """
    width, height = size
    picture = np.full((height, width, 3), 96, np.uint8)
    bits = [1, *(number >> bit & 1 for bit in range(BARCODE_BITS))]
    edges = np.linspace(0, width, len(bits) + 1).astype(int)
    for bit, left, right in zip(bits, edges[:-1], edges[1:], strict=True):
        picture[: height // 2, left:right] = 255 * bit
    return picture


def read_barcode(picture: NDArray[np.uint8]) -> int:
    """Read the number of a frame drawn by :func:`draw_barcode`, at any scale."""
    height, width = picture.shape[:2]
    edges = np.linspace(0, width, BARCODE_BITS + 2)
    middles = ((edges[:-1] + edges[1:]) / 2).astype(int)
    bits = [int(picture[height // 4, middle].mean() > 127) for middle in middles]
    assert bits[0] == 1, "the frame shows no barcode"
    return sum(bit << place for place, bit in enumerate(bits[1:]))


def read_barcodes(frames: NDArray[np.uint8] | None) -> list[int]:
    """Read the number of every frame of a decoded clip."""
    assert frames is not None, "the clip has no picture"
    return [read_barcode(frame) for frame in frames]


def make_clip(
    path: Path,
    picture: Picture | None = Picture(),
    sound: Sound | None = Sound(),
    *,
    container_options: dict[str, str] | None = None,
    before: tuple[Picture | Sound, ...] = (),
) -> Path:
    """Write a clip; its kind of container follows from the name's extension.

    Args:
        path: File to write.
        picture: None for a clip without picture.
        sound: None for a clip without sound.
        container_options: Options of the muxer, e.g. ``{"movflags": "faststart"}``.
        before: Further tracks, which come first in the file.
    """
    tracks = [*before, *(track for track in (picture, sound) if track)]
    with av.open(str(path), "w", options=container_options or {}) as container:
        streams = [
            _add_picture(container, track)
            if isinstance(track, Picture)
            else _add_sound(container, track)
            for track in tracks
        ]
        for track, stream in zip(tracks, streams, strict=True):
            if isinstance(track, Picture) and isinstance(stream, VideoStream):
                _write_picture(container, stream, track)
            elif isinstance(track, Sound) and isinstance(stream, AudioStream):
                _write_sound(container, stream, track)
    return path


def cut_without_decoding(source: Path, target: Path, start: float) -> Path:
    """Copy the packets of a file from the key frame before ``start`` seconds on.

    Players hide the frames between the key frame and the cut, and the header of
    the new file counts them all the same.
    """
    with (
        av.open(str(source)) as old,
        av.open(str(target), "w", options={"avoid_negative_ts": "disabled"}) as new,
    ):
        streams = {
            stream.index: new.add_stream_from_template(stream)
            for stream in (*old.streams.video, *old.streams.audio)
        }
        old.seek(int(start * av.time_base))
        for packet in old.demux():
            if packet.dts is None or packet.pts is None:
                continue
            shift = round(start / packet.time_base)
            packet.pts -= shift
            packet.dts -= shift
            packet.stream = streams[packet.stream_index]
            new.mux(packet)
    return target


def cut_bytes(source: Path, target: Path, share: float) -> Path:
    """Keep only the first ``share`` of a file's bytes, as a broken download does."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


def join_programs(first: Path, second: Path, target: Path) -> Path:
    """Weave two transport streams, made with other numbers each, into one of two programs.

    Args:
        first: Made as it comes.
        second: Made with the options of :data:`OTHER_PROGRAM`.
        target: File to write.
    """
    table = bytes.fromhex("00b011 0001 c1 00 00 0001f000 0002f100")
    packet = bytes.fromhex("47400010 00") + table + _checksum(table)
    tables = packet + b"\xff" * (188 - len(packet))
    woven = [tables]
    parts = [_without_table(path.read_bytes()) for path in (first, second)]
    for pair in zip_longest(*parts, fillvalue=b""):
        woven += pair
    target.write_bytes(b"".join(woven))
    return target


OTHER_PROGRAM = {
    "mpegts_service_id": "2",
    "mpegts_start_pid": "512",
    "mpegts_pmt_start_pid": "4352",
}
"""Options of the muxer."""


def _without_table(content: bytes) -> list[bytes]:
    packets = [content[at : at + 188] for at in range(0, len(content), 188)]
    return [one for one in packets if int.from_bytes(one[1:3], "big") & 0x1FFF > 0x1F]


def _checksum(table: bytes) -> bytes:
    """CRC-32 as tables of a transport stream have it (ISO/IEC 13818-1, annex A)."""
    value = 0xFFFFFFFF
    for byte in table:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value.to_bytes(4, "big")


def _add_picture(container: OutputContainer, picture: Picture) -> VideoStream:
    stream = container.add_stream(picture.codec, rate=picture.rate, options=picture.options)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = picture.size
    stream.pix_fmt = "yuv420p"
    if picture.ticks is not None:
        stream.codec_context.time_base = Fraction(1, 1000)
    if picture.aspect:
        stream.codec_context.sample_aspect_ratio = picture.aspect
    if picture.rotation:
        stream.set_display_rotation(picture.rotation)
    if picture.marks is not None:
        stream.disposition = picture.marks
    return stream


def _write_picture(container: OutputContainer, stream: VideoStream, picture: Picture) -> None:
    time_base = Fraction(1, picture.rate if picture.ticks is None else 1000)
    for number in range(picture.frames):
        frame = VideoFrame.from_ndarray(draw_barcode(number, picture.size), format="rgb24")
        frame.pts = number if picture.ticks is None else picture.ticks[number]
        frame.pts += round(picture.start / time_base)
        frame.time_base = time_base
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _add_sound(container: OutputContainer, sound: Sound) -> AudioStream:
    stream = container.add_stream(sound.codec, rate=sound.sample_rate)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = _layout(sound)
    if sound.marks is not None:
        stream.disposition = sound.marks
    return stream


def _write_sound(container: OutputContainer, stream: AudioStream, sound: Sound) -> None:
    total = round(sound.seconds * sound.sample_rate)
    time = np.arange(total) / sound.sample_rate
    channels = np.stack([np.sin(2 * np.pi * pitch * time) for pitch in sound.pitches])
    levels = np.array(sound.levels or [sound.level] * len(sound.pitches))
    samples = (channels * levels[:, None]).astype(np.float32)
    for start in range(0, total, FRAME_SAMPLES):
        if sound.gap and sound.gap[0] <= start / sound.sample_rate < sound.gap[1]:
            continue
        block = np.ascontiguousarray(samples[:, start : start + FRAME_SAMPLES])
        frame = AudioFrame.from_ndarray(block, format="fltp", layout=_layout(sound))
        frame.sample_rate = sound.sample_rate
        frame.pts = start + round(sound.start * sound.sample_rate)
        frame.time_base = Fraction(1, sound.sample_rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _layout(sound: Sound) -> str:
    return {1: "mono", 2: "stereo", 6: "5.1"}[len(sound.pitches)]


def make_awkward_clips(folder: Path) -> dict[str, Path]:
    """Make one clip of each kind that breaks decoders, by the name of its kind.

    Names that begin with ``broken`` are of files that are no usable clip.
    """
    vp9 = Picture(codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})
    opus = Sound(codec="libopus")
    uneven = [40 * i if i < 15 else 600 + 170 * (i - 15) for i in range(25)]
    plain = make_clip(folder / "plain.mp4")
    webm = make_clip(folder / "webm.webm", vp9, opus)
    long_gaps = make_clip(folder / "gop.mp4", Picture(frames=60, options={"g": "12"}), Sound(2.4))
    empty = folder / "empty.mp4"
    empty.touch()
    text = folder / "text.mp4"
    text.write_text("<html>404 Not Found</html>\n" * 40)
    return {
        "plain": plain,
        "webm": webm,
        "variable frame rate": make_clip(folder / "uneven.mp4", Picture(ticks=uneven)),
        "stream-copied cut": cut_without_decoding(long_gaps, folder / "cut.mp4", 1.24),
        "no sound": make_clip(folder / "silent.mp4", sound=None),
        "sound only": make_clip(folder / "sound.m4a", picture=None),
        "one frame": make_clip(folder / "one.mp4", Picture(frames=1), sound=None),
        "broken: cut short": cut_bytes(plain, folder / "short.mp4", 0.6),
        "broken: webm cut short": cut_bytes(webm, folder / "short.webm", 0.6),
        "broken: empty": empty,
        "broken: text": text,
        "broken: absent": folder / "absent.mp4",
    }

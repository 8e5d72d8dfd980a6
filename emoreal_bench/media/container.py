"""Opens a clip's file safely and reads its packets in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from emoreal_bench.contracts.note import NoteKind
from emoreal_bench.identity import NotAPlainFileError, check_plain_file
from emoreal_bench.media.completeness import missing_bytes
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import Deadline, DecodeLimits
from emoreal_bench.media.transport_stream import JoinedTimes, count_joins, read_programs

_StreamT = TypeVar("_StreamT", VideoStream, AudioStream)

SAME_TIME_SECONDS = 0.1
"""Picture and sound that are less apart count as together: about where viewers begin to mind
(ITU-R BT.1359-1), and more than the samples that prime a decoder."""

_NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails
_BESIDES = (
    Disposition.comment
    | Disposition.lyrics
    | Disposition.karaoke
    | Disposition.hearing_impaired
    | Disposition.visual_impaired
    | Disposition.clean_effects
    | Disposition.non_diegetic
    | Disposition.descriptions
    | Disposition.dependent
)
"""Marks of a track of sound that is there besides the film's own."""

_PCM_FORMATS = frozenset({"wav", "w64", "aiff", "au", "caf"})


_PLAYLISTS = ("hls", "applehttp", "concat", "dash", "webm_dash_manifest", "imf", "vobsub")
_STREAMS = ("sdp", "rtp", "rtsp", "sap")
_NUMBERED_PICTURES = ("image2", "alias_pix", "brender_pix")
_NO_FILES = (
    *("alsa", "avfoundation", "avisynth", "dshow", "fbdev", "gdigrab", "kmsgrab", "lavfi", "oss"),
    *("v4l2", "vapoursynth", "vfwcap", "video4linux2", "video4linux2,v4l2", "x11grab"),
)
_OF_OTHER_FILES = frozenset((*_PLAYLISTS, *_STREAMS, *_NUMBERED_PICTURES, *_NO_FILES))
"""Formats of FFmpeg that show what lies in other files, or nowhere. A clip is one file: its hash is
taken of that file alone, and whoever writes it must not choose others of the machine."""


class PacketTime(NamedTuple):
    """When a packet is shown, in ticks."""

    time: int | None
    """None where the file does not state it."""
    duration: int
    """0 where the file does not state it."""
    is_shown: bool
    """False in front of a cut, which can hide packets that decoding needs."""


@dataclass
class Track(Generic[_StreamT]):
    """One stream of a file and its packets.

    Attributes:
        stream: The stream.
        packets: All of them, in the order of the file; empty if only times were wanted.
        packet_times: Of all of them.
        corrupt: Positions among them of those that FFmpeg calls corrupt.
        number: Which of the file's tracks of its kind it is, from 1.
        tracks: How many of its kind the file has; attached pictures are none.
    """

    stream: _StreamT
    packets: list[Packet[_StreamT]] = field(default_factory=list)
    packet_times: list[PacketTime] = field(default_factory=list)
    corrupt: list[int] = field(default_factory=list)
    number: int = 1
    tracks: int = 1

    @property
    def time_base(self) -> Fraction:
        """Length of a tick in seconds."""
        return self.stream.time_base or Fraction(1, av.time_base)

    @property
    def id(self) -> int:
        """The number that the file's own format gives it."""
        return self.stream.id

    @property
    def is_open_end(self) -> bool:
        """Whether the last packet alone is called corrupt."""
        return self.corrupt == [len(self.packet_times) - 1]

    @property
    def shown(self) -> int:
        """Number of packets that are to be shown."""
        return sum(packet.is_shown for packet in self.packet_times)

    def times(self) -> list[int]:
        """Beginning of each packet that is to be shown, in ticks, as far as the file states it."""
        shown = (packet.time for packet in self.packet_times if packet.is_shown)
        return sorted(time for time in shown if time is not None) or self.even_times(self.shown)

    def even_times(self, number: int) -> list[int]:
        """Times for a bare stream, which has none: evenly spaced at the rate it states."""
        if isinstance(self.stream, VideoStream):
            rate = self.stream.guessed_rate or Fraction(25)
        else:
            context = self.stream.codec_context
            rate = Fraction(context.sample_rate or 16_000, context.frame_size or 1_024)
        return [round(index / rate / self.time_base) for index in range(number)]

    def start(self) -> float | None:
        """Seconds at which what is to be shown begins; None if nothing is.

        Where packets begin before zero, an edit list hides them or they prime the decoder.
        """
        times = self.times()
        if not times or times[-1] + self.last_duration() <= 0:
            return None
        return max(float(times[0] * self.time_base), 0.0)

    def last_duration(self) -> int:
        """Ticks that the last frame lasts: as stated, or else the mean distance of frames."""
        stated = self.packet_times[-1].duration if self.packet_times else 0
        times = self.times()
        gaps = len(times) - 1
        return stated or (round((times[-1] - times[0]) / gaps) if gaps > 0 else 0)


@dataclass
class Tracks:
    """The picture and the sound of one file; None for what it does not have.

    Attributes:
        picture: The chosen picture.
        sound: The chosen sound.
        other_sounds: Those that were not chosen.
        notes: What is to be noted of the file as a whole.
    """

    picture: Track[VideoStream] | None
    sound: Track[AudioStream] | None
    other_sounds: tuple[Track[AudioStream], ...] = ()
    notes: tuple[str, ...] = ()

    def seconds(self) -> float:
        """Time from the beginning of the first to the end of the last packet of either."""
        spans = [
            (times[0] * track.time_base, (times[-1] + track.last_duration()) * track.time_base)
            for track in (self.picture, self.sound)
            if track is not None and track.start() is not None and (times := track.times())
        ]
        if not spans:
            return 0.0
        return float(max(end for _, end in spans) - min(start for start, _ in spans))

    def picture_start(self) -> float | None:
        """Return when the picture begins, in the file's own time; None without picture."""
        return None if self.picture is None else self.picture.start()

    def picture_delay(self) -> float:
        """Return how many seconds after the sound the picture begins; 0 if together or before."""
        picture = self.picture_start()
        sound = None if self.sound is None else self.sound.start()
        if picture is None or sound is None or picture - sound <= SAME_TIME_SECONDS:
            return 0.0
        return picture - sound

    def is_alone(self) -> bool:
        """Return whether the file has no second track of either kind that could be taken."""
        return all(track is None or track.tracks == 1 for track in (self.picture, self.sound))


@contextmanager
def open_file(path: Path) -> Iterator[InputContainer]:
    """Open a file that is a whole clip, and give FFmpeg's errors their types.

    Raises:
        MediaError: If the file is absent, empty, not a plain file, ends early or
            cannot be read; also for any such error inside the ``with`` block.
    """
    _check_file(path)
    try:
        # The prefix keeps FFmpeg from reading a colon in the name as a protocol, and the lists
        # from reaching for the network and for other files. Titles are in any encoding.
        with av.open(
            f"file:{path}",
            "r",
            container_options={"protocol_whitelist": "file", "format_whitelist": _formats()},
            metadata_errors="replace",
        ) as container:
            yield container
    except MemoryError as error:
        raise MediaError(
            MediaProblem.MEMORY_LIMIT, "decoding needs more memory than it may take", str(path)
        ) from error
    except av.FFmpegError as error:
        problem = f"the file cannot be decoded ({error.strerror})"
        if isinstance(error, av.ArgumentError):  # so FFmpeg calls what is not on the list
            problem += "; what only names other files, such as a playlist, is no clip"
        raise MediaError(MediaProblem.DAMAGED, problem, str(path)) from error


@cache
def _formats() -> str:
    """Return the formats in which a clip may be, as FFmpeg takes them."""
    return ",".join(sorted(av.formats_available - _OF_OTHER_FILES))


def read_packets(
    container: InputContainer,
    path: Path,
    limits: DecodeLimits,
    deadline: Deadline,
    *,
    only_times: bool = False,
) -> Tracks:
    """Read every packet of a file in one pass, and choose the picture and the sound.

    Of several tracks those are taken that a player takes: see :func:`_choose_picture`
    and :func:`_choose_sound`. A picture that is attached to a sound, such as the cover
    of an album, is no video.

    Args:
        container: The open file.
        path: Of the file, for errors.
        limits: On its size and length.
        deadline: When to stop.
        only_times: Keep no packet, for files that need not fit into memory.

    Raises:
        MediaError: If the file has no picture and no sound, a packet is damaged, or
            a limit is passed.
    """
    videos, audios = _candidates(container, path)
    every: list[Track[VideoStream] | Track[AudioStream]] = [*videos, *audios]
    by_index = {track.stream.index: track for track in every}
    size, times = 0, JoinedTimes(container)
    for packet in container.demux(*(track.stream for track in by_index.values())):
        deadline.check()
        if packet.size == 0:  # the mark that PyAV sets at the end of each stream
            continue
        times.place(packet)
        track = by_index[packet.stream_index]
        if packet.is_corrupt:
            track.corrupt.append(len(track.packet_times))
        time = packet.dts if packet.pts is None else packet.pts
        track.packet_times.append(PacketTime(time, packet.duration or 0, not packet.is_discard))
        if not only_times:
            size += packet.size
            _check_size(size, path, limits)
            track.packets.append(packet)  # type: ignore[arg-type]  # the index says which it is
    tracks = _choose(videos, audios, container, path)
    joins = _check_packets(tracks, container, path, deadline)
    if joins := max(joins, times.jumps):
        tracks.notes += (NoteKind.JOINED.text(joins + 1),)
    if tracks.seconds() > limits.clip_seconds:
        raise MediaError(
            MediaProblem.TOO_LONG,
            f"lasts {tracks.seconds():.1f} s; the limit is {limits.clip_seconds:g} s",
            str(path),
        )
    return tracks


def _candidates(
    container: InputContainer, path: Path
) -> tuple[list[Track[VideoStream]], list[Track[AudioStream]]]:
    videos = [
        Track(stream)
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & _NO_FILM
    ]
    audios = [
        Track(stream) for stream in container.streams.audio if stream.codec_context is not None
    ]
    if not videos and not audios:
        raise MediaError(
            MediaProblem.NO_STREAMS, "holds no picture or sound that can be decoded", str(path)
        )
    _number(videos)
    _number(audios)
    return videos, audios


def _number(tracks: Sequence[Track[_StreamT]]) -> None:
    for number, track in enumerate(tracks, start=1):
        track.number, track.tracks = number, len(tracks)


def _choose_picture(tracks: list[Track[VideoStream]]) -> Track[VideoStream] | None:
    """Take moving pictures before a still, the default, the largest, the first.

    Each rule decides where those before it do not. The last three are those of the
    ffmpeg program (its documentation, "Automatic stream selection"); a still that lacks
    the mark of one has a single packet.
    """

    def rank(track: Track[VideoStream]) -> tuple[int, bool, int]:
        context = track.stream.codec_context
        is_default = bool(track.stream.disposition & Disposition.default)
        return min(track.shown, 2), is_default, context.width * context.height

    return max(tracks, key=rank, default=None)


def _choose_sound(tracks: list[Track[AudioStream]]) -> Track[AudioStream] | None:
    """Take a track with sound, the film's own, the default, with most channels, the first.

    Each rule decides where those before it do not, as in the ffmpeg program, but for
    comments and descriptions: they stand behind the film's own sound even where the
    file's writer made the first track the default.
    """

    def rank(track: Track[AudioStream]) -> tuple[bool, bool, bool, int]:
        marks = track.stream.disposition
        is_default = bool(marks & Disposition.default)
        channels = track.stream.codec_context.channels
        return track.shown > 0, not marks & _BESIDES, is_default, channels

    return max(tracks, key=rank, default=None)


def _choose(
    videos: list[Track[VideoStream]],
    audios: list[Track[AudioStream]],
    container: InputContainer,
    path: Path,
) -> Tracks:
    """Choose a picture, and a sound of the same program."""
    picture = _choose_picture(videos)
    notes, candidates = [], audios
    programs = []
    if len(videos) > 1 and "mpegts" in container.format.name.split(","):
        programs = read_programs(path)
    own = [number for number, program in enumerate(programs) if picture and picture.id in program]
    if len(programs) > 1 and own:
        others = frozenset().union(*programs) - programs[own[0]]
        candidates = [track for track in audios if track.id not in others]
        notes.append(NoteKind.PROGRAM_CHOSEN.text(own[0] + 1, len(programs)))
    sound = _choose_sound(candidates)
    left_out = tuple(track for track in audios if track is not sound)
    return Tracks(picture, sound, left_out, tuple(notes))


def _check_packets(
    tracks: Tracks, container: InputContainer, path: Path, deadline: Deadline
) -> int:
    """Refuse a file with a damaged packet, and count the places where recordings were joined.

    The last packet of uncompressed sound is called corrupt where it is shorter than
    the others, which is so wherever the header leaves the length open, as a pipe must.
    Where the header states it, lacking bytes were found before. Where transport streams
    were joined, their counts of packets break off, which is no damage either.
    """
    formats = frozenset(container.format.name.split(","))
    corrupt = [
        track
        for track in (tracks.picture, tracks.sound)
        if track is not None
        and track.corrupt
        and (_PCM_FORMATS.isdisjoint(formats) or not track.is_open_end)
    ]
    if not corrupt:
        return 0
    joins = count_joins(path, deadline) if "mpegts" in formats else None
    if not joins:
        raise MediaError(MediaProblem.DAMAGED, "a part of the file is damaged", str(path))
    return joins


def _check_file(path: Path) -> None:
    where = str(path)
    try:
        check_plain_file(path)
        if path.stat().st_size == 0:
            raise MediaError(MediaProblem.EMPTY, "has no bytes", where)
        lacking = missing_bytes(path)
    except NotAPlainFileError as error:
        raise MediaError(MediaProblem.NOT_A_FILE, str(error.strerror), where) from error
    except OSError as error:
        raise MediaError(
            MediaProblem.ABSENT, f"cannot be read ({error.strerror})", where
        ) from error
    if lacking:
        raise MediaError(
            MediaProblem.DAMAGED, f"ends early: {lacking:,} of its bytes are not there", where
        )


def _check_size(size: int, path: Path, limits: DecodeLimits) -> None:
    if size > limits.compressed_bytes:
        raise MediaError(
            MediaProblem.TOO_LARGE,
            f"has more than {limits.compressed_bytes} compressed bytes",
            str(path),
        )

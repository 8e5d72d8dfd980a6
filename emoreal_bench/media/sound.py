"""Decodes the sound of a clip to one channel at the wanted rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.note import NoteKind
from emoreal_bench.media.container import Track
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import Deadline
from emoreal_bench.media.loudness import SILENT_DBFS, dbfs, describe_mix
from emoreal_bench.media.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Sound:
    """The waveform of a clip.

    Attributes:
        waveform: ``(samples,)`` 32-bit floats in -1..1, mono; None without sound.
        notes: What a reader of the log should know.
        is_mended: Whether silence stands before it or in it, so that it keeps its times.
    """

    waveform: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()
    is_mended: bool = False


NO_SOUND = Sound(notes=(NoteKind.NO_SOUND.text(),))


def decode_sound(
    track: Track[AudioStream] | None,
    start: float | None,
    wanted: MediaWanted,
    path: Path,
    deadline: Deadline,
) -> Sound:
    """Decode a stream of sound, resampled and mixed to one channel.

    Silence stands where the file has no sound: before a sound that begins after the
    picture, and where it is interrupted.

    Args:
        track: The stream and its packets; None if the file has no sound.
        start: When the file's picture begins; None without picture.
        wanted: Sample rate, channel and the time after which sound is cut.
        path: The file, for errors.
        deadline: When to stop.

    Raises:
        MediaError: If decoding stops midway, the format changes, or time is up.
    """
    if track is None:
        return NO_SOUND
    longest = round(wanted.max_seconds * wanted.sample_rate)
    # Packed, since PyAV reads past the end of a planar frame of eight channels or more.
    resampler = partial(AudioResampler, format="flt", rate=wanted.sample_rate)
    timeline = Timeline(start, wanted.sample_rate, resampler)
    pieces: list[NDArray[np.float32] | int] = []
    length = 0
    for piece in timeline.place(decode_frames(track, path, deadline)):
        if isinstance(piece, int):
            pieces.append(min(piece, longest + 1 - length))
            length += piece
        else:
            packed = piece.to_ndarray().astype(np.float32, copy=False)
            pieces.append(packed.reshape(-1, piece.layout.nb_channels).T)
            length += piece.samples
        if length > longest:
            break
    if not timeline.has_sound:
        # A track can have no packets, or only such as a cut hides: no damage, and no sound.
        return NO_SOUND
    channels = _join(pieces)[:, :longest]
    if not np.isfinite(channels).all():
        problem = "the sound holds values that are no numbers"
        raise MediaError(MediaProblem.DAMAGED, problem, str(path))
    mixed = channels[0] if wanted.channel == "first" else channels.mean(axis=0)
    notes = [*timeline.notes(), *describe_mix(channels, wanted.channel)]
    if track.tracks > 1:
        notes.append(NoteKind.SOUND_CHOSEN.text(track.number, track.tracks))
    if length > longest:
        notes.append(NoteKind.SOUND_CUT.text(wanted.max_seconds))
    is_mended = timeline.late + timeline.interrupted > 0
    # Resampling can overshoot full scale by a little.
    return Sound(np.clip(mixed, -1.0, 1.0), tuple(notes), is_mended)


def describe_others(
    tracks: Iterable[Track[AudioStream]], wanted: MediaWanted, path: Path, deadline: Deadline
) -> Iterator[str]:
    """Yield a note for each track that sounds, where the one that was taken is silent.

    Args:
        tracks: Those that were left out.
        wanted: As for :func:`decode_sound`.
        path: The file, for errors.
        deadline: When to stop.
    """
    for track in tracks:
        try:
            sound = decode_sound(track, None, wanted, path, deadline)
        except av.FFmpegError:
            continue  # Nothing of it is given, so its damage is none of the clip's.
        if sound.waveform is None:
            continue
        level = dbfs(float(np.sqrt(np.square(sound.waveform, dtype=np.float64).mean())))
        if level >= SILENT_DBFS:
            yield NoteKind.OTHER_SOUND.text(track.number, track.tracks, level)


def decode_frames(
    track: Track[AudioStream], path: Path, deadline: Deadline
) -> Iterator[AudioFrame]:
    """Decode the packets of a stream of sound one by one.

    Raises:
        MediaError: If the format changes, or time is up.
    """
    first: AudioFrame | None = None
    context = track.stream.codec_context
    for packet in (*track.packets, None):
        deadline.check()
        for frame in context.decode(packet):
            first = first or frame
            if _kind(frame) != _kind(first):
                problem = (
                    f"the sound changes its format midway, from {_in_words(first)} to "
                    f"{_in_words(frame)}"
                )
                raise MediaError(MediaProblem.FORMAT_CHANGES, problem, str(path))
            yield frame


def _join(pieces: list[NDArray[np.float32] | int]) -> NDArray[np.float32]:
    """Return ``(channels, samples)``; a number stands for so many silent samples."""
    channels = next((piece.shape[0] for piece in pieces if not isinstance(piece, int)), 1)
    blocks = [
        np.zeros((channels, piece), np.float32) if isinstance(piece, int) else piece
        for piece in pieces
    ]
    return np.concatenate(blocks, axis=1)


def _kind(frame: AudioFrame) -> tuple[int, str, str]:
    return frame.sample_rate, frame.format.name, frame.layout.name


def _in_words(frame: AudioFrame) -> str:
    return f"{frame.sample_rate} Hz {frame.layout.name}"

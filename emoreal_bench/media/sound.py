"""Decodes the sound of a clip to one channel at the wanted rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.media.container import Track
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.limits import Deadline


@dataclass(frozen=True, slots=True)
class Sound:
    """The waveform of a clip.

    Attributes:
        waveform: ``(samples,)`` 32-bit floats in -1..1, mono; None without sound.
        notes: What a reader of the log should know.
    """

    waveform: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()


def decode_sound(
    track: Track[AudioStream] | None, wanted: MediaWanted, path: Path, deadline: Deadline
) -> Sound:
    """Decode a stream of sound from its first sample, resampled and mixed to one channel.

    Args:
        track: The stream and its packets; None if the file has no sound.
        wanted: Sample rate, channel and the time after which sound is cut.
        path: The file, for errors.
        deadline: When to stop.

    Raises:
        MediaError: If nothing decodes, decoding stops midway, or time is up.
    """
    if track is None or not track.packets:
        return Sound(notes=("clip has no sound",))
    longest = round(wanted.max_seconds * wanted.sample_rate)
    pieces: list[NDArray[np.float32]] = []
    length = 0
    for block in _resampled(track, wanted.sample_rate, path, deadline):
        pieces.append(block[0] if wanted.channel == "first" else block.mean(axis=0))
        length += len(pieces[-1])
        if length > longest:
            break
    if not length:
        raise MediaError(MediaProblem.DAMAGED, "the sound cannot be decoded", str(path))
    # Resampling can overshoot full scale by a little.
    waveform = np.clip(np.concatenate(pieces)[:longest], -1.0, 1.0)
    cut = (f"sound cut after {wanted.max_seconds:g} s",) if length > longest else ()
    return Sound(waveform, cut)


def _resampled(
    track: Track[AudioStream], sample_rate: int, path: Path, deadline: Deadline
) -> Iterator[NDArray[np.float32]]:
    """Return the sound block by block as ``(channels, samples)``, its channels kept apart."""
    resampler = AudioResampler(format="fltp", rate=sample_rate)
    first: AudioFrame | None = None
    for frame in _frames(track, deadline):
        first = first or frame
        if _kind(frame) != _kind(first):
            raise MediaError(MediaProblem.DAMAGED, "the sound changes its format midway", str(path))
        for block in resampler.resample(frame):
            yield block.to_ndarray().astype(np.float32, copy=False)
    if first is not None:
        for block in resampler.resample(None):
            yield block.to_ndarray().astype(np.float32, copy=False)


def _frames(track: Track[AudioStream], deadline: Deadline) -> Iterator[AudioFrame]:
    context = track.stream.codec_context
    for packet in (*track.packets, None):
        deadline.check()
        yield from context.decode(packet)


def _kind(frame: AudioFrame) -> tuple[int, str, str]:
    return frame.sample_rate, frame.format.name, frame.layout.name

"""How loud the sound of a clip is, and what making one channel of several did to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.note import NoteKind

SILENT_DBFS = -70.0
"""Below this a sound counts as silent: what an encoder leaves of silence is quieter."""
_AUDIBLE_DBFS = -60.0
"""What is left out is noted if it is louder than this,"""
_LEFT_OUT_DB = -6.0
"""and if what the taken channel lacks of it is no quieter than this beside that channel."""
_QUIET_MIX_DB = -10.0
"""A mean that is this much quieter than its loudest channel has lost most of it. Two
channels of which one is silent lose 6 dB."""
_FLOOR_DBFS = -120.0
"""Stands for silence, which has no level."""


def dbfs(level: float) -> float:
    """Return a root mean square in decibels below full scale, at least -120."""
    return _FLOOR_DBFS if level <= 0 else max(float(20 * np.log10(level)), _FLOOR_DBFS)


class Level:
    """The level of sound that comes in blocks of 16-bit samples."""

    def __init__(self) -> None:
        self._squares = 0.0
        self._samples = 0

    def add(self, block: NDArray[Any]) -> None:
        """Take a block."""
        self._squares += float(np.square(block / 32_768).sum())
        self._samples += block.size

    def dbfs(self) -> float:
        """Return the level of all blocks in decibels below full scale."""
        return dbfs(math.sqrt(self._squares / max(self._samples, 1)))

    def notes(self) -> Iterator[str]:
        """Yield a note if all of it is silent."""
        if self.dbfs() < SILENT_DBFS:
            yield NoteKind.SOUND_SILENT.text(self.dbfs())


def describe_mix(channels: NDArray[np.float32], taken: Literal["mean", "first"]) -> Iterator[str]:
    """Yield a note for sound that was lost on the way to one channel, and one for silence.

    Args:
        channels: ``(channels, samples)`` in -1..1, at least one sample.
        taken: How one channel was made of them.
    """
    number, samples = channels.shape
    precise = channels.astype(np.float64)
    products = precise @ precise.T / samples
    levels = [dbfs(float(np.sqrt(power))) for power in products.diagonal()]
    level = levels[0] if taken == "first" else dbfs(float(np.sqrt(max(products.sum(), 0))) / number)
    if level < SILENT_DBFS:
        yield NoteKind.SOUND_SILENT.text(level)
    if taken == "mean":
        loudest = max(levels)
        if loudest > _AUDIBLE_DBFS and level < loudest + _QUIET_MIX_DB:
            yield NoteKind.MIX_QUIET.text(number, level, loudest)
    elif number > 1:
        # What a channel holds besides the part that is also in the first.
        shared = products[0] ** 2 / max(products[0, 0], np.finfo(np.float64).tiny)
        besides = np.sqrt(np.maximum(products.diagonal() - shared, 0))
        besides[0] = 0
        most = int(besides.argmax())
        if dbfs(float(besides[most])) > max(_AUDIBLE_DBFS, level + _LEFT_OUT_DB):
            yield NoteKind.CHANNEL_LEFT_OUT.text(most + 1, number, levels[most], level)

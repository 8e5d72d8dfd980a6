"""Which frames of a clip are looked at, decided by their times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Sampling = Literal["ends", "middles"]


def choose_frames(
    times: Sequence[int], end: int, count: int, sampling: Sampling
) -> NDArray[np.int64]:
    """Choose frames that are evenly spaced in time.

    ``ends`` takes ``count`` moments from the first to the last frame, both
    included, ``middles`` the middles of ``count`` equal stretches; a moment
    shows the last frame that has begun by then. Where frames come at a constant
    rate the same rule is applied to their numbers instead, because containers
    round times to ticks and a moment that falls on a frame could miss it: so
    ``ends`` is ``numpy.linspace(0, n - 1, count)`` rounded down, as the paper
    samples. With fewer frames than moments, frames repeat.

    Args:
        times: Beginning of each frame in ticks of the stream, ascending, at least one.
        end: End of the last frame in ticks.
        count: Number of frames wanted.
        sampling: Which moments.

    Returns:
        Index into ``times`` of each chosen frame, never decreasing.
    """
    number = len(times)
    moments = np.arange(count, dtype=np.int64)
    ticks = np.asarray(times, dtype=np.int64)
    if is_constant_rate(times):
        if sampling == "ends":
            return np.linspace(0, number - 1, count).astype(np.int64)
        return (2 * moments + 1) * number // (2 * count)
    ticks -= ticks[0]
    if sampling == "ends":
        steps = max(count - 1, 1)
        scaled, wanted = ticks * steps, moments * ticks[-1]
    else:
        scaled, wanted = ticks * (2 * count), (2 * moments + 1) * (end - times[0])
    chosen: NDArray[np.int64] = np.searchsorted(scaled, wanted, side="right") - 1
    return chosen


def is_constant_rate(times: Sequence[int]) -> bool:
    """Return whether frames are evenly spaced, up to the rounding of their times to ticks."""
    ticks = np.asarray(times, dtype=np.int64)
    gaps = len(ticks) - 1
    if gaps < 2:
        return True
    length = int(ticks[-1] - ticks[0])
    even = np.arange(gaps + 1, dtype=np.int64) * length
    off = np.abs((ticks - ticks[0]) * gaps - even)
    # One tick of rounding, but never so much that a dropped frame passes for even
    # spacing where a tick is as long as a frame.
    return bool((off <= min(gaps, length // 4)).all())

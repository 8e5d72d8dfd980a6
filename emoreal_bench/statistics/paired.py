"""The paired test: two runs that answered the same items, exchanged clip by clip.

If the second of two runs is no other model than the first, their answers to a
clip might as well have been exchanged. So of all ways to exchange whole clips
the sample is one, and the share of them that bring at least so large a
difference is the p-value. That is exact for any number of clips, of questions
to a clip and of answers that hang together within one; of single questions it
is McNemar's exact test. Where the difference is a sum over clips, an exchange
turns the sign of a clip's part, and the sums of all sign flips are counted; for
any other metric exchanges are drawn.

Source: Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 2005,
section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, erfc, log, log2, pi, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

POWER = 0.8
DRAWS = 4_999
"""Of exchanges, where not all are tried; the smallest p-value is one in one more than this."""
_TRIED_CLIPS = 11
"""Of up to so many clips that change every exchange is tried."""
_STEPS = 2**14
"""Sums are counted on a grid; up to so many steps long it holds them without rounding."""
_LARGEST_SLACK = 4
"""Steps of the grid."""
_MANY_CLIPS = 200
"""From so many that change on, sums without a common step are not counted but computed."""
_FARTHEST = 12.0
"""Standard errors from 0; what is farther is as unlikely as makes no difference."""
_NOTHING = 1e-9
"""Of the largest change: what rounding leaves of no change."""


@dataclass(frozen=True, slots=True)
class Exchanges:
    """How large a difference becomes if clips are exchanged between two runs at random.

    Attributes:
        sizes: ``(distinct,)`` its absolute values, ascending.
        tails: ``(distinct,)`` the probability of each or a larger one.
        slack: By how much a value may be rounded; values so close count as equal.
        clips: How many clips change.
        spread: Root mean square of the difference.
    """

    sizes: NDArray[np.float64]
    tails: NDArray[np.float64]
    slack: float
    clips: int
    spread: float

    def p_value(self, difference: float) -> float:
        """Return the two-sided p-value of a difference."""
        place = int(np.searchsorted(self.sizes, abs(difference) - self.slack))
        return float(self.tails[min(place, self.tails.size - 1)])

    def critical(self, level: float) -> float | None:
        """Return the largest difference that a test of this level does not find, if any is."""
        missed = int(np.count_nonzero(self.tails >= level))
        return None if missed == self.tails.size else float(self.sizes[missed - 1]) + self.slack


def flip_signs(changes: NDArray[np.float64]) -> Exchanges:
    """Return how large the sum of some changes is if each has either sign.

    The 2^n sums of ``n`` numbers are counted on a grid, number by number, each time
    adding a shifted copy of what was counted before. Whole multiples of a common step,
    as the changes of one subtask are, are counted exactly. Others are rounded to the
    grid, and a sum that rounding may have moved beyond the observed one counts as
    beyond it; of many others a saddlepoint approximation knows the sums.

    Args:
        changes: ``(clips,)`` what each adds to the difference.
    """
    sizes = np.abs(changes)
    sizes = sizes[sizes > _NOTHING * sizes.max(initial=0.0)]
    if not sizes.size:
        return Exchanges(np.zeros(1), np.ones(1), 0.0, 0, 0.0)
    spread = sqrt(float(np.square(sizes).sum()))
    step = _common_step(sizes)
    if step is None and sizes.size >= _MANY_CLIPS:
        return Exchanges(*_approximate_sums(sizes, spread), 0.0, sizes.size, spread)
    if step is None:
        step = float(sizes.sum()) / _STEPS
        # The sum of few roundings is within this; of many, equal sums are rare.
        slack = step * min(sizes.size / 2, _LARGEST_SLACK)
    else:
        slack = step / 1000
    whole = np.rint(sizes / step).astype(np.int64)
    # Rounded to 0 they would say that chance is impossible.
    tails = np.cumsum(_count_sums(whole), dtype=np.float64)
    np.clip(2 * tails, np.finfo(float).tiny, 1.0, out=tails)
    reached = np.asarray((int(whole.sum()) - 2 * np.arange(tails.size)) * step, dtype=np.float64)
    tails[reached <= 0] = 1.0
    return Exchanges(reached[::-1], tails[::-1], slack, sizes.size, spread)


def allow_for_unlike(
    exchanges: Exchanges, changes: NDArray[np.float64], unseen: float = 0.0
) -> Exchanges:
    """Raise p-values to what they are where the two runs are equal, but unlike.

    Flipped signs say of a clip that it might as well have changed as much the other way.
    One run may yet fail in whole clips and the other, as often, in single questions. Then
    the changes of one sign are few and heavy, and too few of them come too often. So a
    difference that the heavier changes oppose has at least the p-value of Student's
    statistic of skewed numbers. Of changes of one size this changes nothing.

    Args:
        exchanges: Of the changes.
        changes: ``(clips,)`` what each adds to the difference.
        unseen: Sum of squares of heavy changes that may not have come.

    Source: Hall, Edgeworth expansion for Student's t statistic under minimal moment
    conditions, 1987.
    """
    squares = float(np.square(changes).sum())
    cubes = float((changes**3).sum()) * float(np.sign(changes.sum()))
    lean = 0.0 if squares == 0 else max(0.0, -cubes / squares**1.5)
    # Of changes of one size, rounding leaves a lean of nearly nothing.
    if lean < _NOTHING and not unseen:
        return exchanges
    spread = sqrt(squares + unseen)
    known = np.where(np.isfinite(exchanges.sizes), exchanges.sizes, 0.0) / max(spread, 1e-300)
    least = unlike_tail(known, np.full(known.shape, lean))
    least = np.maximum.accumulate(least[::-1])[::-1]
    return replace(exchanges, tails=np.maximum(exchanges.tails, least), spread=spread)


def unlike_tail(deviations: NDArray[np.float64], lean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the two-sided tail of Student's statistic of skewed numbers.

    Args:
        deviations: Sums in roots of their squares, absolute.
        lean: Sum of cubes by that of squares to the power of 1.5, against the sum.
    """
    density = np.exp(-(deviations**2) / 2) / sqrt(2 * pi)
    more = lean / 6 * (2 * deviations**2 + 1) * density
    tail: NDArray[np.float64] = np.minimum(1.0, normal_tail(deviations) + 2 * more)
    return tail


def _approximate_sums(
    sizes: NDArray[np.float64], spread: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return absolute sums of sign flips, ascending, and how likely each or a larger one is.

    Source: Lugannani and Rice, Saddle point approximation for the distribution of the
    sum of independent random variables, 1980; for sign flips Robinson, Saddlepoint
    approximations for permutation tests and confidence intervals, 1982.
    """
    distinct, times = np.unique(np.round(sizes / spread, 9), return_counts=True)
    tilts = np.linspace(0.1, _FARTHEST, 120)
    tilted = tilts[:, None] * distinct
    slopes = np.tanh(tilted)
    sums = (slopes * distinct) @ times
    # log cosh x, without overflow.
    cumulants = (tilted + np.log1p(np.exp(-2 * tilted)) - log(2)) @ times
    curvatures = ((1 - slopes**2) * distinct**2) @ times
    signed_root = np.sqrt(2 * (tilts * sums - cumulants))
    density = np.exp(-(signed_root**2) / 2) * sqrt(2 / pi)
    correction = density * (1 / (tilts * np.sqrt(curvatures)) - 1 / signed_root)
    tails = np.log(normal_tail(signed_root) + correction)
    known = np.linspace(0.0, sums[-1], 4000)
    found = np.exp(np.interp(known, np.append(0.0, sums), np.append(0.0, tails)))
    return known * spread, found


def _count_sums(whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the probabilities of the sums of the negative numbers, up to half of all."""
    distinct, times = np.unique(whole, return_counts=True)
    # Of equal numbers, mostly ones, a binomial number is negative.
    commonest = int(times.argmax())
    equal, number = int(distinct[commonest]), int(times[commonest])
    chances = np.zeros(int(whole.sum()) // 2 + 1)
    places = np.arange(0, chances.size, equal)[: number + 1]
    chances[places] = _binomial(number)[: places.size]
    reach = int(places[-1])
    for size in map(int, whole[whole != equal]):
        reach = min(reach + size, chances.size - 1)
        halved = chances[: reach + 1] / 2
        chances[: reach + 1] = halved
        if size <= reach:
            chances[size : reach + 1] += halved[: reach + 1 - size]
    return chances


def _binomial(number: int) -> NDArray[np.float64]:
    """Return the probabilities of 0 to ``number`` heads of fair coins."""
    heads = np.arange(1, number + 1)
    ways = np.cumsum(np.log((number + 1 - heads) / heads))
    return np.exp(np.append(0.0, ways) - number * log(2))


def _common_step(sizes: NDArray[np.float64]) -> float | None:
    """Return the largest number of which all are multiples, if the grid is long enough for it."""
    distinct = np.unique(sizes)
    shortest, noise = float(sizes.sum()) / _STEPS, _NOTHING * float(distinct[-1])
    step = 0.0
    for size in map(float, distinct):
        one, other = size, step
        while other > noise:
            if other < shortest:
                return None
            rest = one % other
            one, other = other, 0.0 if other - rest < noise else rest
        step = one
    return step if step >= shortest else None


def draw_exchanges(
    parts: NDArray[np.float64], multiplicity: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Exchange clips between two runs: in all ways if they are few, else at random.

    Args:
        parts: ``(distinct, features)`` what a clip, exchanged, adds to the first run's
            totals and takes from the second's.
        multiplicity: ``(distinct,)`` how many clips are of each kind.
        generator: Of the draws.

    Returns:
        ``(exchanges, features)`` what all exchanged clips add to the first run's totals:
        of every way once, or of the sample itself and of draws.
    """
    changed = parts.any(axis=1)
    kinds, counts = parts[changed], multiplicity[changed]
    clips = int(counts.sum())
    if clips <= _TRIED_CLIPS:
        taken = (np.arange(2**clips)[:, None] >> np.arange(clips)) & 1
        return taken.astype(np.float64) @ np.repeat(kinds, counts, axis=0)
    drawn = generator.binomial(counts, 0.5, (DRAWS, counts.size)).astype(np.float64)
    # The sample itself is one of the ways, so that no p-value is 0 (Good, section 3.2).
    return np.vstack([np.zeros((1, kinds.shape[1])), drawn @ kinds])


def tally(differences: NDArray[np.float64], clips: int) -> Exchanges:
    """Make a distribution of differences; one that is not defined counts as the largest."""
    sizes = np.sort(np.where(np.isnan(differences), np.inf, np.abs(differences)))
    tails = np.arange(sizes.size, 0, -1) / sizes.size
    known = sizes[np.isfinite(sizes)]
    largest = float(known[-1]) if known.size else 0.0
    spread = sqrt(float(np.square(known).mean())) if known.size else 0.0
    return Exchanges(sizes, tails, _NOTHING * largest, clips, spread)


def holm(
    p_values: Sequence[float], level: float, weights: Sequence[float] | None = None
) -> list[tuple[float, float]]:
    """Correct p-values for their number by Holm's step-down method.

    Args:
        p_values: Of all tests of one family.
        level: Probability of any false finding among them.
        weights: How much of the level each has at first; the same if None. The weight of
            a test that found something passes to the others.

    Returns:
        In the order given, the corrected p-value of each, and the level at which the
        uncorrected one was tested; the two always agree.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    shares = list(weights or [1.0] * len(p_values))
    order = sorted(range(len(p_values)), key=lambda index: p_values[index] / shares[index])
    results = [(1.0, level)] * len(p_values)
    largest, stopped_at = 0.0, 0.0
    for rank, index in enumerate(order):
        left = sum(shares[other] for other in order[rank:])
        largest = max(largest, min(1.0, p_values[index] * left / shares[index]))
        if largest >= level and not stopped_at:
            stopped_at = left
        results[index] = largest, level * shares[index] / (stopped_at or left)
    return results


def normal_tail(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the two-sided tail of the normal distribution, ``(deviations,)``."""
    return np.array([erfc(abs(value) / sqrt(2)) for value in deviations.tolist()])


def as_normal(deviations: NDArray[np.float64], freedom: int) -> NDArray[np.float64]:
    """Return the normal deviates that are as unlikely as those of Student's t.

    Source: Wallace, Bounds on normal approximations to Student's and the chi-square
    distributions, 1959.
    """
    shrink = (8 * freedom + 1) / (8 * freedom + 3)
    normal: NDArray[np.float64] = np.sqrt(freedom * np.log1p(deviations**2 / freedom))
    return shrink * normal


def least_clips(level: float) -> int:
    """Return how many clips have to change, all one way, before a test can find it."""
    return ceil(1 - log2(level) + 1e-9)


def detectable(standard_error: float, tail: float, power: float = POWER) -> float:
    """Return the true difference that a test finds with the given power.

    Args:
        standard_error: Of the difference.
        tail: Level of a one-sided test, half the level of a two-sided one: 0 to 0.5.
        power: Probability of finding the difference.
    """
    normal = NormalDist()
    return (normal.inv_cdf(1 - tail) + normal.inv_cdf(power)) * standard_error

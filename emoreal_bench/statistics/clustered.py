"""Intervals of whatever is computed from counts, clustered by clip, in closed form.

Questions about one clip are hard or easy together, so the spread of a number is
taken between clips, by the slopes of its formula at the counts (the delta
method; Binder, On the variances of asymptotically normal estimators from
complex surveys, 1983). The interval is Wilson's for a proportion of as many
independent answers as would spread as much (the effective sample size), with
Student's quantile: the kind that covers best in the comparisons of Dean and
Pagano, Evaluating confidence interval methods for binomial proportions in
clustered surveys, 2015. A number between two ends is treated as a proportion.

Where few answers differ, their spread between clips is hardly seen, and not at
all where every answer is right. So it is taken with two clips more that are made
up, one wrong and one right (as Agresti and Coull, 1998, add answers; the number
itself stays). ``benchmarks/coverage.py`` measures how often the truth is inside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import fsum, inf, pi, sqrt, tan
from statistics import NormalDist
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.scores import Interval
from emoreal_bench.statistics.intervals import CONFIDENCE

if TYPE_CHECKING:
    Numbers = NDArray[np.float64]
    Formula = Callable[[Numbers], Mapping[str, Numbers]]

SHARE: Interval = (0.0, 1.0)
"""The ends of a fraction."""
_TAIL = (1 - CONFIDENCE) / 2
_NORMAL = NormalDist().inv_cdf(1 - _TAIL)
_STEP = 1e-4
"""Relative change of a count by which a slope is measured."""
_FEW = 2.0
"""Of up to so many answers Wilson's nearer bound is too near (Brown, Cai and DasGupta, 2001)."""
_FAR = 12
"""Standard errors beyond which nothing lies."""
_DIGITS = 10
"""Of a bound; what lies beyond them may differ from machine to machine."""


@dataclass(frozen=True, slots=True)
class Moments:
    """What an interval needs of the clips; axes in front are samples.

    Attributes:
        totals: ``(..., features)`` counts over all clips.
        products: ``(..., features, features)`` products of the counts of a clip, summed.
            Those of whole numbers are exact, whatever the order of the clips.
        clips: How many there are, at least two.
    """

    totals: Numbers
    products: Numbers
    clips: int

    @classmethod
    def of(cls, counts: NDArray[np.generic]) -> Self:
        """Sum over ``(..., clips, features)`` counts."""
        numbers = counts.astype(np.float64)
        return cls(numbers.sum(-2), numbers.swapaxes(-1, -2) @ numbers, counts.shape[-2])


@dataclass(frozen=True, slots=True)
class Strata:
    """Groups of answers: all, or those to the items of one class.

    Attributes:
        sizes: ``(strata, features)`` 1 where a feature counts answers of the stratum.
        ends: ``(..., strata, 2, features)`` how a wrong answer counts, and a right one.
        whole: ``(features,)`` 1 where the features count every answer once.
    """

    sizes: Numbers
    ends: Numbers
    whole: Numbers

    @classmethod
    def of_shares(cls, count: int) -> Self:
        """Describe features that are answers and right answers, in turn."""
        answers, right = np.repeat(np.eye(count), 2, axis=1) * np.tile([[[1, 0]], [[0, 1]]], count)
        return cls(answers, np.stack([answers, answers + right], axis=1), answers.sum(0))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put the features of several side by side."""
        width = sum(part.whole.size for part in parts)
        sizes, ends, start = [], [], 0
        for part in parts:
            room = (start, width - start - part.whole.size)
            start += part.whole.size
            sizes.append(np.pad(part.sizes, [(0, 0), room]))
            ends.append(np.pad(part.ends, [(0, 0)] * (part.ends.ndim - 1) + [room]))
        whole = np.concatenate([part.whole for part in parts])
        return cls(np.concatenate(sizes), np.concatenate(ends, axis=-3), whole)

    def pooled(self, totals: Numbers) -> Strata:
        """Make one stratum of all, whose answers fall on these as often as in the sample."""
        shares = _ratio(totals @ self.sizes.T, (totals @ self.whole)[..., None])
        ends = np.einsum("...h,...hei->...ei", shares, self.ends)
        return Strata(self.whole[None], ends[..., None, :, :], self.whole)


@dataclass(frozen=True, slots=True)
class Grouping:
    """Strata to which clips are made up, and whose numbers are spread by them.

    Attributes:
        strata: The groups of answers.
        weight: How much spread a made-up clip adds, in that of answers.
        names: Of the numbers.
    """

    strata: Strata
    weight: float
    names: Collection[str]


def interval_bounds(
    moments: Moments,
    formula: Formula,
    spans: Mapping[str, Interval | None],
    groupings: Sequence[Grouping],
) -> dict[str, tuple[Numbers, Numbers]]:
    """Compute the bounds of numbers.

    Args:
        moments: Of the clips.
        formula: Computes the numbers from ``(..., features)`` totals, NaN where one is
            not defined. It must not change when all totals double.
        spans: The ends of each number wanted; None for one without ends.
        groupings: Each number is of one or more; the one that spreads it most counts.

    Returns:
        Lower and upper bounds by name; NaN where the number is not defined.
    """
    values = formula(moments.totals)
    variance = {name: np.zeros(values[name].shape) for name in spans}
    answers = {name: np.full(values[name].shape, inf) for name in spans}
    for grouping in groupings:
        sample = _with_made_up_clips(moments, grouping.strata, grouping.weight)
        around = formula(_steps(sample.totals))
        for name in grouping.names:
            value, spread = _spread(around[name], sample)
            variance[name] = np.fmax(variance[name], spread)
            start, end = spans[name] or SHARE
            known = _ratio((value - start) * (end - value), spread)
            answers[name] = np.where(known > 0, np.minimum(answers[name], known), answers[name])
    quantile = student_quantile(moments.clips - 1)
    found = {}
    for name, span in spans.items():
        if span is None:
            spread = quantile * np.sqrt(variance[name])
            bounds = values[name] - spread, values[name] + spread
        else:
            start, length = span[0], span[1] - span[0]
            worth = np.where(answers[name] < inf, answers[name], moments.clips)
            shares = wilson_bounds((values[name] - start) / length, worth, quantile)
            bounds = start + length * shares[0], start + length * shares[1]
        found[name] = bounds[0].round(_DIGITS), bounds[1].round(_DIGITS)
    return found


def _with_made_up_clips(moments: Moments, strata: Strata, weight: float) -> Moments:
    """Add a wrong and a right clip to each stratum that has answers.

    They are as large as the clips are, and the stratum then shrinks to the answers that
    it has.
    """
    sizes = moments.totals @ strata.sizes.T
    squares = np.einsum("hi,...ij,hj->...h", strata.sizes, moments.products, strata.sizes)
    added = weight * _ratio(sizes, squares)
    products = moments.products + weight * np.einsum(
        "...h,...hei,...hej->...ij", sizes > 0, strata.ends, strata.ends
    )
    totals = moments.totals + np.einsum("...h,...hei->...i", added, strata.ends)
    belongs = strata.sizes + strata.ends.sum(-2) > 0
    scale = np.sqrt(1 + np.einsum("...h,...hi->...i", _ratio(2 * added, sizes), belongs))
    return Moments(totals, products * scale[..., None] * scale[..., None, :], moments.clips)


def _steps(totals: Numbers) -> Numbers:
    """Return the totals, then each count a little larger, then each a little smaller."""
    width = totals.shape[-1]
    steps = np.concatenate([np.zeros((1, width)), np.eye(width), -np.eye(width)])
    numbers: Numbers = (1 + _STEP * steps) * totals[..., None, :]
    return numbers


def _spread(around: Numbers, sample: Moments) -> tuple[Numbers, Numbers]:
    """Return a number and its variance, from its values at the steps."""
    width = sample.totals.shape[-1]
    change = around[..., 1 : width + 1] - around[..., width + 1 :]
    slopes = _ratio(change / (2 * _STEP), sample.totals)
    between = np.einsum("...i,...ij,...j->...", slopes, sample.products, slopes)
    return around[..., 0], between * sample.clips / (sample.clips - 1)


def wilson_bounds(share: Numbers, answers: Numbers, quantile: float) -> tuple[Numbers, Numbers]:
    """Compute Wilson's interval of proportions, which reaches the end that no answer differs from.

    Args:
        share: The proportions.
        answers: How many independent answers each is of.
        quantile: How many standard errors a bound is away.
    """
    share = np.clip(share, *SHARE)
    unit = quantile**2 / answers
    middle = (share + unit / 2) / (1 + unit)
    spread = np.sqrt(unit * share * (1 - share) + unit**2 / 4) / (1 + unit)
    # Where hardly an answer differs, the bound of a rare event is nearer the end.
    one = unit / _NORMAL**2
    low = np.minimum(middle - spread, one * _rare_event(share / one))
    high = np.maximum(middle + spread, 1 - one * _rare_event((1 - share) / one))
    return np.clip(low, *SHARE), np.clip(high, *SHARE)


def _rare_event(count: Numbers) -> Numbers:
    """Return the lower bound at 5 % of the number of rare events; infinite if it is no use.

    The quantile of a gamma distribution by Wilson and Hilferty, 1931.
    """
    shape = np.maximum(count, 1e-9)
    root = 1 - 1 / (9 * shape) - NormalDist().inv_cdf(CONFIDENCE) / (3 * np.sqrt(shape))
    return np.where(count <= _FEW, shape * np.maximum(0, root) ** 3, inf)


def _ratio(above: Numbers, below: Numbers) -> Numbers:
    """Divide; 0 where there is nothing to divide by."""
    quotient = np.zeros(np.broadcast_shapes(above.shape, below.shape))
    return np.divide(above, below, out=quotient, where=below > 0)


def mean_interval(sums: Numbers, sizes: Numbers) -> Interval | None:
    """Return the interval of a mean over clips, by Student's distribution.

    Args:
        sums: ``(clips,)`` sums of the values.
        sizes: ``(clips,)`` numbers of values.

    Returns:
        None for one clip, or if all clips are alike.
    """
    clips, size = sums.size, float(sizes.sum())
    if clips < 2:
        return None
    mean = fsum(sums) / size
    # Exact sums, since the clips may come in any order.
    error = sqrt(fsum((sums - mean * sizes) ** 2) * clips / (clips - 1)) / size
    spread = student_quantile(clips - 1) * error
    low, high = round(mean - spread, _DIGITS), round(mean + spread, _DIGITS)
    return (low, high) if low < high else None


@lru_cache(maxsize=1024)
def student_quantile(freedom: int) -> float:
    """Return how many standard errors a bound is away, by Student's distribution.

    Its angle, whose tangent is t / sqrt(freedom), has the density cos ** (freedom - 1).

    Args:
        freedom: Degrees of freedom, at least 1.
    """
    angles = np.linspace(0, min(pi / 2, _FAR / sqrt(freedom)), 20_001)
    density = np.cos(angles) ** (freedom - 1)
    inside = np.cumsum(density[1:] + density[:-1])
    angle = float(np.interp(CONFIDENCE * inside[-1], inside, angles[1:]))
    return sqrt(freedom) * tan(angle)

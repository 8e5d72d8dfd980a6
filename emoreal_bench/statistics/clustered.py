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
all where every answer is right: clips that are wholly wrong are rare, and their
weight is not known before one has come. So the lower bound is taken with a part of
a clip more that is made up, wholly wrong, and the upper one with one that is wholly
right (as Agresti and Coull, 1998, add answers; the number itself stays). The spread
of a small class or subtask is drawn to that of all by clips made up to be like these,
and the quantile knows how many clips the spread rests on (Satterthwaite, An
approximate distribution of estimates of variance components, 1946).
``benchmarks/coverage.py`` measures how often the truth is inside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
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
        rights: ``(strata, features)`` by which the right answers of the stratum are counted.
        whole: ``(features,)`` 1 where the features count every answer once.
    """

    sizes: Numbers
    ends: Numbers
    rights: Numbers
    whole: Numbers

    @classmethod
    def of_shares(cls, count: int) -> Self:
        """Describe features that are answers and right answers, in turn."""
        answers, right = np.repeat(np.eye(count), 2, axis=1) * np.tile([[[1, 0]], [[0, 1]]], count)
        return cls(answers, np.stack([answers, answers + right], axis=1), right, answers.sum(0))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put the features of several side by side."""
        width = sum(part.whole.size for part in parts)
        sizes, ends, rights, start = [], [], [], 0
        for part in parts:
            room = (start, width - start - part.whole.size)
            start += part.whole.size
            sizes.append(np.pad(part.sizes, [(0, 0), room]))
            ends.append(np.pad(part.ends, [(0, 0)] * (part.ends.ndim - 1) + [room]))
            rights.append(np.pad(part.rights, [(0, 0), room]))
        whole = np.concatenate([part.whole for part in parts])
        return cls(
            np.concatenate(sizes), np.concatenate(ends, axis=-3), np.concatenate(rights), whole
        )

    def pooled(self, totals: Numbers) -> Strata:
        """Make one stratum of all, whose answers fall on these as often as in the sample."""
        shares = _ratio(totals @ self.sizes.T, (totals @ self.whole)[..., None])
        ends = np.einsum("...h,...hei->...ei", shares, self.ends)
        rights = self.rights[self.is_whole].sum(0, keepdims=True)
        return Strata(self.whole[None], ends[..., None, :, :], rights, self.whole)

    @property
    def is_whole(self) -> NDArray[np.bool_]:
        """``(strata,)`` which of them hold every answer once."""
        held: NDArray[np.bool_] = self.sizes @ self.whole > 0
        return held

    @property
    def features(self) -> NDArray[np.bool_]:
        """``(..., strata, features)`` which features belong to which."""
        belongs: NDArray[np.bool_] = self.sizes + self.ends.sum(-2) > 0
        return belongs

    def sums(self, moments: Moments) -> tuple[Numbers, Numbers]:
        """Return ``(..., strata)`` numbers of answers, and sums of their squares by clip."""
        return moments.totals @ self.sizes.T, _squares(self.sizes, moments.products)


class MadeUp(Enum):
    """What is made up beside the clips."""

    CLIP = auto()
    """A clip that is wholly wrong, or wholly right."""
    ANSWER = auto()
    """As much of one as spreads like a single answer."""
    TYPICAL = auto()
    """A clip like all are."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Strata to which clips are made up, and whose numbers are spread by them.

    Attributes:
        strata: The groups of answers.
        made_up: What is made up for each stratum.
        number: How many of these.
        names: Of the numbers.
    """

    strata: Strata
    made_up: MadeUp
    number: float
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
    names = list(spans)
    known = formula(moments.totals)
    values = np.stack([np.asarray(known[name]) for name in names])[:, None]
    shape = (len(names), 2, *values.shape[2:])
    variance, answers = np.zeros(shape), np.full(shape, inf)
    freedom = np.full(shape, moments.clips - 1.0)
    ends = np.array([spans[name] or SHARE for name in names], float)
    ends = ends.T.reshape(2, len(names), *[1] * (values.ndim - 1))
    for grouping in groupings:
        which = [names.index(name) for name in grouping.names]
        sample = _with_made_up_clips(moments, grouping)
        around = formula(_steps(sample.totals))
        stacked = np.stack([around[name] for name in grouping.names])
        found = _spread(stacked, sample, moments, grouping.strata, ends[:, which])
        variance[which] = np.fmax(variance[which], found[0])
        answers[which] = np.fmin(answers[which], found[1])
        freedom[which] = np.fmin(freedom[which], found[2])
    quantile = _student_quantiles(freedom)
    start, length = ends[0], ends[1] - ends[0]
    worth = np.where(answers < inf, answers, moments.clips)
    bounds = start + length * wilson_bounds((values - start) / length, worth, quantile)
    far = quantile * np.sqrt(variance) * np.array([-1, 1]).reshape(2, *[1] * (values.ndim - 2))
    has_ends = np.array([spans[name] is not None for name in names])
    bounds = np.where(has_ends.reshape(-1, *[1] * (values.ndim - 1)), bounds, values + far)
    bounds = bounds.round(_DIGITS)
    return {name: (bounds[row, 0], bounds[row, 1]) for row, name in enumerate(names)}


def _with_made_up_clips(moments: Moments, grouping: Grouping) -> Moments:
    """Add clips to each stratum that has answers; the samples get one more axis in front.

    They are as large as the clips are, and the stratum then shrinks to the answers that
    it has. If they are wholly wrong or right, there are two samples, one with each.
    """
    strata = grouping.strata
    sizes, squares = strata.sums(moments)
    size = _ratio(squares, sizes)
    number = np.full(size.shape, grouping.number)
    if grouping.made_up is MadeUp.ANSWER:
        number = _ratio(number, size**2)
    ends = np.broadcast_to(strata.ends, (*size.shape, *strata.ends.shape[-2:]))
    ends = np.moveaxis(ends, -2, 0)
    if grouping.made_up is not MadeUp.TYPICAL:
        middle, across = ends, np.zeros_like(ends)
    else:
        share, variance = _typical_clip(moments, strata, squares)
        difference = ends[1:] - ends[:1]
        middle = ends[:1] + share[..., None, None] * difference
        across = np.sqrt(variance)[..., None, None] * difference
    weight = number * size**2
    products = moments.products + sum(
        (weight[..., None] * one).swapaxes(-1, -2) @ one for one in (middle, across)
    )
    totals = moments.totals + np.einsum("...h,...hi->...i", number * size, middle)
    more = np.einsum("...h,...hi->...i", _ratio(number * size, sizes), strata.features)
    scale = np.sqrt(1 + more)
    return Moments(totals, products * scale[..., None] * scale[..., None, :], moments.clips)


def _typical_clip(moments: Moments, strata: Strata, squares: Numbers) -> tuple[Numbers, Numbers]:
    """Return the share of right answers of all strata, and its variance between their clips."""
    whole = strata.is_whole
    sizes, squares = (moments.totals @ strata.sizes.T)[..., whole], squares[..., whole]
    right = (moments.totals @ strata.rights.T)[..., whole]
    own_share = _ratio(right, sizes)[..., None]
    away = strata.rights[whole] - own_share * strata.sizes[whole]
    between = _squares(away, moments.products).sum(-1)
    return _ratio(right.sum(-1), sizes.sum(-1)), _ratio(np.fmax(between, 0), squares.sum(-1))


def _steps(totals: Numbers) -> Numbers:
    """Return the totals, then each count a little larger, then each a little smaller."""
    width = totals.shape[-1]
    steps = np.concatenate([np.zeros((1, width)), np.eye(width), -np.eye(width)])
    numbers: Numbers = (1 + _STEP * steps) * totals[..., None, :]
    return numbers


def _spread(
    around: Numbers, sample: Moments, moments: Moments, strata: Strata, ends: Numbers
) -> Numbers:
    """Return how numbers spread, from their values at the steps.

    Args:
        around: ``(numbers, samples, ...)`` of one or two samples.
        sample: With the clips that are made up.
        moments: Without them.
        strata: The groups of answers.
        ends: ``(2, numbers, 1, ...)`` of the numbers.

    Returns:
        ``(3, numbers, 2, ...)``, below and above: their variance; as how many independent
        answers spread as much, infinite if none differs; and on how many clips that rests.
    """
    width = sample.totals.shape[-1]
    change = around[..., 1 : width + 1] - around[..., width + 1 :]
    slopes = _ratio(change / (2 * _STEP), sample.totals)
    between = _squares(slopes[..., None, :], sample.products)[..., 0]
    variance = between * moments.clips / (moments.clips - 1)
    value = around[..., 0]
    answers = _ratio((value - ends[0]) * (ends[1] - value), variance)
    sizes, squares = strata.sums(moments)
    parts = _squares(slopes[..., None, :] * strata.features, sample.products)
    freedom = _ratio(parts.sum(-1) ** 2, (parts**2 * _ratio(squares, sizes**2)).sum(-1))
    found = np.stack(
        [
            variance,
            np.where(answers > 0, answers, inf),
            np.where(freedom > 0, np.maximum(freedom, 1.0), inf),
        ]
    )
    # The sample in which the number is lower says how far the lower bound is away.
    rows = np.argsort(value, axis=1, kind="stable")[None, :, [0, -1]]
    ordered: Numbers = np.take_along_axis(found, rows, axis=2)
    return ordered


def wilson_bounds(share: Numbers, answers: Numbers, quantile: Numbers) -> Numbers:
    """Compute Wilson's interval of proportions, which reaches the end that no answer differs from.

    Args:
        share: ``(numbers, 1, ...)`` the proportions.
        answers: ``(numbers, 2, ...)`` how many independent answers each is of, as the lower
            and as the upper bound has it.
        quantile: ``(numbers, 2, ...)`` how many standard errors a bound is away.

    Returns:
        ``(numbers, 2, ...)`` bounds.
    """
    share = np.clip(share, *SHARE)
    unit = quantile**2 / answers
    middle = (share + unit / 2) / (1 + unit)
    spread = np.sqrt(unit * share * (1 - share) + unit**2 / 4) / (1 + unit)
    # Where hardly an answer differs, the bound of a rare event is nearer the end.
    one = unit / _NORMAL**2
    low = np.minimum(middle - spread, one * _rare_event(share / one))[:, 0]
    high = np.maximum(middle + spread, 1 - one * _rare_event((1 - share) / one))[:, 1]
    bounds: Numbers = np.clip(np.stack([low, high], axis=1), *SHARE)
    return bounds


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


def _squares(weights: Numbers, products: Numbers) -> Numbers:
    """Sum the squares of weighted counts over clips, ``(..., weights)``."""
    squares: Numbers = ((weights @ products) * weights).sum(-1)
    return squares


def _student_quantiles(freedom: Numbers) -> Numbers:
    """Return :func:`student_quantile` of fractional degrees too, straight in their inverse."""
    below = np.floor(freedom).astype(int)
    whole = np.unique([below, below + 1])
    known = np.array([student_quantile(one) for one in whole.tolist()])
    lower, upper = (known[np.searchsorted(whole, one)] for one in (below, below + 1))
    inverse = (1 / freedom - 1 / below) / (1 / (below + 1) - 1 / below)
    quantiles: Numbers = lower + inverse * (upper - lower)
    return quantiles


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

"""Ranks as ranges: two models share ranks where their scores cannot be told apart.

Two intervals that overlap do not show that two models are equal: both answered
the same items, so most of the chance in their scores is shared. So where the
items are at hand, every two models are tested on those that both answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.comparing.paired import ClipSums, scored_subtasks, sum_by_clip
from emoreal_bench.comparing.runs import load_answers
from emoreal_bench.contracts.check import DEFAULT_LEVEL
from emoreal_bench.contracts.run_record import ITEMS_FILE, PLAN_FILE
from emoreal_bench.contracts.scores import Interval
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.statistics.intervals import CONFIDENCE, wilson_interval
from emoreal_bench.statistics.paired import (
    allow_for_unlike,
    as_normal,
    flip_signs,
    normal_tail,
    unlike_tail,
)

_AT_MOST = 3.18
"""A sum of sign flips exceeds a bound at most so many times as often as a normal number
does (Bentkus and Dzindzalieta, A tight Gaussian bound for weighted sums of Rademacher random
variables, 2015)."""

_NOTHING = 1e-20
"""Of a sum of squares: what rounding leaves of no change."""

Above = NDArray[np.bool_]
"""``(runs, runs)`` whether the one of the row is surely above the one of the column."""


@dataclass(frozen=True, slots=True)
class LoneScore:
    """A score whose items are not at hand.

    Attributes:
        value: The average accuracy.
        interval: Of it; None if there is none.
        clips: How many it rests on.
    """

    value: float
    interval: Interval | None
    clips: int


def has_items(folder: Path | None) -> bool:
    """Return whether a run folder still holds its plan and its log."""
    return folder is not None and all((folder / name).is_file() for name in (PLAN_FILE, ITEMS_FILE))


def load_clip_sums(folder: Path, scorings: Sequence[Scoring]) -> dict[Scoring, ClipSums]:
    """Read the answers of a run and sum them by clip.

    Raises:
        RunError: If the folder holds no run, or its plan is damaged.
    """
    run = load_answers(folder, scorings)
    names = scored_subtasks(run.task, run.frame)
    items = sum_by_clip(run.frame, names, np.ones(run.frame.clip.size, np.bool_))
    return {
        scoring: ClipSums(
            items,
            sum_by_clip(run.frame, names, run.right(scoring)),
            hashlib.sha256(run.collected.readings[scoring].answer.tobytes()).hexdigest(),
        )
        for scoring in scorings
    }


def paired_rank_ranges(runs: Sequence[ClipSums]) -> list[tuple[int, int]]:
    """Return each run the best and the worst rank that it may hold.

    A run is above another only if a test of their difference, corrected for the
    number of all pairs, finds it better. Runs that answer every item alike are one.

    Args:
        runs: Of the same items.

    Returns:
        ``(best, worst)`` for each run, in the same order, from 1.
    """
    places = _places([run.answers or index for index, run in enumerate(runs)])
    distinct = [runs[places.index(place)] for place in range(max(places, default=-1) + 1)]
    return _ranges(_above_by_items(np.array([run.by_clip for run in distinct])), places)


def rank_ranges(scores: Sequence[LoneScore]) -> list[tuple[int, int]]:
    """Return each score the best and the worst rank that it may hold.

    The scores count as independent, which those of the same items are not: a test
    of the items would find more. It too is corrected for the number of all pairs.

    Args:
        scores: Larger is better.

    Returns:
        ``(best, worst)`` for each score, in the same order, from 1.
    """
    return _ranges(_above_by_intervals(scores), range(len(scores)))


def _places(keys: Sequence[Hashable]) -> list[int]:
    """Number equal keys alike, in the order in which they come first."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _ranges(above: Above, places: Sequence[int]) -> list[tuple[int, int]]:
    best, worst = 1 + above.sum(axis=0), len(above) - above.sum(axis=1)
    return [(int(best[place]), int(worst[place])) for place in places]


def _above_by_items(by_clip: NDArray[np.float64]) -> Above:
    """Test every two runs by flipping the signs of what whole clips differ.

    Of most pairs a comparison with the normal distribution says on which side of
    the level the test is; the others are tested.
    """
    if len(by_clip) < 2:
        return np.zeros((len(by_clip), len(by_clip)), np.bool_)
    first, second = np.triu_indices(len(by_clip), 1)
    products = by_clip @ by_clip.T
    squares = products.diagonal()[first] + products.diagonal()[second] - 2 * products[first, second]
    differences = by_clip.sum(axis=1)[second] - by_clip.sum(axis=1)[first]
    variances = np.maximum(squares, np.finfo(float).tiny)
    deviations = differences / np.sqrt(variances)
    normal = normal_tail(deviations)
    # The first term by which the tail of sign flips falls below the normal one, twice, and
    # once more for what follows it: no sum of squares is made of less than one clip.
    largest_share = np.minimum(1.0, by_clip.max(initial=0.0) ** 2 / variances)
    lowest = normal / 2 * np.exp(-(deviations**4) * largest_share / 6)
    unlike = unlike_tail(np.abs(deviations), _leans(by_clip, differences, variances))

    def p_value(pair: int) -> float:
        changes = by_clip[second[pair]] - by_clip[first[pair]]
        return allow_for_unlike(flip_signs(changes), changes).p_value(float(differences[pair]))

    bounds = (lowest, np.maximum(unlike, np.minimum(1.0, _AT_MOST * normal)))
    return _matrix(_find(bounds, p_value), differences, len(by_clip))


def _leans(
    by_clip: NDArray[np.float64], differences: NDArray[np.float64], variances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return by how much the heavier changes of clips oppose the difference of each pair."""
    first, second = np.triu_indices(len(by_clip), 1)
    mixed = by_clip**2 @ by_clip.T
    cubes = mixed.diagonal()[second] - mixed.diagonal()[first]
    cubes = cubes - 3 * mixed[second, first] + 3 * mixed[first, second]
    against = np.maximum(0.0, -np.sign(differences) * cubes)
    return np.divide(against, variances**1.5, out=np.zeros(cubes.shape), where=variances > _NOTHING)


def _above_by_intervals(scores: Sequence[LoneScore]) -> Above:
    """Test every two scores by the halves of their intervals that face each other."""
    first, second = np.triu_indices(len(scores), 1)
    values = np.array([score.value for score in scores])
    # Half an interval's width in standard errors, if it were a normal one.
    width = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    bounds = np.array([_interval(score) for score in scores]).reshape(-1, 2)
    down, up = (values - bounds[:, 0]) / width, (bounds[:, 1] - values) / width
    leads = values[first] > values[second]
    upper, lower = np.where(leads, first, second), np.where(leads, second, first)
    errors = np.maximum(np.hypot(down[upper], up[lower]), np.finfo(float).tiny)
    freedom = min((score.clips for score in scores), default=0) - 1
    deviations = (values[upper] - values[lower]) / errors
    # One clip alone tells nothing apart.
    p_values = normal_tail(as_normal(deviations, freedom) if freedom > 0 else 0 * deviations)
    found = _find((p_values, p_values), lambda pair: float(p_values[pair]))
    return _matrix(found, values[second] - values[first], len(scores))


def _interval(score: LoneScore) -> Interval:
    if score.interval is None or score.interval[0] == score.interval[1]:
        return wilson_interval(score.value * score.clips, score.clips)
    return score.interval


def _find(
    bounds: tuple[NDArray[np.float64], NDArray[np.float64]], p_value: Callable[[int], float]
) -> NDArray[np.bool_]:
    """Return for each pair whether it is told apart, by Holm's method.

    Args:
        bounds: Of the p-value of each pair, from below and above; equal where it is known.
        p_value: Computes that of a pair.
    """
    lowest, highest = (bound.copy() for bound in bounds)
    found = np.zeros(lowest.size, np.bool_)
    while not found.all():
        level = DEFAULT_LEVEL / (found.size - found.sum())
        for pair in np.flatnonzero(~found & (lowest < level) & (highest >= level)):
            if lowest[pair] != highest[pair]:
                lowest[pair] = highest[pair] = p_value(int(pair))
        further = ~found & (highest < level)
        if not further.any():
            break
        found |= further
    return found


def _matrix(found: NDArray[np.bool_], differences: NDArray[np.float64], runs: int) -> Above:
    """Set out which run of each pair, in the order of the upper triangle, is above the other."""
    first, second = np.triu_indices(runs, 1)
    above = np.zeros((runs, runs), np.bool_)
    above[second, first] = found & (differences > 0)
    above[first, second] = found & (differences < 0)
    return above

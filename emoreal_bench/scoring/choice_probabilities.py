"""What choice scores say beyond the answer: calibration, and shifts between two runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.comparison import Shift
from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.result import ChoiceScores
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind
from emoreal_bench.statistics.clustered import mean_interval

BINS = 10
_SHARES = (ChoiceScoreKind.PROVIDER_CALIBRATED, ChoiceScoreKind.SAMPLED_VOTES)
"""Kinds whose scores are shares already; all others are logarithms."""


def probabilities(scores: ChoiceScores) -> dict[str, float] | None:
    """Return the probability of each option among the options.

    Returns:
        Probabilities that sum to 1; None if no option has any.
    """
    if scores.kind in _SHARES:
        weights = dict(scores.scores)
    else:
        largest = max(scores.scores.values(), default=0.0)
        weights = {letter: exp(score - largest) for letter, score in scores.scores.items()}
    total = sum(weights.values())
    return {letter: weight / total for letter, weight in weights.items()} if total > 0 else None


def brier_score(by_letter: Mapping[str, float], gold: str) -> float:
    """Return the squared distance between probabilities and truth, 0 to 2 (Brier, 1950)."""
    misses = ((letter == gold) - share for letter, share in by_letter.items())
    return sum(miss * miss for miss in misses)


def calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten bins of equal width.

    Source: Guo and others, On calibration of modern neural networks, 2017.

    Args:
        confidence: ``(n,)`` probability of the chosen option.
        correct: ``(n,)`` whether it is right.
    """
    # The last digit of a sum depends on its order, which must not matter.
    order = np.lexsort((correct, confidence))
    confidence, correct = confidence[order], correct[order]
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - correct, minlength=BINS)
    return float(np.abs(gaps).sum() / confidence.size)


def log_likelihood_shift(
    items: Sequence[Item],
    first: Mapping[str, ChoiceScores],
    second: Mapping[str, ChoiceScores],
) -> Shift:
    """Measure how far another sound or picture moves the right answer.

    Args:
        items: Of both runs.
        first: Choice scores by item id of the run with the clips as they are.
        second: The same of the run with altered clips.

    Raises:
        NotComparableError: If scores are of different kinds, or no item has
            them in both runs.
    """
    by_clip: dict[str, list[float]] = {}
    for item in items:
        if item.id in first and item.id in second:
            shift = _log_gold(first[item.id], item) - _log_gold(second[item.id], item)
            by_clip.setdefault(item.clip, []).append(shift)
    kinds = {scores.kind for run in (first, second) for scores in run.values()}
    if len(kinds) > 1:
        raise NotComparableError(f"The choice scores are of different kinds: {sorted(kinds)}.")
    if not by_clip:
        raise NotComparableError("No item has choice scores in both runs.")
    return _mean_shift(by_clip)


def _mean_shift(by_clip: Mapping[str, Sequence[float]]) -> Shift:
    # Sorted, so that the order of the items never matters.
    rows = np.array(sorted((sum(sorted(shifts)), len(shifts)) for shifts in by_clip.values()))
    total, items = rows.sum(axis=0)
    return Shift(n=int(items), mean=float(total / items), interval=mean_interval(*rows.T))


def _log_gold(scores: ChoiceScores, item: Item) -> float:
    shares = probabilities(scores) or {}
    share = shares.get(item.answer, 0.0)
    if share <= 0:
        raise NotComparableError(
            "The right option has no probability, so that its logarithm is not defined.",
            where=f"item {item.id}",
        )
    return log(share)

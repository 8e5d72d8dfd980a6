"""Metrics as functions of counts.

Every metric is computed from a confusion table, so that the same function
gives the number for the sample and, with one more axis in front, for each of
its bootstrap replicates. ``docs/metrics.md`` states the formulas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.scoring.frame import (
    HALLUCINATION,
    NO,
    NO_ANSWER,
    NO_CATEGORY,
    SPURIOUS,
    YES,
    Layout,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

_RATE_FEATURES = 4
"""Gold-No items of a category and how many of them were answered yes, for two categories."""


def feature_width(layout: Layout) -> int:
    """Give the number of features of an item of this layout."""
    classes = len(layout.classes)
    if layout.kind is AnswerKind.CHOICE:
        return 2 * classes
    rates = _RATE_FEATURES if layout.kind is AnswerKind.YES_NO else 0
    return classes * (classes + 1) + rates


def feature_pairs(
    layout: Layout, gold: NDArray[np.int8], answer: NDArray[np.int8], category: NDArray[np.int8]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """List which item counts for which feature.

    The features are the cells of the confusion table (gold by answer, no
    answer in the last column), then those of the rates. Letters mean nothing
    beyond their question, so a choice counts as wrong or right only.

    Returns:
        Positions of the items, and their features; an item may occur in several pairs.
    """
    import numpy as np

    if layout.kind is AnswerKind.CHOICE:
        return np.arange(gold.size), 2 * gold.astype(np.int64) + (answer == gold)
    classes = len(layout.classes)
    column = np.where(answer == NO_ANSWER, classes, answer).astype(np.int64)
    positions = [np.arange(gold.size)]
    features = [gold.astype(np.int64) * (classes + 1) + column]
    if layout.kind is AnswerKind.YES_NO:
        base = classes * (classes + 1)
        for value, offset in ((HALLUCINATION, 0), (SPURIOUS, 2)):
            asked = (category == value) & (gold == NO) & (value != NO_CATEGORY)
            for chosen, feature in ((asked, offset), (asked & (answer == YES), offset + 1)):
                where = np.flatnonzero(chosen)
                positions.append(where)
                features.append(np.full(where.size, base + feature))
    return np.concatenate(positions), np.concatenate(features)


def confusion_of(layout: Layout, totals: NDArray[np.generic]) -> Numbers:
    """Take the confusion table, ``(..., gold, answer + 1)``, out of feature totals."""
    import numpy as np

    classes = len(layout.classes)
    cells = np.asarray(totals, dtype=np.float64)[..., : classes * (classes + 1)]
    return cells.reshape(*cells.shape[:-1], classes, classes + 1)


def compute_metrics(
    layout: Layout, totals: NDArray[np.generic], *, predicted_classes_count: bool
) -> dict[str, Numbers]:
    """Compute all metrics of a layout.

    Args:
        layout: Of the items.
        totals: ``(..., features)`` feature totals.
        predicted_classes_count: Average over the classes that occur in gold or
            answers, as the authors do, and not over those that occur in gold.

    Returns:
        By name of the number in the results; NaN where it is not defined.
    """
    match layout.kind:
        case AnswerKind.CHOICE:
            return _choice_metrics(totals)
        case AnswerKind.YES_NO:
            return _yes_no_metrics(confusion_of(layout, totals), totals)
        case AnswerKind.LABEL:
            table = confusion_of(layout, totals)
            return _label_metrics(table, predicted_classes_count=predicted_classes_count)
        case AnswerKind.OPEN:
            return {}


def precisions(table: Numbers) -> Numbers:
    """Give right answers over all answers of each class, ``(..., classes)``."""
    return ratio(_right(table), _answer_counts(table))


def f1_scores(table: Numbers) -> Numbers:
    """Give the standard F1 of each class; 0 for a class asked or answered but never right."""
    return ratio(2 * _right(table), _gold_counts(table) + _answer_counts(table))


def recalls(table: Numbers) -> Numbers:
    """Give right answers over gold of each class, ``(..., classes)``."""
    return ratio(_right(table), _gold_counts(table))


def ratio(above: Numbers, below: Numbers) -> Numbers:
    """Divide; NaN for 0/0."""
    import numpy as np

    quotient = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient


def _choice_metrics(totals: NDArray[np.generic]) -> dict[str, Numbers]:
    import numpy as np

    counts = np.asarray(totals, dtype=np.float64)
    right = counts[..., 1::2]
    gold = counts[..., ::2] + right
    return {
        "accuracy": ratio(right.sum(-1), gold.sum(-1)),
        "balanced_accuracy": _mean_over(ratio(right, gold), gold > 0),
    }


def _yes_no_metrics(table: Numbers, totals: NDArray[np.generic]) -> dict[str, Numbers]:
    import numpy as np

    recall = recalls(table)
    yes_recall, no_recall = recall[..., YES], recall[..., NO]
    both = yes_recall + no_recall
    answers = _answer_counts(table)
    rates = np.asarray(totals, dtype=np.float64)[..., -_RATE_FEATURES:]
    return {
        "accuracy": _accuracy(table),
        "balanced_accuracy": _mean_over(recall, _gold_counts(table) > 0),
        "yes_recall": yes_recall,
        "no_recall": no_recall,
        # Recalls of 0 and 0 have no harmonic mean; it tends to 0.
        "f1": np.where(both == 0, 0.0, ratio(2 * yes_recall * no_recall, both)),
        "yes_rate": ratio(answers[..., YES], answers.sum(-1)),
        "yes_precision": precisions(table)[..., YES],
        "standard_f1": f1_scores(table)[..., YES],
        "matthews": _matthews(table),
        "hallucination_rate": ratio(rates[..., 1], rates[..., 0]),
        "spurious_rate": ratio(rates[..., 3], rates[..., 2]),
    }


def _label_metrics(table: Numbers, *, predicted_classes_count: bool) -> dict[str, Numbers]:
    import numpy as np

    gold = _gold_counts(table)
    counted = gold > 0
    if predicted_classes_count:
        counted = counted | (_answer_counts(table) > 0)
    weights = ratio(gold, gold.sum(-1)[..., None])
    return {
        "accuracy": _accuracy(table),
        "uar": _mean_over(np.nan_to_num(recalls(table)), counted),
        "war": _accuracy(table),
        "macro_f1": _mean_over(np.nan_to_num(f1_scores(table)), counted),
        "weighted_f1": (weights * np.nan_to_num(f1_scores(table))).sum(-1),
        "matthews": _matthews(table),
    }


def _right(table: Numbers) -> Numbers:
    right: Numbers = table[..., :-1].diagonal(axis1=-2, axis2=-1)
    return right


def _gold_counts(table: Numbers) -> Numbers:
    counts: Numbers = table.sum(-1)
    return counts


def _answer_counts(table: Numbers) -> Numbers:
    counts: Numbers = table[..., :-1].sum(-2)
    return counts


def _accuracy(table: Numbers) -> Numbers:
    return ratio(_right(table).sum(-1), table.sum((-2, -1)))


def _mean_over(values: Numbers, counted: NDArray[np.bool_]) -> Numbers:
    import numpy as np

    return ratio(np.where(counted, values, 0.0).sum(-1), counted.sum(-1).astype(np.float64))


def _matthews(table: Numbers) -> Numbers:
    """Compute Matthews' correlation for several classes, no answer being one more.

    Source: Gorodkin, Comparing two K-category assignments by a K-category
    correlation coefficient, 2004.
    """
    import numpy as np

    gold = _gold_counts(table)
    answered = table.sum(-2)
    items = table.sum((-2, -1))
    covariance = _right(table).sum(-1) * items - (gold * answered[..., :-1]).sum(-1)
    spread = (items**2 - (answered**2).sum(-1)) * (items**2 - (gold**2).sum(-1))
    return ratio(covariance, np.sqrt(spread))

"""What metrics are computed from: counts of items by gold and answer.

The same counts are taken of one sample and, with one more axis in front, of
several, from which intervals and tests are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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
from emoreal_bench.statistics.clustered import Strata

if TYPE_CHECKING:
    Numbers = NDArray[np.float64]

_RATE_FEATURES = 4
"""Gold-No items of a category and how many of them were answered yes, for two categories."""


def feature_width(layout: Layout) -> int:
    """Return the number of features of an item of this layout."""
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


@dataclass(frozen=True, slots=True)
class Counts:
    """Items of one subtask by gold class and answer; any axes in front are samples.

    Attributes:
        right: ``(..., classes)`` right answers by gold class.
        gold: ``(..., classes)`` items by gold class.
        table: ``(..., classes, classes + 1)`` gold by answer, no answer in the
            last column. Letters mean nothing beyond their question, so of
            choices it is empty.
        rates: ``(..., 4)`` of yes/no questions: gold-No items of the category
            ``hallucination``, those answered yes, and the same of ``spurious``.
        averaged: ``(..., classes)`` whether a mean over classes is over this one.
    """

    right: Numbers
    gold: Numbers
    table: Numbers
    rates: Numbers
    averaged: NDArray[np.bool_]

    @property
    def answers(self) -> Numbers:
        """Count the answers by class, ``(..., classes)``."""
        counts: Numbers = self.table[..., :-1].sum(-2)
        return counts

    @property
    def recalls(self) -> Numbers:
        """Divide right answers by gold, ``(..., classes)``."""
        return ratio(self.right, self.gold)

    @property
    def precisions(self) -> Numbers:
        """Divide right answers by all answers of each class, ``(..., classes)``."""
        return ratio(self.right, self.answers)

    @property
    def f1_scores(self) -> Numbers:
        """Compute each class's standard F1; 0 for one asked or answered but never right."""
        return ratio(2 * self.right, self.gold + self.answers)

    def mean(self, values: Numbers) -> Numbers:
        """Average ``(..., classes)`` over the classes that count."""
        total = np.where(self.averaged, values, 0.0).sum(-1)
        return ratio(total, self.averaged.sum(-1).astype(np.float64))


def counts_of(
    layout: Layout, totals: NDArray[np.generic], *, predicted_classes_count: bool
) -> Counts:
    """Take the counts out of feature totals.

    Args:
        layout: Of the items.
        totals: ``(..., features)`` feature totals.
        predicted_classes_count: Average labels over the classes that occur in gold or
            answers, as the authors do, and not over those that occur in gold.
    """
    features = np.asarray(totals, dtype=np.float64)
    if layout.kind is AnswerKind.CHOICE:
        right = features[..., 1::2]
        gold = features[..., ::2] + right
        nothing = features[..., :0]
        return Counts(right, gold, nothing[..., None], nothing, gold > 0)
    classes = len(layout.classes)
    cells = features[..., : classes * (classes + 1)]
    table = cells.reshape(*cells.shape[:-1], classes, classes + 1)
    averaged = table.sum(-1) > 0
    if layout.kind is AnswerKind.LABEL and predicted_classes_count:
        averaged = averaged | (table[..., :-1].sum(-2) > 0)
    return Counts(
        right=table[..., :-1].diagonal(axis1=-2, axis2=-1),
        gold=table.sum(-1),
        table=table,
        rates=features[..., classes * (classes + 1) :],
        averaged=averaged,
    )


def ratio(above: Numbers, below: Numbers) -> Numbers:
    """Divide; NaN for 0/0."""
    quotient = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient


def strata_of(layout: Layout, totals: Numbers) -> Strata:
    """Return the classes of a layout as strata, then those of the rates.

    A wrong label falls on the other classes as often as these are right.

    Args:
        layout: Of the items.
        totals: ``(..., features)`` feature totals.
    """
    classes = len(layout.classes)
    if layout.kind is AnswerKind.CHOICE:
        cells = np.eye(2 * classes).reshape(classes, 2, 2 * classes)
        return Strata(cells.sum(1), cells, cells[:, 1], np.ones(2 * classes))
    width = feature_width(layout)
    cells = np.eye(width)[: classes * (classes + 1)].reshape(classes, classes + 1, width)
    sizes, right = cells.sum(1), np.eye(classes, classes + 1)
    others = totals @ sizes.T
    if layout.kind is AnswerKind.YES_NO:
        others = np.ones_like(others)
    others = others[..., None, :] * (1 - np.eye(classes))
    alone = others.sum(-1, keepdims=True) == 0
    wrong = np.concatenate([ratio(others, others.sum(-1, keepdims=True)), alone], axis=-1)
    columns = np.stack(np.broadcast_arrays(np.nan_to_num(wrong), right), axis=-2)
    ends = np.einsum("...hec,hcf->...hef", columns, cells)
    rights, whole = cells[np.arange(classes), np.arange(classes)], sizes.sum(0)
    if layout.kind is AnswerKind.YES_NO:
        asked, said_yes = np.eye(width)[-_RATE_FEATURES::2], np.eye(width)[1 - _RATE_FEATURES :: 2]
        sizes = np.concatenate([sizes, asked])
        rights = np.concatenate([rights, asked - said_yes])
        of_rates = np.stack([asked + said_yes, asked], axis=1)
        ends = np.concatenate(
            [ends, np.broadcast_to(of_rates, (*ends.shape[:-3], *of_rates.shape))], axis=-3
        )
    return Strata(sizes, ends, rights, whole)

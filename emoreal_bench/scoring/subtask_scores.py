"""The scores of one group of items that have the same kind of answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import fsum, isnan
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.scores import FREE_TEXT, SubtaskScores
from emoreal_bench.contracts.vocabulary import AnswerKind, Scoring
from emoreal_bench.scoring.choice_probabilities import calibration_error
from emoreal_bench.scoring.clip_intervals import metric_intervals, notes_of_clips, share_interval
from emoreal_bench.scoring.collect import Collected, Readings, count_outcomes
from emoreal_bench.scoring.counts import counts_of, feature_pairs, feature_width
from emoreal_bench.scoring.frame import NO_ANSWER, Frame, Layout
from emoreal_bench.scoring.metrics import ZERO_BY_ZERO, compute_metrics, metric_of
from emoreal_bench.scoring.reading.official_words import official_words_for
from emoreal_bench.statistics.intervals import counts_by_cluster

if TYPE_CHECKING:
    from emoreal_bench.scoring.metrics import Numbers

UNMAPPED = "unmapped"


@dataclass(frozen=True, slots=True)
class Sample:
    """A run under one scoring.

    Attributes:
        frame: The items.
        readings: What was read of the replies.
        confidence: As in :class:`Collected`.
        brier: As in :class:`Collected`.
        wanted: Names of the metrics that the task asks for.
    """

    frame: Frame
    readings: Readings
    confidence: NDArray[np.float32]
    brier: NDArray[np.float32]
    wanted: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, frame: Frame, collected: Collected, scoring: Scoring, wanted: tuple[str, ...] = ()
    ) -> Self:
        """Take one scoring out of what was collected."""
        readings = collected.readings[scoring]
        return cls(frame, readings, collected.confidence, collected.brier, wanted)

    @property
    def scoring(self) -> Scoring:
        """The rule book."""
        return self.readings.scoring

    def features_of(
        self, layout: Layout, counted: NDArray[np.intp]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """List the clip and the feature of everything that counted items count for."""
        gold = self.frame.gold_for(self.scoring)[counted]
        answer = self.readings.answer[counted]
        positions, features = feature_pairs(layout, gold, answer, self.frame.category[counted])
        return self.frame.clip[counted][positions], features

    def metrics(self, layout: Layout, totals: NDArray[Any]) -> dict[str, Numbers]:
        """Compute metrics as this scoring defines them."""
        by_authors = self.scoring is not Scoring.STRICT
        return compute_metrics(
            layout, totals, predicted_classes_count=by_authors, wanted=self.wanted
        )


def score_members(sample: Sample, layout: Layout, members: NDArray[np.intp]) -> SubtaskScores:
    """Score items of one layout.

    Args:
        sample: The run.
        layout: Of the items.
        members: ``(n,)`` their positions.
    """
    counted = sample.readings.denominator(members)
    fields: dict[str, Any] = {
        "n": int(counted.size),
        "outcomes": count_outcomes(sample.readings, members),
        "accuracy": None,
    }
    if layout.kind is AnswerKind.OPEN:
        return SubtaskScores(**fields, notes=(FREE_TEXT,))
    if counted.size == 0:
        return SubtaskScores(**fields | _without_predictions(layout))
    clips, features = sample.features_of(layout, counted)
    counts = counts_by_cluster(clips, features, feature_width(layout))
    values = {
        metric: float(value) for metric, value in sample.metrics(layout, counts.sum(axis=0)).items()
    }
    numbers, notes = settle_undefined(values, sample.scoring)
    intervals, interval_notes = metric_intervals(
        counts, [layout], partial(sample.metrics, layout), numbers
    )
    fields |= numbers | {
        "majority_baseline": _majority(sample.frame.gold[members]),
        "intervals": intervals,
        "notes": (*notes, *interval_notes),
    }
    table = _confusion(sample, layout, counted)
    fields["confusion"] = _named_cells(layout, table)
    if layout.kind is AnswerKind.LABEL:
        fields["per_class"] = _per_class(layout, table)
        fields["notes"] += _dropped_note(counted.size, members.size, sample.scoring)
    return SubtaskScores(**fields | _calibration(sample, counted))


def accuracy_scores(sample: Sample, members: NDArray[np.intp]) -> SubtaskScores:
    """Score items of several layouts, which have nothing but accuracy in common."""
    counted = sample.readings.denominator(members)
    fields: dict[str, Any] = {
        "n": int(counted.size),
        "outcomes": count_outcomes(sample.readings, members),
        "accuracy": None,
    }
    if counted.size == 0:
        return SubtaskScores(**fields, notes=("no predictions",))
    counts = accuracy_counts(sample, [counted])
    items, right = (int(total) for total in counts.sum(axis=0))
    fields["accuracy"] = right / items
    interval = share_interval(counts)
    return SubtaskScores(
        **fields,
        intervals={} if interval is None else {"accuracy": interval},
        notes=tuple(notes_of_clips(len(counts))),
    )


def accuracy_counts(sample: Sample, groups: Sequence[NDArray[np.intp]]) -> NDArray[np.int64]:
    """Count, per clip and group of items, the items and the right ones."""
    gold = sample.frame.gold_for(sample.scoring)
    clips: list[NDArray[np.int32]] = []
    features: list[NDArray[np.int64]] = []
    for index, members in enumerate(groups):
        right = members[sample.readings.answer[members] == gold[members]]
        for chosen, feature in ((members, 2 * index), (right, 2 * index + 1)):
            clips.append(sample.frame.clip[chosen])
            features.append(np.full(chosen.size, feature, dtype=np.int64))
    return counts_by_cluster(np.concatenate(clips), np.concatenate(features), 2 * len(groups))


def settle_undefined(
    values: dict[str, float], scoring: Scoring
) -> tuple[dict[str, float | None], list[str]]:
    """Replace what is not defined: by 0 under strict, by null under official.

    Args:
        values: By metric; NaN where not defined.
        scoring: The rule book.

    Returns:
        The numbers, and notes that say which were not defined.
    """
    undefined = [metric for metric, value in values.items() if isnan(value)]
    stopped = [metric for metric in undefined if not metric_of(metric).undefined]
    notes = [
        f"{metric}: {metric_of(metric).undefined}" for metric in undefined if metric not in stopped
    ]
    numbers: dict[str, float | None] = dict(values)
    numbers.update(dict.fromkeys(undefined))
    if scoring is Scoring.STRICT:
        numbers.update(dict.fromkeys(stopped, 0.0))
        if stopped:
            notes.append(f"{ZERO_BY_ZERO}counted as 0: {', '.join(stopped)}")
        return numbers, notes
    if values.get("yes_recall") == values.get("no_recall") == 0:
        numbers["f1"] = None
        stopped.append("f1")
    if stopped:
        notes.append(f"{ZERO_BY_ZERO}where the authors' evaluator stops: {', '.join(stopped)}")
    return numbers, notes


def _calibration(sample: Sample, counted: NDArray[np.intp]) -> dict[str, float]:
    """Return the calibration of those items whose choices were scored."""
    scored = counted[~np.isnan(sample.confidence[counted])]
    if sample.scoring is not Scoring.STRICT or scored.size == 0:
        return {}
    correct = sample.readings.answer[scored] == sample.frame.gold[scored]
    return {
        "calibration_error": calibration_error(sample.confidence[scored].astype(float), correct),
        "brier": fsum(sample.brier[scored]) / scored.size,
    }


def _without_predictions(layout: Layout) -> dict[str, Any]:
    """Return the scores of items of which none has a prediction; strict always counts items."""
    if layout.kind is AnswerKind.CHOICE:
        return {"accuracy": 0.0, "notes": ("no predictions: 0 by the authors' evaluator",)}
    if layout.kind is AnswerKind.LABEL and official_words_for(layout.classes) is None:
        return {"notes": ("the authors' evaluator has no words for these classes",)}
    return {"notes": ("no predictions, where the authors' evaluator stops",)}


def _majority(gold: NDArray[np.int8]) -> float:
    return float(np.bincount(gold).max() / gold.size)


def _dropped_note(counted: int, members: int, scoring: Scoring) -> tuple[str, ...]:
    if scoring is Scoring.STRICT or counted == members:
        return ()
    return (f"{members - counted} items without a prediction or dropped by the official mapper",)


def _confusion(sample: Sample, layout: Layout, counted: NDArray[np.intp]) -> Numbers:
    """Count items by gold class and answer, no answer in the last column."""
    classes = len(layout.classes)
    gold = sample.frame.gold_for(sample.scoring)[counted].astype(np.intp)
    answer = sample.readings.answer[counted]
    cells = gold * (classes + 1) + np.where(answer == NO_ANSWER, classes, answer)
    counts = np.bincount(cells, minlength=classes * (classes + 1))
    return counts.reshape(classes, classes + 1).astype(np.float64)


def _named_cells(layout: Layout, table: Numbers) -> dict[str, dict[str, int]]:
    columns = (*layout.classes, UNMAPPED)
    return {
        label: {column: int(count) for column, count in zip(columns, row, strict=True)}
        for label, row in zip(layout.classes, table, strict=True)
    }


def _per_class(layout: Layout, table: Numbers) -> dict[str, dict[str, float | int | None]]:
    counts = counts_of(layout, table.ravel(), predicted_classes_count=False)
    measures = zip(
        layout.classes, counts.recalls, counts.precisions, counts.f1_scores, table, strict=True
    )
    return {
        label: {
            "recall": _or_none(recall),
            "precision": _or_none(precision),
            "f1": _or_none(f1),
            "n": int(row.sum()),
        }
        for label, recall, precision, f1, row in measures
    }


def _or_none(value: float) -> float | None:
    return None if isnan(value) else float(value)

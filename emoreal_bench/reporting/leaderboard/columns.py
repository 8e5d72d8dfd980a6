"""The numbers a leaderboard row can show, and the columns that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from emoreal_bench.contracts.scores import Interval, ScoringReport, SubtaskScores
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, Scoring
from emoreal_bench.printable import plain_text
from emoreal_bench.probing.published import Confidence, ReportedRow, ReportedValue
from emoreal_bench.record.departures import task_metrics
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.scoring.metrics import (
    ASKED_FOR,
    Metric,
    Unit,
    all_metrics,
    lacks_clips,
    metric_of,
)
from emoreal_bench.text import UNDEFINED, percent, points, words, write_interval, write_number


@dataclass(frozen=True, slots=True)
class NumberKind:
    """A kind of number. Numbers of subtasks have one column per subtask."""

    name: str
    label: str
    family: str
    """Heading over neighbouring columns."""
    unit: Unit
    explanation: str
    lower_is_better: bool = False

    @classmethod
    def of(cls, metric: Metric) -> Self:
        """Show a metric: per subtask, or its mean over one question type."""
        label = plain_text(metric.label)
        names = (label, _STRESS) if metric.shown_for else ("", label)
        return cls(metric.name, *names, metric.unit, metric.description, metric.better == "lower")


@dataclass(frozen=True, slots=True)
class Number:
    """A value with its 95% interval, where it has one.

    Attributes:
        value: The number.
        interval: None if there is none.
        lacks_clips: Whether it has none because a class has too few clips.
    """

    value: float
    interval: Interval | None = None
    lacks_clips: bool = False


NumberKey = tuple[str, str]
"""Name of the metric, and the subtask or an empty text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    key: str
    label: str
    family: str
    lower_is_better: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """One number as printed.

    Attributes:
        text: The number.
        sort: The number for sorting; empty where there is none.
        interval: Printed beneath, if there is one; or why there is none.
    """

    text: str = UNDEFINED
    sort: str = ""
    interval: str = ""


_STRESS = "Stress questions"
_GAP = NumberKind(
    "gap",
    "Official gap",
    "",
    Unit.POINTS,
    "Average accuracy under official less that under strict, in percentage points.",
)
_OF_THE_RUN = (
    NumberKind(
        "frames",
        "Frames",
        "Delivered per item",
        Unit.PLAIN,
        "Frames that reached the model, counted from what was fed to it.",
    ),
    NumberKind(
        "sound",
        "Sound, s",
        "Delivered per item",
        Unit.PLAIN,
        "Seconds of sound that reached the model, counted from what was fed to it.",
    ),
    NumberKind(
        "seconds",
        "Seconds per item",
        "",
        Unit.PLAIN,
        "Time of the model per question asked. It depends on the machine.",
        lower_is_better=True,
    ),
    NumberKind(
        "cost",
        "US dollars per 1,000 items",
        "",
        Unit.PLAIN,
        "What the service billed or its prices come to, over the items whose cost is known.",
        lower_is_better=True,
    ),
)
_FOREMOST = ("hallucination_rate", "spurious_rate")
_UNITS = {kind.name: kind.unit for kind in (_GAP, *_OF_THE_RUN)}


def number_kinds(names: Iterable[str] = ()) -> list[NumberKind]:
    """List what a leaderboard shows, in the order of its columns.

    Args:
        names: Of numbers to show besides the usual ones.
    """
    metrics = {metric.name: metric for metric in all_metrics().values() if _is_usual(metric)}
    metrics |= {name: metric_of(name) for name in names if name not in _UNITS}
    kinds = [NumberKind.of(metric) for metric in _by_place(metrics.values())]
    # What the questions are for stands beside the accuracy, in sight without scrolling.
    rates = [kind for kind in kinds if kind.family == _STRESS]
    rates.sort(key=lambda kind: kind.name not in _FOREMOST)
    return [*rates, _GAP, *(kind for kind in kinds if kind not in rates), *_OF_THE_RUN]


def _by_place(metrics: Iterable[Metric]) -> list[Metric]:
    """Sort the metrics that have columns, from the left."""
    shown = [metric for metric in metrics if metric.column is not None]
    return sorted(shown, key=lambda metric: (metric.column or 0, metric.name))


def _is_usual(metric: Metric) -> bool:
    return metric.column is not None and metric.column < ASKED_FOR


def measured_numbers(run: FinishedRun, scoring: Scoring) -> dict[NumberKey, Number]:
    """Collect what a run says under one scoring. Undefined numbers are left out."""
    report = run.results.scores[scoring]
    numbers: dict[NumberKey, Number] = {}
    metrics = _by_place(map(metric_of, task_metrics(run.manifest.task_definition)))
    for subtask, scores in report.subtasks.items():
        for metric in metrics:
            if metric.shown_for is None:
                _put(numbers, (metric.name, subtask), scores, metric.name)
    for metric in metrics:
        if metric.shown_for in report.question_types:
            mean = report.question_types[metric.shown_for]
            _put(numbers, (metric.name, ""), mean, metric.name)
    if scoring is HEADLINE_SCORING and (gap := official_gap(run)) is not None:
        numbers["gap", ""] = Number(gap)
    if run.results.delivery is not None:
        numbers["frames", ""] = Number(run.results.delivery.frames_per_item)
        numbers["sound", ""] = Number(run.results.delivery.audio_seconds_per_item)
        if run.results.delivery.cost_per_item is not None:
            numbers["cost", ""] = Number(1000 * run.results.delivery.cost_per_item)
    if run.timings is not None and run.timings.requests:
        numbers["seconds", ""] = Number(run.timings.model_seconds / run.timings.requests)
    return numbers


def _put(
    numbers: dict[NumberKey, Number], key: NumberKey, scores: SubtaskScores, metric: str
) -> None:
    value = scores.number(metric)
    if value is not None:
        numbers[key] = Number(value, scores.intervals.get(metric), lacks_clips(scores, metric))


def official_gap(run: FinishedRun) -> float | None:
    """Average accuracy under the authors' evaluator less that under strict."""
    reports: list[ScoringReport | None] = [
        run.results.scores.get(scoring) for scoring in (Scoring.OFFICIAL, HEADLINE_SCORING)
    ]
    official, strict = (report.average_accuracy if report else None for report in reports)
    return None if official is None or strict is None else official - strict


def reported_numbers(row: ReportedRow, least: Confidence) -> dict[NumberKey, Number]:
    """Collect the values of a published row that are at least so sure."""
    values = {
        (metric, subtask): reported
        for metric, by_subtask in (
            ("accuracy", row.accuracy),
            ("f1", row.f1),
            ("war", row.war),
            ("uar", row.uar),
            ("weighted_f1", row.weighted_f1),
        )
        for subtask, reported in by_subtask.items()
    }
    for metric in ("hallucination_rate", "spurious_rate"):
        rate: ReportedValue | None = getattr(row, metric)
        if rate is not None:
            values[metric, ""] = rate
    return {
        key: Number(reported.value)
        for key, reported in values.items()
        if is_sure_enough(reported, least)
    }


def is_sure_enough(reported: ReportedValue, least: Confidence) -> bool:
    """Whether a reported value has at least this confidence."""
    order = list(Confidence)
    return order.index(reported.confidence) <= order.index(least)


def choose_columns(
    subtasks: Sequence[str], rows: Iterable[Mapping[NumberKey, Number]]
) -> list[tuple[NumberKey, Column]]:
    """Return a column to every number that at least one row has, in a fixed order.

    Args:
        subtasks: All subtasks, in the order of the task.
        rows: The numbers of every row of the table.
    """
    used = set().union(*rows)
    # WAR is accuracy by the name that label tasks know it under; one column is enough.
    used -= {("accuracy", subtask) for subtask in subtasks if ("war", subtask) in used}
    return [
        (
            (metric.name, subtask),
            Column(
                key=f"{metric.name}.{subtask}" if subtask else metric.name,
                label=words(subtask) if subtask else metric.label,
                family=metric.family,
                lower_is_better=metric.lower_is_better,
            ),
        )
        for metric in number_kinds(name for name, _ in used)
        for subtask in ("", *subtasks)
        if (metric.name, subtask) in used
    ]


def write_cell(key: NumberKey, number: Number | None) -> Cell:
    """Print a number in the unit of its column."""
    if number is None:
        return Cell()
    name = key[0]
    unit = _UNITS[name] if name in _UNITS else metric_of(name).unit
    if unit is Unit.FRACTION:
        text = percent(number.value)
    elif unit is Unit.POINTS:
        text = points(number.value)
    elif name not in _UNITS:
        text = write_number(name, number.value)
    elif 0 < number.value < 0.001:
        text = "<0.001"
    else:
        text = f"{number.value:.3g}" if number.value < 1 else f"{number.value:.1f}"
    interval = "too few clips" if number.lacks_clips else ""
    if number.interval:
        interval = write_interval(name, number.interval)
    return Cell(text=text, sort=f"{number.value:.6g}", interval=interval)

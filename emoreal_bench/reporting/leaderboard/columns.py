"""The numbers a leaderboard row can show, and the columns that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from emoreal_bench.contracts.scores import Interval, ScoringReport, SubtaskScores
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, QuestionType, Scoring
from emoreal_bench.probing.published import Confidence, ReportedRow, ReportedValue
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.text import UNDEFINED, percent, percent_interval, points, words


class Unit(StrEnum):
    """What a number of a column is."""

    FRACTION = "fraction"
    """0..1, printed in percent."""
    POINTS = "points"
    """A difference of fractions, printed in percentage points."""
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Metric:
    """A kind of number. Metrics of a subtask give one column per subtask."""

    name: str
    label: str
    family: str
    """Heading over neighbouring columns."""
    unit: Unit
    explanation: str
    lower_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A value with its 95% interval, where it has one."""

    value: float
    interval: Interval | None = None


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
        interval: Printed beneath, if there is one.
    """

    text: str = UNDEFINED
    sort: str = ""
    interval: str = ""


_STRESS = "Stress questions"
METRICS: tuple[Metric, ...] = (
    Metric(
        "gap",
        "Official gap",
        "",
        Unit.POINTS,
        "Average accuracy under official less that under strict, in percentage points.",
    ),
    Metric("accuracy", "", "Accuracy", Unit.FRACTION, "Share of right answers."),
    Metric(
        "yes_recall",
        "Yes-recall",
        _STRESS,
        Unit.FRACTION,
        "Of the cues that are there, how many the model confirms: hallucination-free "
        "detection. A model that always says yes reaches 100, so read it with no-recall.",
    ),
    Metric(
        "no_recall",
        "No-recall",
        _STRESS,
        Unit.FRACTION,
        "Of the cues that are absent or irrelevant, how many the model denies.",
    ),
    Metric(
        "hallucination_rate",
        "Hallucination rate",
        _STRESS,
        Unit.FRACTION,
        "Of the cues that fit the emotion but are not there, how many the model confirms. "
        "Lower is better.",
        lower_is_better=True,
    ),
    Metric(
        "spurious_rate",
        "Spurious rate",
        _STRESS,
        Unit.FRACTION,
        "Of the cues that are there but have nothing to do with the emotion, how many the "
        "model accepts. Lower is better.",
        lower_is_better=True,
    ),
    Metric(
        "f1",
        "",
        "F1",
        Unit.FRACTION,
        "Of yes or no questions: the harmonic mean of yes-recall and no-recall. A model that "
        "always gives the same answer scores 0.",
    ),
    Metric(
        "pair_accuracy",
        "",
        "Pair accuracy",
        Unit.FRACTION,
        "Of the pairs of a question and its counterpart, those of which both are answered right.",
    ),
    Metric(
        "war",
        "",
        "WAR",
        Unit.FRACTION,
        "Weighted average recall: the mean of the recalls of the classes, each weighed by its "
        "number of items, which is accuracy.",
    ),
    Metric(
        "uar",
        "",
        "UAR",
        Unit.FRACTION,
        "Unweighted average recall: the mean of the recalls of the classes.",
    ),
    Metric(
        "weighted_f1",
        "",
        "Weighted F1",
        Unit.FRACTION,
        "The mean of the classes' F1, each weighed by its number of items.",
    ),
    Metric(
        "frames",
        "Frames",
        "Delivered per item",
        Unit.PLAIN,
        "Frames that reached the model, counted from what was fed to it.",
    ),
    Metric(
        "sound",
        "Sound, s",
        "Delivered per item",
        Unit.PLAIN,
        "Seconds of sound that reached the model, counted from what was fed to it.",
    ),
    Metric(
        "seconds",
        "Seconds per item",
        "",
        Unit.PLAIN,
        "Time of the model per question asked. It depends on the machine.",
        lower_is_better=True,
    ),
    Metric(
        "cost",
        "US dollars per 1,000 items",
        "",
        Unit.PLAIN,
        "What the service billed or its prices come to, over the items whose cost is known.",
        lower_is_better=True,
    ),
)
_STRESS_METRICS = ("yes_recall", "no_recall", "hallucination_rate", "spurious_rate")
_SUBTASK_METRICS = ("accuracy", "f1", "pair_accuracy", "war", "uar", "weighted_f1")


def measured_numbers(run: FinishedRun, scoring: Scoring) -> dict[NumberKey, Number]:
    """Collect what a run says under one scoring. Undefined numbers are left out."""
    report = run.results.scores[scoring]
    numbers: dict[NumberKey, Number] = {}
    for subtask, scores in report.subtasks.items():
        for metric in _SUBTASK_METRICS:
            _put(numbers, (metric, subtask), scores, metric)
    if QuestionType.STRESS_TEST in report.question_types:
        for metric in _STRESS_METRICS:
            _put(numbers, (metric, ""), report.question_types[QuestionType.STRESS_TEST], metric)
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
    value: float | None = getattr(scores, metric)
    if value is not None:
        numbers[key] = Number(value, scores.intervals.get(metric))


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
    """Give a column to every number that at least one row has, in a fixed order.

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
        for metric in METRICS
        for subtask in ("", *subtasks)
        if (metric.name, subtask) in used
    ]


_UNITS = {metric.name: metric.unit for metric in METRICS}


def write_cell(key: NumberKey, number: Number | None) -> Cell:
    """Print a number in the unit of its column."""
    if number is None:
        return Cell()
    unit = _UNITS[key[0]]
    if unit is Unit.FRACTION:
        text = percent(number.value)
    elif unit is Unit.POINTS:
        text = points(number.value)
    elif 0 < number.value < 0.001:
        text = "<0.001"
    else:
        text = f"{number.value:.3g}" if number.value < 1 else f"{number.value:.1f}"
    return Cell(
        text=text,
        sort=f"{number.value:.6g}",
        interval=percent_interval(number.interval) if number.interval else "",
    )

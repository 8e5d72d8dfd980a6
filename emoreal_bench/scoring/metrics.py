"""The metrics: what each is called, how it is computed, and where it is shown.

Results, tables, columns of the leaderboard, rules of a check, reproduction
cards and ``emoreal-bench list metrics`` follow from :data:`METRICS`. A metric
is a function of counts, so that one function gives the number, and with one
more axis in front how it changes with them: interval and paired comparison come
with it. Another package adds one by an entry point of the group
``emoreal_bench.metrics`` that names a :class:`Metric`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.scores import Interval, SubtaskScores
from emoreal_bench.contracts.vocabulary import AnswerKind, QuestionType
from emoreal_bench.entry_points import foreign_code, load_entry_point, load_group, owner_of
from emoreal_bench.scoring.counts import Counts, counts_of, ratio
from emoreal_bench.scoring.frame import NO, YES, Layout

if TYPE_CHECKING:
    Numbers = NDArray[np.float64]

NO_INTERVAL = "no interval of "
"""Begins the note that names the metrics and says why."""
ZERO_BY_ZERO = "0/0, "
"""Begins the note that ends with the metrics that are not defined."""
METRIC_ENTRY_POINTS = "emoreal_bench.metrics"
ASKED_FOR = 1000
"""Place of a column that stands on a leaderboard only where the task names its metric."""


class Unit(StrEnum):
    """What a number is."""

    FRACTION = "fraction"
    """0..1, printed in percent."""
    POINTS = "points"
    """A difference of fractions, printed in percentage points."""
    PLAIN = "plain"


class Basis(StrEnum):
    """What a metric is a number of."""

    ITEMS = "items"
    """All items alike: a share of them."""
    CLASS = "class"
    """The items or the answers of one class or category: a share of them."""
    CLASSES = "classes"
    """Several classes, each for itself. There is an interval if all have enough clips."""


_CHOICE, _YES_NO, _LABEL = AnswerKind.CHOICE, AnswerKind.YES_NO, AnswerKind.LABEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One kind of number of a subtask.

    Attributes:
        name: In results, task files and rules.
        label: On pages.
        heading: In tables of the terminal; the label where it is empty.
        description: What it says, in sentences for a reader of the leaderboard.
        unit: What kind of number it is.
        ends: The least and the greatest value of one that is no fraction; None for none.
        basis: What it is a number of, which decides how its interval is taken.
        better: Which end is the better one; None where neither is.
        applies_to: Kinds of answers that have it.
        formula: Computes it; None where it takes more than the counts, and is
            computed in a place of its own.
        always: Whether every result holds it, and not only those of tasks that name it.
        averaged: Whether a question type shows its mean over the subtasks.
        in_gate: Whether a check may limit it: a floor, or a ceiling where lower is better.
        undefined: Note for 0/0, which then is null; without one 0/0 is 0 under strict.
        shown_for: A leaderboard shows only the mean over this question type.
        column: Place on a leaderboard; None for no column.
    """

    name: str
    label: str
    description: str
    heading: str = ""
    unit: Unit = Unit.FRACTION
    ends: Interval | None = None
    basis: Basis = Basis.CLASS
    better: Literal["higher", "lower"] | None = "higher"
    applies_to: tuple[AnswerKind, ...] = (_CHOICE, _YES_NO, _LABEL)
    formula: Callable[[Counts], Numbers] | None = None
    always: bool = False
    averaged: bool = True
    in_gate: bool = True
    undefined: str = ""
    shown_for: QuestionType | None = None
    column: int | None = ASKED_FOR

    @property
    def span(self) -> Interval | None:
        """The least and the greatest value."""
        return (0.0, 1.0) if self.unit is Unit.FRACTION else self.ends


def all_metrics() -> dict[str, Metric]:
    """Return every metric by name: the built-in ones, then those of other packages.

    An entry point that names no metric, or takes a name in use, is left out with a warning.
    """
    return {**METRICS, **_added()[0]}


def broken_metrics() -> Mapping[str, UsageError]:
    """Return, by the name of its entry point, why a metric of another package is left out."""
    return _added()[1]


def metric_of(name: str) -> Metric:
    """Return a metric by name; a bare one for a name in results whose package is not here."""
    known = all_metrics().get(name)
    return known or Metric(name=name, label=name, description="", unit=Unit.PLAIN, better=None)


def lacks_clips(scores: SubtaskScores, name: str) -> bool:
    """Return whether a metric has no interval because a class has too few clips."""
    notes = (note for note in scores.notes if note.startswith(NO_INTERVAL))
    return any(
        name in note.removeprefix(NO_INTERVAL).partition(":")[0].split(", ") for note in notes
    )


def has_something_to_say(metric: str, scores: Iterable[SubtaskScores]) -> bool:
    """Return whether to show a metric: the rates of cues only where the data have such cues.

    Args:
        metric: Its name.
        scores: Of all groups of items that are shown.
    """
    return not metric_of(metric).undefined or any(one.number(metric) is not None for one in scores)


def note_on(note: str, shown: Collection[str]) -> str | None:
    """Return what a note of scores says of metrics that are shown; None if it says nothing.

    Args:
        note: One of :attr:`SubtaskScores.notes`.
        shown: Names of metrics.
    """
    head, _, tail = note.partition(": ")
    if note.startswith(NO_INTERVAL):
        kept = [name for name in head.removeprefix(NO_INTERVAL).split(", ") if name in shown]
        return f"{NO_INTERVAL}{', '.join(kept)}: {tail}" if kept else None
    if note.startswith(ZERO_BY_ZERO):
        kept = [name for name in tail.split(", ") if name in shown]
        return f"{head}: {', '.join(kept)}" if kept else None
    return None if head in all_metrics() and head not in shown else note


def compute_metrics(
    layout: Layout,
    totals: NDArray[np.generic],
    *,
    predicted_classes_count: bool,
    wanted: Collection[str] = (),
) -> dict[str, Numbers]:
    """Compute the metrics of a layout.

    Args:
        layout: Of the items.
        totals: ``(..., features)`` feature totals.
        predicted_classes_count: Average labels over the classes that occur in gold or
            answers, as the authors do, and not over those that occur in gold.
        wanted: Metrics besides those of every result.

    Returns:
        By name of the number in the results; NaN where it is not defined.
    """
    if layout.kind is AnswerKind.OPEN:
        return {}
    counts = counts_of(layout, totals, predicted_classes_count=predicted_classes_count)
    return {
        metric.name: _values(metric, metric.formula, counts)
        for metric in all_metrics().values()
        if metric.formula and layout.kind in metric.applies_to
        if metric.always or metric.name in wanted
    }


def _values(metric: Metric, formula: Callable[[Counts], Numbers], counts: Counts) -> Numbers:
    if metric.name in METRICS:
        return formula(counts)
    try:
        values = np.asarray(formula(counts), dtype=float)
    except KeyboardInterrupt:
        raise
    # The formula is of another package, which may raise anything.
    except BaseException as error:
        raise UsageError(
            f"The formula of the metric '{metric.name}' failed: {type(error).__name__}: {error}.",
            remedy=f"Fix {_owner(metric)}; then score the run again.",
        ) from error
    if values.shape != counts.gold.shape[:-1]:
        raise UsageError(
            f"The formula of the metric '{metric.name}' gave the shape {values.shape}, not "
            f"{counts.gold.shape[:-1]}: a value for each sample.",
            remedy=f"Fix {_owner(metric)}; then score the run again.",
        )
    return values


@lru_cache(maxsize=1)  # Asked for with every group of items.
def _added() -> tuple[Mapping[str, Metric], Mapping[str, UsageError]]:
    """Load the metrics of other packages; return them, and why some are left out."""
    taken = {*METRICS, *SubtaskScores.model_fields}

    def load(point: EntryPoint) -> Metric:
        metric, remedy = load_entry_point(point), f"Fix or uninstall {owner_of(point)}."
        if not isinstance(metric, Metric):
            problem = f"The entry point '{point.name}' of {owner_of(point)} does not name a Metric."
            raise UsageError(problem, remedy=remedy)
        if metric.name in taken:
            problem = f"The metric '{metric.name}' of {owner_of(point)} has a name in use."
            raise UsageError(problem, remedy=remedy)
        with foreign_code(f"The metric {metric.name}", owner_of(point)):
            kinds = tuple(map(AnswerKind, metric.applies_to))
            metric = replace(metric, unit=Unit(metric.unit), applies_to=kinds)
        taken.add(metric.name)
        return metric

    loaded, broken = load_group(entry_points(group=METRIC_ENTRY_POINTS), load, METRICS)
    return {metric.name: metric for metric in loaded.values()}, broken


def _owner(metric: Metric) -> str:
    """Return the package that adds a metric, as far as its entry point tells."""
    for point in entry_points(group=METRIC_ENTRY_POINTS):
        if point.name == metric.name:
            return f"the package {owner_of(point)}"
    return "the package that adds the metric"


def _accuracy(counts: Counts) -> Numbers:
    return ratio(counts.right.sum(-1), counts.gold.sum(-1))


def _f1(counts: Counts) -> Numbers:
    yes, no = counts.recalls[..., YES], counts.recalls[..., NO]
    # Recalls of 0 and 0 have no harmonic mean; it tends to 0.
    return np.where(yes + no == 0, 0.0, ratio(2 * yes * no, yes + no))


def _uar(counts: Counts) -> Numbers:
    return counts.mean(np.nan_to_num(counts.recalls))


def _macro_f1(counts: Counts) -> Numbers:
    return counts.mean(np.nan_to_num(counts.f1_scores))


def _weighted_f1(counts: Counts) -> Numbers:
    weighted = (counts.gold * np.nan_to_num(counts.f1_scores)).sum(-1)
    return ratio(weighted, counts.gold.sum(-1))


def _matthews(counts: Counts) -> Numbers:
    """Compute Matthews' correlation for several classes, no answer being one more.

    Source: Gorodkin, Comparing two K-category assignments by a K-category
    correlation coefficient, 2004.
    """
    answered = counts.table.sum(-2)
    items = counts.table.sum((-2, -1))
    covariance = counts.right.sum(-1) * items - (counts.gold * answered[..., :-1]).sum(-1)
    spread = (items**2 - (answered**2).sum(-1)) * (items**2 - (counts.gold**2).sum(-1))
    return ratio(covariance, np.sqrt(spread))


def _cohen_kappa(counts: Counts) -> Numbers:
    items = counts.gold.sum(-1)
    by_chance = ratio((counts.gold * counts.answers).sum(-1), items**2)
    return ratio(_accuracy(counts) - by_chance, 1 - by_chance)


def _built_in() -> Iterator[Metric]:
    """List the metrics in the order in which results name intervals and notes."""
    yield Metric(
        name="accuracy",
        basis=Basis.ITEMS,
        label="Accuracy",
        description="Share of right answers.",
        formula=_accuracy,
        always=True,
        column=10,
    )
    yield Metric(
        name="balanced_accuracy",
        basis=Basis.CLASSES,
        label="Balanced accuracy",
        description="The mean of the recalls of the right answers that occur.",
        applies_to=(_CHOICE, _YES_NO),
        formula=lambda counts: counts.mean(counts.recalls),
        always=True,
    )
    yield from _yes_no()
    yield from _of_answers_yes()
    yield from _labels()
    yield Metric(
        name="matthews",
        basis=Basis.CLASSES,
        ends=(-1.0, 1.0),
        label="Matthews' correlation",
        description="From -1 to 1; 0 is what guessing gives. No answer is a class of its own.",
        unit=Unit.PLAIN,
        applies_to=(_YES_NO, _LABEL),
        formula=_matthews,
        always=True,
        in_gate=False,
    )
    yield from _stress()
    yield from _beside_the_counts()


def _yes_no() -> Iterator[Metric]:
    yield Metric(
        name="yes_recall",
        label="Yes-recall",
        heading="yes-recall",
        description="Of the cues that are there, how many the model confirms: hallucination-free "
        "detection. A model that always says yes reaches 100, so read it with no-recall.",
        applies_to=(_YES_NO,),
        formula=lambda counts: counts.recalls[..., YES],
        always=True,
        shown_for=QuestionType.STRESS_TEST,
        column=20,
    )
    yield Metric(
        name="no_recall",
        label="No-recall",
        heading="no-recall",
        description="Of the cues that are absent or irrelevant, how many the model denies.",
        applies_to=(_YES_NO,),
        formula=lambda counts: counts.recalls[..., NO],
        always=True,
        shown_for=QuestionType.STRESS_TEST,
        column=30,
    )
    yield Metric(
        name="f1",
        basis=Basis.CLASSES,
        label="F1",
        description="Of yes or no questions: the harmonic mean of yes-recall and no-recall. A "
        "model that always gives the same answer scores 0.",
        applies_to=(_YES_NO,),
        formula=_f1,
        always=True,
        column=60,
    )


def _of_answers_yes() -> Iterator[Metric]:
    yield Metric(
        name="yes_rate",
        label="Yes-rate",
        heading="yes-rate",
        description="Share of yes among the answers, right or wrong.",
        better=None,
        applies_to=(_YES_NO,),
        formula=lambda counts: ratio(counts.answers[..., YES], counts.answers.sum(-1)),
        always=True,
        in_gate=False,
        column=None,
    )
    yield Metric(
        name="yes_precision",
        label="Yes-precision",
        heading="yes-precision",
        description="Right answers over all answers yes.",
        applies_to=(_YES_NO,),
        formula=lambda counts: counts.precisions[..., YES],
        always=True,
        in_gate=False,
    )
    yield Metric(
        name="standard_f1",
        basis=Basis.CLASSES,
        label="Standard F1",
        heading="standard F1",
        description="F1 of the answer yes in its standard sense.",
        applies_to=(_YES_NO,),
        formula=lambda counts: counts.f1_scores[..., YES],
        always=True,
        in_gate=False,
    )


def _labels() -> Iterator[Metric]:
    yield Metric(
        name="uar",
        basis=Basis.CLASSES,
        label="UAR",
        description="Unweighted average recall: the mean of the recalls of the classes.",
        applies_to=(_LABEL,),
        formula=_uar,
        always=True,
        averaged=False,
        column=90,
    )
    yield Metric(
        name="war",
        basis=Basis.ITEMS,
        label="WAR",
        description="Weighted average recall: the mean of the recalls of the classes, each "
        "weighed by its number of items, which is accuracy.",
        applies_to=(_LABEL,),
        formula=_accuracy,
        always=True,
        averaged=False,
        column=80,
    )
    yield Metric(
        name="macro_f1",
        basis=Basis.CLASSES,
        label="Macro F1",
        heading="macro F1",
        description="The mean of the classes' F1.",
        applies_to=(_LABEL,),
        formula=_macro_f1,
        always=True,
        averaged=False,
        column=None,
    )
    yield Metric(
        name="weighted_f1",
        basis=Basis.CLASSES,
        label="Weighted F1",
        heading="weighted F1",
        description="The mean of the classes' F1, each weighed by its number of items.",
        applies_to=(_LABEL,),
        formula=_weighted_f1,
        always=True,
        averaged=False,
        column=100,
    )
    yield Metric(
        name="cohen_kappa",
        basis=Basis.CLASSES,
        ends=(-1.0, 1.0),
        label="Cohen's kappa",
        description="Agreement with the right answers beyond chance, up to 1.",
        unit=Unit.PLAIN,
        applies_to=(_LABEL,),
        formula=_cohen_kappa,
    )


def _stress() -> Iterator[Metric]:
    of_no_category = "no item of this category has the gold answer no"
    yield Metric(
        name="hallucination_rate",
        label="Hallucination rate",
        heading="hallucination",
        description="Of the cues that fit the emotion but are not there, how many the model "
        "confirms. Lower is better.",
        better="lower",
        applies_to=(_YES_NO,),
        formula=lambda counts: ratio(counts.rates[..., 1], counts.rates[..., 0]),
        always=True,
        undefined=of_no_category,
        shown_for=QuestionType.STRESS_TEST,
        column=40,
    )
    yield Metric(
        name="spurious_rate",
        label="Spurious rate",
        heading="spurious",
        description="Of the cues that are there but have nothing to do with the emotion, how many "
        "the model accepts. Lower is better.",
        better="lower",
        applies_to=(_YES_NO,),
        formula=lambda counts: ratio(counts.rates[..., 3], counts.rates[..., 2]),
        always=True,
        undefined=of_no_category,
        shown_for=QuestionType.STRESS_TEST,
        column=50,
    )


def _beside_the_counts() -> Iterator[Metric]:
    yield Metric(
        name="pair_accuracy",
        basis=Basis.ITEMS,
        label="Pair accuracy",
        heading="pairs",
        description="Of the pairs of a question and its counterpart, those of which both are "
        "answered right.",
        averaged=False,
        in_gate=False,
        column=70,
    )
    yield Metric(
        name="calibration_error",
        label="Calibration error",
        heading="calibration error",
        description="How far accuracy is from the confidence in the likeliest option.",
        better="lower",
        averaged=False,
        in_gate=False,
    )
    yield Metric(
        name="brier",
        label="Brier score",
        heading="Brier",
        description="Mean squared distance of the options' probabilities from the truth, 0 to 2.",
        unit=Unit.PLAIN,
        better="lower",
        averaged=False,
        in_gate=False,
    )


METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _built_in()}

"""What a comparison of two runs says."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.scores import Interval
from emoreal_bench.contracts.vocabulary import Factor, Scoring

AVERAGE = "average accuracy"
"""What reports call the unweighted mean of the accuracies of all subtasks."""


class Verdict(StrEnum):
    """What a comparison says of the second run, in words."""

    BETTER = "better"
    WORSE = "worse"
    NO_EVIDENCE = "no evidence"
    """The test could have found a difference that matters, and did not."""
    TOO_SMALL = "too small a test"
    """Even a difference that matters would probably have been missed."""
    IDENTICAL = "identical"
    """Every item is right in both runs or wrong in both; of a metric, is answered alike."""


class Difference(Record):
    """The second run less the first, on the same items."""

    n: int
    """Items in the denominator of both."""
    clips: int | None = None
    """How many these are about; they, not the items, are exchanged in the test."""
    first: float
    """Accuracy of the first run, or its metric."""
    second: float
    difference: float
    interval: Interval | None
    """The differences that the test does not exclude, at the confidence 1 - ``level``: it
    holds 0 exactly where the test finds none. Null where there are too few clips."""
    smallest_detectable: float | None
    """The true difference that this test finds four times in five; null where there
    are too few clips to find any."""
    clips_needed: int | None = None
    """Where the test is too small: with how many clips like these it would find a
    difference that matters."""
    items_needed: int | None = None
    """The same in items."""
    only_first: int | None = None
    """Items that only the first run has right; null for metrics."""
    only_second: int | None = None
    p_value: float | None = None
    """Two-sided, by exchanging whole clips between the runs."""
    adjusted_p_value: float | None = None
    """Corrected by Holm's method over the whole table, the average among it."""
    level: float | None = None
    """What the uncorrected p-value was held against, after that correction."""
    verdict: Verdict


class Comparison(Record):
    """Two runs of the same items under one scoring."""

    scoring: Scoring
    subtasks: dict[str, Difference]
    average: Difference
    """Of the unweighted means over the subtasks."""
    metrics: dict[str, dict[str, Difference]] = Field(default_factory=dict)
    """By metric that the task asks for beside those of every result, and subtask."""
    notes: tuple[str, ...] = ()


class Shift(Record):
    """How far the log-likelihood of the right answer falls from one run to another."""

    n: int
    """Items with choice scores in both runs."""
    mean: float
    """Of the first run's log-probability less the second's, in nats."""
    interval: Interval | None
    """At 95 percent, clustered by clip; null for one clip, and for clips that all fall alike."""


class LogLikelihoodShift(Record):
    """What other sound or picture does to the right answer, where choices were scored."""

    subtasks: dict[str, Shift]
    """Those with choice scores in both runs."""
    overall: Shift | None
    """Over all items; null where it is not defined."""
    undefined: str | None = None
    """Why it is not defined, in one sentence."""


class ComparedRun(Record):
    """One side of a comparison."""

    folder: str
    model: str
    coverage: float
    """Share of the items that reached the model and came back; the others count
    as wrong under strict."""
    frames_per_item: float | None
    """What really reached the model; null if nothing was logged."""
    audio_seconds_per_item: float | None
    tokens_per_item: dict[str, float] = Field(default_factory=dict)
    """By modality; empty where the model does not say."""


class RunComparison(Record):
    """One run against the first."""

    run: ComparedRun
    scorings: dict[Scoring, Comparison]
    log_likelihood_shift: LogLikelihoodShift | None = None
    """Null unless both scored choices under the same letters."""
    delivery_differences: tuple[str, ...] = ()
    """What reached this model in another amount than the first, in words."""


class ComparisonReport(Record):
    """Several runs, each against the first. What ``emoreal-bench compare --json`` prints."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    task: str
    data_hash: str
    across: tuple[Factor, ...] = ()
    """What the runs were allowed to differ in."""
    seed: int
    """Of the intervals."""
    first: ComparedRun
    others: tuple[RunComparison, ...]


class FlippedItem(Record):
    """An item of two runs that only one of them has right under strict."""

    id: str
    subtask: str
    gold: str
    was_right: bool
    """In the first run."""
    is_right: bool
    """In the second."""
    first_reply: str
    second_reply: str


class RunChanges(Record):
    """What changed from one run to another. What ``emoreal-bench runs diff --json`` prints."""

    settings: tuple[str, ...]
    """What is different in what was asked and in who was, in words."""
    first_items: int
    second_items: int
    common_items: int
    """Scored items that both runs asked in the same words."""
    flipped: tuple[FlippedItem, ...]

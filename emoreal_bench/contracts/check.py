"""A check of a run against a baseline: the baseline file, the rules file, the report."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.comparison import Verdict
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.run_record import RequestIdentity
from emoreal_bench.contracts.scores import Interval

DEFAULT_LARGEST_DROP = 0.03
DEFAULT_LEVEL = 0.05


class BaselineScore(Record):
    """A score as it was, for whoever reads the file; the check counts the items itself."""

    n: int
    accuracy: float | None


class Baseline(Record):
    """A run to hold later ones against, small enough to be committed."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    task: str
    task_version: str
    model: str
    model_hash: str
    data_hash: str
    request: RequestIdentity
    scoring_hash: str
    """Of the strict rules, by which ``right`` was read."""
    emoreal_bench_version: str
    average_accuracy: float | None
    subtasks: dict[str, BaselineScore]
    items: int = Field(ge=1)
    right: str
    """Whether each item is right under strict, in the order of the plan: bits, the
    highest of a byte first, compressed by zlib, in base64."""


class Decision(StrEnum):
    """What it takes to break a limit."""

    STATISTICAL = "statistical"
    """That chance does not explain it."""
    ABSOLUTE = "absolute"
    """The number alone."""


class Limits(Record):
    """The least and the most that scores under strict may be, by the name of the score."""

    floors: dict[str, float] = Field(default_factory=dict)
    ceilings: dict[str, float] = Field(default_factory=dict)


class SubtaskLimits(Limits):
    """Limits of a subtask, and of its change against the baseline."""

    largest_drop: float | None = Field(default=None, ge=0.0, le=1.0)
    """Of the accuracy, as a fraction; null tests no drop."""


class AverageLimits(Record):
    """Limits of the unweighted mean over the subtasks."""

    largest_drop: float | None = Field(default=DEFAULT_LARGEST_DROP, ge=0.0, le=1.0)
    floor: float | None = Field(default=None, ge=0.0, le=1.0)


class CheckRules(Record):
    """A rules file. Every key may be left out."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    decide: Decision = Decision.STATISTICAL
    level: float = Field(default=DEFAULT_LEVEL, gt=0.0, lt=0.5)
    """Probability that a model that did not change fails any of the tests of a drop."""
    least_coverage: float = Field(default=1.0, ge=0.0, le=1.0)
    """Below it nothing is decided: items that never reached the model count as wrong."""
    average: AverageLimits = AverageLimits()
    every_subtask: SubtaskLimits = SubtaskLimits(largest_drop=DEFAULT_LARGEST_DROP)
    subtasks: dict[str, SubtaskLimits] = Field(default_factory=dict)
    """By subtask; what one names goes before ``every_subtask``."""
    question_types: dict[str, Limits] = Field(default_factory=dict)

    def limits_of(self, subtask: str) -> SubtaskLimits:
        """Join the limits of a subtask with those of every subtask."""
        own, shared = self.subtasks.get(subtask, SubtaskLimits()), self.every_subtask
        names_drop = "largest_drop" in own.model_fields_set
        return SubtaskLimits(
            largest_drop=own.largest_drop if names_drop else shared.largest_drop,
            floors={**shared.floors, **own.floors},
            ceilings={**shared.ceilings, **own.ceilings},
        )


class DropTest(Record):
    """Accuracy now against the baseline, on the same items."""

    n: int
    before: float
    after: float
    difference: float
    """After less before."""
    interval: Interval | None
    """Of the difference, at 95 percent, by the paired cluster bootstrap."""
    smallest_detectable: float
    """The true drop that this test finds four times in five at its level."""
    only_before: int | None
    """Items that only the baseline has right; null for the average."""
    only_after: int | None
    p_value: float
    """Of a drop: one-sided, by flipping the signs of whole clips."""
    adjusted_p_value: float
    """Corrected for the number of tests of the check: half of the level is the
    average's, half the subtasks' together, by Holm."""
    verdict: Verdict


class RuleKind(StrEnum):
    """What a rule limits."""

    COVERAGE = "coverage"
    DROP = "drop"
    FLOOR = "floor"
    CEILING = "ceiling"


class RuleResult(Record):
    """One rule, and whether the run keeps it."""

    kind: RuleKind
    about: str
    """A subtask, a question type, or what is said of the whole run."""
    metric: str
    limit: float
    value: float
    """The score; of a drop the difference, negative where the run is worse."""
    passed: bool
    summary: str
    """The same in words."""
    drop: DropTest | None = None

    @property
    def is_undecided(self) -> bool:
        """Return whether this is a rule about a drop that rests on too few items."""
        return self.drop is not None and self.drop.verdict is Verdict.TOO_SMALL


class CheckOutcome(StrEnum):
    """How a check ends."""

    PASSED = "passed"
    FAILED = "failed"
    """A rule is broken."""
    INCOMPLETE = "incomplete"
    """Too few items reached the model, or too few are there, to say."""


class CheckReport(Record):
    """What a check says. What ``emoreal-bench check --json`` prints."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    outcome: CheckOutcome
    summary: str
    """The outcome in one sentence."""
    task: str
    model: str
    baseline_model: str
    data_hash: str
    request_hash: str
    decide: Decision
    level: float
    seed: int
    """Of the intervals and the tests."""
    rules: tuple[RuleResult, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code of the command."""
        match self.outcome:
            case CheckOutcome.PASSED:
                return ExitCode.DONE
            case CheckOutcome.FAILED:
                return ExitCode.REGRESSION
            case CheckOutcome.INCOMPLETE:
                return ExitCode.INCOMPLETE

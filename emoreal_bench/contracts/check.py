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
    is_imported: bool = False
    """Whether its replies were made elsewhere."""
    plan_hash: str | None = None
    """Over the items without their clips; null in baselines of earlier versions."""
    average_accuracy: float | None
    subtasks: dict[str, BaselineScore]
    items: int = Field(ge=1, lt=2**53)
    right: str
    """Whether each item is right under strict, in the order of the plan: bits, the
    highest of a byte first, compressed by zlib, in base64."""
    checksum: str | None = None
    """Of the rest of the file; files of earlier versions have none."""


class Decision(StrEnum):
    """What it takes to break a limit."""

    STATISTICAL = "statistical"
    """That chance does not explain it."""
    ABSOLUTE = "absolute"
    """The number alone."""


class Undecided(StrEnum):
    """What it means for a job that a rule cannot be decided: too few items, or no interval."""

    PASS = "pass"  # noqa: S105 - a word of the rules file
    """It passes, and the rule is marked."""
    FAIL = "fail"
    """It fails, with an exit code of its own."""


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
    undecided: Undecided = Undecided.PASS
    level: float = Field(default=DEFAULT_LEVEL, gt=0.0, lt=0.5)
    """Probability that any test finds a drop or a gain in a model that did not change."""
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
    """Accuracy now against the baseline, on the same items; the same test as of ``compare``."""

    n: int
    clips: int
    """How many the items are about."""
    before: float
    after: float
    difference: float
    """After less before."""
    interval: Interval | None
    """The differences that the test does not exclude, at the confidence 1 - ``level``;
    null where there are too few clips."""
    smallest_detectable: float | None
    """The true drop that this test finds four times in five at its level; null where
    there are too few clips to find any."""
    clips_needed: int | None
    """Where the test is too small: with how many clips like these it would find the
    largest drop allowed four times in five."""
    items_needed: int | None
    """The same in items."""
    only_before: int
    """Items that only the baseline has right."""
    only_after: int
    p_value: float
    """Two-sided, by exchanging whole clips between the two."""
    adjusted_p_value: float
    """Corrected by Holm's method for all tests of the check, the average among them."""
    level: float
    """What the uncorrected p-value was held against, after that correction."""
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
    """Whether the rule is not broken; true too where that cannot be told."""
    undecided: bool = False
    """Whether it cannot be told: too few items, or no interval."""
    summary: str
    """The same in words."""
    drop: DropTest | None = None


class RuleState(StrEnum):
    """What a rule means for the job that runs the check."""

    KEPT = "ok"
    BROKEN = "FAIL"
    NOT_COVERED = "not covered"
    """Too few items reached the model."""
    UNDECIDED = "cannot tell"
    """And the rules let that pass."""
    UNDECIDED_FAILS = "CANNOT TELL"
    """And the rules let that fail."""

    @property
    def fails(self) -> bool:
        """Return whether the job fails by it."""
        return self not in (RuleState.KEPT, RuleState.UNDECIDED)


class CheckOutcome(StrEnum):
    """How a check ends."""

    PASSED = "passed"
    FAILED = "failed"
    """A rule is broken."""
    UNDECIDED = "undecided"
    """No rule is broken, one cannot be decided, and the rules let that fail."""
    INCOMPLETE = "incomplete"
    """Too few items reached the model to say."""


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
    request_hash: str | None
    decide: Decision
    undecided: Undecided = Undecided.PASS
    """What it means where a rule cannot be decided."""
    level: float
    seed: int
    """Of the intervals of single scores."""
    rules: tuple[RuleResult, ...]

    @property
    def passed(self) -> bool:
        """Return whether the job passes."""
        return self.outcome is CheckOutcome.PASSED

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code of the command."""
        match self.outcome:
            case CheckOutcome.PASSED:
                return ExitCode.DONE
            case CheckOutcome.FAILED:
                return ExitCode.REGRESSION
            case CheckOutcome.UNDECIDED:
                return ExitCode.UNDECIDED
            case CheckOutcome.INCOMPLETE:
                return ExitCode.INCOMPLETE

    def state_of(self, rule: RuleResult) -> RuleState:
        """Return what a rule of this check means for the job; every output follows it."""
        return rule_state(rule, self.undecided)


def rule_state(rule: RuleResult, undecided: Undecided) -> RuleState:
    """Return what a rule means for the job, and where it cannot be decided, what that means."""
    if not rule.passed:
        return RuleState.NOT_COVERED if rule.kind is RuleKind.COVERAGE else RuleState.BROKEN
    if rule.undecided:
        lets_pass = undecided is Undecided.PASS
        return RuleState.UNDECIDED if lets_pass else RuleState.UNDECIDED_FAILS
    return RuleState.KEPT


class PlannedTest(Record):
    """How many items the test of one accuracy needs."""

    about: str
    """A subtask, or the average."""
    n: int
    """Items that there are now."""
    clips: int
    """How many these are about."""
    discordant: float | None
    """Share of the items that only one of the two runs has right; null where there is
    no second run to compare with."""
    smallest_detectable: float | None
    """The true drop that is found four times in five now; null for none."""
    drop: float
    """The one wished for."""
    clips_needed: int
    """With so many clips like these it is found four times in five."""
    items_needed: int


class CheckPlan(Record):
    """What ``emoreal-bench check --plan --json`` prints."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    task: str
    level: float
    assumption: str
    """Where clusters and discordance come from, in one sentence."""
    tests: tuple[PlannedTest, ...]

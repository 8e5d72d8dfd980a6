"""The schema of ``results.json`` and of ``emoreal-bench score --json``.

All fractions are in 0..1, what a judge says is in 1..10. A number that is not
defined is null, and the notes beside it say why.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from emoreal_bench.contracts.base import Count, Record
from emoreal_bench.contracts.vocabulary import JudgedDimension, Outcome, StatementVerdict

Interval = tuple[float, float]
"""Lower and upper bound at 95 percent."""
FREE_TEXT = "free text is scored by a judge"
"""Note of items that count in no score here."""
NOT_COVERED = (Outcome.UNSUPPORTED, Outcome.FAILED, Outcome.MISSING)
"""Outcomes of items that did not reach the model, or did not come back."""


class Counted(NamedTuple):
    """How many items count in a score, and how many of them reached the model and came back."""

    items: int
    covered: int

    @property
    def is_full(self) -> bool:
        """Return whether the score speaks of every item that it counts."""
        return self.covered == self.items

    @property
    def fraction(self) -> float:
        """Return the share that came back."""
        return self.covered / self.items


class Coverage(Record):
    """How many of the planned items a score speaks of."""

    items: Count
    """Planned items."""
    covered: Count
    """Items that reached the model and came back: status ok, length, refused or blocked."""
    fraction: float
    statuses: dict[str, int]
    """Items by delivery status, every status named, items never asked as missing."""


class SubtaskScores(Record):
    """Scores of one subtask, or of one group of items, under one scoring.

    Metrics that a task asks for, built in or of another package, are keys of
    their own beside the named fields.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | None]

    n: Count
    """The denominator: all items under strict, items with a prediction under official."""
    outcomes: dict[Outcome, int]
    accuracy: float | None
    chance: float | None = None
    balanced_accuracy: float | None = None
    yes_recall: float | None = None
    """Recall on items whose gold is yes (the paper's "precision")."""
    no_recall: float | None = None
    """Recall on items whose gold is no (the paper's "recall")."""
    f1: float | None = None
    """Harmonic mean of yes-recall and no-recall, as in the paper."""
    yes_rate: float | None = None
    yes_precision: float | None = None
    """Right answers over all answers "yes": precision in its standard sense."""
    standard_f1: float | None = None
    """F1 of the answer "yes" in its standard sense."""
    matthews: float | None = None
    """Matthews' correlation, -1 to 1; no answer counts as a class of its own."""
    calibration_error: float | None = None
    """Expected calibration error, where choices were scored."""
    brier: float | None = None
    """Mean Brier score, 0 to 2, where choices were scored."""
    hallucination_rate: float | None = None
    spurious_rate: float | None = None
    pair_accuracy: float | None = None
    """Pairs of which every item is answered right over all pairs; strict only."""
    uar: float | None = None
    war: float | None = None
    macro_f1: float | None = None
    weighted_f1: float | None = None
    per_class: dict[str, dict[str, float | int | None]] | None = None
    confusion: dict[str, dict[str, int]] | None = None
    majority_baseline: float | None = None
    """Accuracy of always giving the most frequent gold answer."""
    intervals: dict[str, Interval] = Field(default_factory=dict)
    """By the name of the number above."""
    notes: tuple[str, ...] = ()

    def number(self, metric: str) -> float | None:
        """Return a metric by name; None where it does not apply or is not defined."""
        value: float | None = getattr(self, metric, None)
        return value

    def has(self, metric: str) -> bool:
        """Return whether a metric applies, defined or not."""
        return metric in self.model_fields_set or self.number(metric) is not None

    @property
    def is_scored(self) -> bool:
        """Return whether the items count in a score; free text waits for a judge."""
        return FREE_TEXT not in self.notes


class ScoringReport(BaseModel):
    """Everything one scoring says of a run.

    Each subtask is a key of its own beside the named fields, so that a reader
    finds ``scores.strict.modality_agreement.accuracy`` where the question is.
    """

    model_config = ConfigDict(
        use_attribute_docstrings=True, extra="allow", frozen=True, allow_inf_nan=False
    )
    __pydantic_extra__: dict[str, SubtaskScores]

    average_accuracy: float | None
    """Unweighted mean over the subtasks, as in the paper."""
    average_accuracy_interval: Interval | None = None
    question_types: dict[str, SubtaskScores] = Field(default_factory=dict)
    slices: dict[str, dict[str, SubtaskScores]] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def subtasks(self) -> dict[str, SubtaskScores]:
        """Scores by subtask, in the order of the task file."""
        return self.__pydantic_extra__

    @property
    def scored_subtasks(self) -> dict[str, SubtaskScores]:
        """Subtasks that count in a score; all of them where none does."""
        scored = {name: scores for name, scores in self.subtasks.items() if scores.is_scored}
        return scored or self.subtasks

    @property
    def counted(self) -> Counted:
        """What coverage a score has: that of the items that it counts.

        An open question without a reply takes nothing from the score of the others.
        """
        found = [scores.outcomes for scores in self.scored_subtasks.values()]
        items = sum(sum(outcomes.values()) for outcomes in found)
        lost = sum(outcomes.get(outcome, 0) for outcomes in found for outcome in NOT_COVERED)
        return Counted(items, items - lost)


class DeliverySummary(Record):
    """What reached the model, summed over the log."""

    frames_per_item: float
    audio_seconds_per_item: float
    items_with_video: Count
    items_with_audio: Count
    tokens_per_item: dict[str, float]
    cost_per_item: float | None = None
    """US dollars, over the items whose cost is known; null if none is."""
    notes: dict[str, int]
    """Each deviation from what was wanted, and how many items it affects."""
    reasons: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Why items were blocked, unsupported, failed or missing: by status, each reason with its
    count."""
    answered_by_text: Count = 0
    """Items whose options were to be scored and were not, so that the written text counts."""
    empty_replies: Count = 0
    """Items whose reply counts as written but holds no word."""


class JudgedScore(Record):
    """What a judge says of the replies in one dimension."""

    mean: float | None
    """Over the judged items, 1 to 10; the repeated judgements of an item are averaged first."""
    interval: Interval | None = None
    agreement: float | None = None
    """Krippendorff's alpha of the repeated judgements: 1 agreement, 0 chance."""


class JudgedScores(Record):
    """What a judge says of the replies to one subtask."""

    items: Count
    """All open questions, with or without a reply; or all replies without an answer."""
    without_reply: dict[Outcome, int]
    """Items that there is nothing to judge of, and why."""
    judged: Count
    """Items with at least one judgement that could be read: what the means are over."""
    coverage: float
    """Judged items over all items."""
    repeats: Count
    judgements: dict[Outcome, int]
    """What became of the judgements asked for; every outcome is named."""
    scores: dict[JudgedDimension, JudgedScore]
    verdicts: dict[StatementVerdict, int] | None = None
    """What replies without an answer amount to; null where descriptions are rated."""
    notes: tuple[str, ...] = ()


class Results(Record):
    """``results.json``."""

    schema_version: Literal[1, 2] = Field(default=2, alias="schema")
    """1 had no outcome ``statement``."""
    task: str
    variant: str | None = None
    data_hash: str | None = None
    request_hash: str | None = None
    scoring_hash: str
    coverage: Coverage
    scores: dict[str, ScoringReport]
    """By scoring, ``strict-judged`` among them if a judge's verdicts were given;
    empty for the run of a judge."""
    judged: dict[str, JudgedScores] | None = None
    """By subtask; only for the run of a judge."""
    delivery: DeliverySummary | None = None
    warnings: tuple[str, ...] = ()
    plan_hash: str | None = None
    """Of the plan that was scored, as the manifest names it."""
    replies_hash: str | None = None
    """Over what the log says of every item, in any order; times and attempts apart."""
    checksum: str | None = None
    """Over everything else in the file."""

    @property
    def counted(self) -> Counted:
        """What coverage the scores have; of all items where there are none, as of a judge's run.

        What did not come back is the same under every scoring.
        """
        for report in self.scores.values():
            return report.counted
        return Counted(self.coverage.items, self.coverage.covered)

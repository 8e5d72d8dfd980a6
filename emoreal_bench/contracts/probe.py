"""What a score rests on: the same questions with something taken away."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.comparison import Comparison, LogLikelihoodShift
from emoreal_bench.contracts.vocabulary import Scoring


class Condition(StrEnum):
    """What a model is given in one run of a probe."""

    FULL = "full"
    """Everything that the task gives."""
    SOUND_ONLY = "sound-only"
    PICTURE_ONLY = "picture-only"
    TEXT_ONLY = "text-only"
    SWAPPED_CLIPS = "swapped-clips"
    """Picture and sound of another clip: what is left is not read from the clip."""
    SHUFFLED_LETTERS = "shuffled-letters"
    """The same options under other letters: what is lost was a liking for letters."""


class Accuracies(Record):
    """Accuracy by subtask, and the unweighted mean."""

    subtasks: dict[str, float | None]
    average: float | None


class ConditionScores(Record):
    """One run of a probe."""

    folder: str
    coverage: float
    lacking: tuple[str, ...] = ()
    """Why it does not cover all items, in sentences."""
    accuracy: Accuracies
    change: Comparison | None = None
    """This run less the full one, item by item; null for the full one."""
    log_likelihood_shift: LogLikelihoodShift | None = None
    """From the full run to this one; null for the full one, for other letters, and
    where choices were not scored."""


class ProbeReport(Record):
    """What ``emoreal-bench probe --json`` prints."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    task: str
    model: str
    variant: str
    scoring: Scoring
    seed: int
    """Of the swaps, the letters and the intervals."""
    conditions: dict[Condition, ConditionScores]
    left_out: dict[Condition, str]
    """Conditions that would ask nothing new, and why."""
    blind: dict[str, Accuracies]
    """What a score is worth that needs no clip."""

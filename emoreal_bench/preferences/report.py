"""What ``emoreal-bench prefs check`` says of a file of pairs."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.scores import Interval


class CueBias(Record):
    """How far an emotion tells which of its cues the chosen answer affirms."""

    pairs: int
    """Pairs that name an emotion and a cue."""
    association: float
    """Cramér's V, corrected for bias, of cue and role (affirmed or denied) within each
    emotion and modality, 0 to 1. At 0 an emotion's cues are affirmed as often, in
    proportion, as denied; at 1 the emotion alone decides."""
    affirmed: int
    """Chosen answers that affirm a cue."""
    typical_share: float | None
    """Share of them that affirm the cue which the emotion's answers affirm most often."""
    typical_interval: Interval | None
    """Of that share, by Wilson."""
    even_share: float | None
    """The same share, were the cues of each emotion affirmed equally often."""


class RoleCount(Record):
    """Pairs with a yes/no question that names a cue, of one role."""

    typical: bool
    """Whether the named cue is the typical one of its emotion."""
    present: bool
    """Whether the chosen answer affirms it."""
    pairs: int

    @property
    def prior_is_right(self) -> bool:
        """Whether going by the emotion alone, yes to the typical cue and no to others, is right."""
        return self.typical is self.present


class RoleTable(Record):
    """Which yes/no questions the emotion alone answers, and which it answers wrongly."""

    counts: tuple[RoleCount, ...]
    """All four roles."""
    pairs: int
    """Pairs with such a question, of an emotion whose typical cue is known."""
    traps: int
    """Those that ask for the typical cue where it is absent: they alone contradict a habit of
    hallucinating."""
    prior_share: float
    """Share that the prior answers: yes to the typical cue of an emotion, no to others."""


class LetterBalance(Record):
    """Which letters are right, among questions with as many options."""

    pairs: int
    chosen: dict[str, int]
    """How often each letter is the chosen answer."""
    excess: float
    """Share of the most frequent letter, less what an even deal gives it."""


class LengthBalance(Record):
    """Whether length tells the chosen answer, where answers are words."""

    comparisons: int
    """Chosen answers against each of their rejected ones."""
    mean_chosen: float
    """Characters."""
    mean_rejected: float
    advantage: float
    """Share of the comparisons in which the chosen answer is longer, less the share in
    which it is shorter: -1 to 1, and 0 if length tells nothing."""


class BlindGuessing(Record):
    """How often a model finds the chosen answer without the clip."""

    model: str
    asked: int
    not_asked: int
    """Pairs whose answers cannot be put to choice."""
    accuracy: float
    interval: Interval | None
    chance: float
    """Accuracy of guessing among the options."""


class OverlapKind(StrEnum):
    """By what a clip was found again in an evaluation set."""

    CONTENT = "content"
    """The same bytes."""
    NAME = "name"
    """The same name, where the bytes of one of the two are not at hand."""


class Overlap(Record):
    """A clip of the pairs that an evaluation set holds, too."""

    clip: str
    task: str
    evaluation_clip: str
    kind: OverlapKind


class PairsReport(Record):
    """What a file of pairs is like. What ``emoreal-bench prefs check --json`` prints."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    pairs: int
    clips: int
    hash: str
    with_both_rejected: int
    with_one_rejected: int
    with_altered_input: int
    cue_bias: CueBias | None
    """Null if no pair names its emotion and cue."""
    roles: RoleTable | None = None
    """Null if no pair with a yes/no question names its emotion and cue."""
    letters: dict[int, LetterBalance]
    """By the number of options."""
    lengths: LengthBalance | None
    """Null if no answer is in words."""
    blind: BlindGuessing | None = None
    """Null if no model was asked."""
    duplicates: int
    """Pairs whose clip, question and chosen answer stood before."""
    contradictions: int
    """Pairs whose chosen answer another pair of the same clip and question rejects."""
    unknown_letters: tuple[str, ...] = ()
    """Ids of pairs with an answer whose letter is none of the options."""
    missing_clips: tuple[str, ...] = ()
    """Clips of pairs and their partners that are not in the folder of clips, if that was named."""
    overlaps: tuple[Overlap, ...] = ()
    checked_against: tuple[str, ...] = ()
    """Tasks whose clips were compared."""
    warnings: tuple[str, ...] = ()

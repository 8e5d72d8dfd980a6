"""Reproduction cards: under which conditions somebody reached a score, and which are not known.

Published scores of this field are seldom reached again, since the answer hangs
on checkpoint, inputs, prompt, split and scoring, and papers leave some of them
out. A card (``leaderboards/cards/*.yaml``) states all of them, or that nobody
published them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from emoreal_bench.catalog import read_settings, suggest
from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.task import PAPER_VARIANT
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.probing.published import Confidence
from emoreal_bench.resources import package_folders
from emoreal_bench.scoring.metrics import all_metrics

AVERAGE_ACCURACY = "average_accuracy"
"""What a card can expect of all subtasks; every other number is a metric of one."""


class CardConditions(Record):
    """How the value was reached, in words; null where nobody published it, as far as is known."""

    checkpoint: str | None
    inputs: str | None
    """Frames and sound as given to the model."""
    prompt: str | None
    decoding: str | None
    """How the reply was written: length, temperature, seed."""
    split: str | None


class ExpectedValue(Record):
    """One published number, a fraction."""

    metric: str
    subtask: str | None = None
    """Null for the average."""
    value: float = Field(ge=0.0, le=1.0)
    tolerance: float = Field(gt=0.0, le=0.5)
    """How far from it a reproduction may lie."""
    confidence: Confidence

    @model_validator(mode="after")
    def _names_a_subtask_unless_it_is_the_average(self) -> Self:
        if (self.subtask is None) is not (self.metric == AVERAGE_ACCURACY):
            raise ValueError("every metric but average_accuracy needs a subtask, and it none")
        known = (AVERAGE_ACCURACY, *all_metrics())
        if self.metric not in known:
            raise ValueError(str(suggest("metric", self.metric, known)))
        return self


class Card(Record):
    """A file of ``leaderboards/cards``."""

    schema_version: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    title: str
    task: str
    variant: str = PAPER_VARIANT
    scoring: Scoring = Scoring.OFFICIAL
    model: str
    """As the publication names it."""
    items: int | None
    """Number of questions; null where nobody published it."""
    conditions: CardConditions
    expected: tuple[ExpectedValue, ...] = Field(min_length=1)
    tolerance_reason: str
    """Why the tolerances are what they are."""
    citation: str
    statement: str
    """How far the values were checked."""


def card_paths() -> dict[str, Path]:
    """Return the cards that come with the package, by name."""
    return {
        path.stem: path
        for folder in package_folders("emoreal_bench.leaderboards")
        for path in sorted((folder / "cards").glob("*.yaml"))
    }


def find_card(name: str) -> Card:
    """Find a card by name, or read the one at a path.

    Raises:
        UsageError: If there is none of that name.
        DataError: If the file is not a valid card.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return read_card(path)
    paths = card_paths()
    if name not in paths:
        raise suggest("card", name, paths)
    return read_card(paths[name])


def read_card(path: Path) -> Card:
    """Read one card.

    Raises:
        DataError: If the file is not a valid card.
    """
    return read_settings(path, Card, "a valid card")

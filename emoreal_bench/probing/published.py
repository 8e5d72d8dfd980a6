"""Rows that others report: scores from publications, kept with source and confidence.

They stand beside measured ones only where the same questions were asked in the
same words and read by the same rules, and they are never ranked with them.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.task import PAPER_VARIANT
from emoreal_bench.contracts.vocabulary import JudgedDimension, QuestionType
from emoreal_bench.record.departures import task_media
from emoreal_bench.resources import package_folders


class Confidence(StrEnum):
    """How far a reported value can be relied on."""

    HIGH = "high"
    """Two or more independent sources agree, or arithmetic with other values ties it down."""
    MEDIUM = "medium"
    """One source, or placed in its column by inference."""
    LOW = "low"
    """One source, and doubtful."""


class ReportedValue(Record):
    """One number of a publication."""

    value: float = Field(ge=0.0, le=1.0)
    confidence: Confidence


class ReportedRating(Record):
    """One mean rating by a judge, from 1 to 10; more is better."""

    value: float = Field(ge=1.0, le=10.0)
    confidence: Confidence


class ReportedRow(Record):
    """What a publication says of one model. Everything but ratings is a fraction."""

    model: str
    sources: tuple[str, ...] = Field(min_length=1)
    """Keys of :attr:`PublishedRows.sources`."""
    note: str | None = None
    average_accuracy: ReportedValue | None = None
    accuracy: dict[str, ReportedValue] = Field(default_factory=dict)
    """By subtask."""
    f1: dict[str, ReportedValue] = Field(default_factory=dict)
    """By subtask: the harmonic mean of yes-recall and no-recall."""
    uar: dict[str, ReportedValue] = Field(default_factory=dict)
    """By subtask."""
    war: dict[str, ReportedValue] = Field(default_factory=dict)
    """By subtask."""
    weighted_f1: dict[str, ReportedValue] = Field(default_factory=dict)
    """By subtask."""
    ratings: dict[JudgedDimension, ReportedRating] = Field(default_factory=dict)
    """Of free descriptions, by a judge."""
    type_accuracy: dict[QuestionType, ReportedValue] = Field(default_factory=dict)
    """By question type: the mean of its subtasks' accuracies."""
    type_f1: dict[QuestionType, ReportedValue] = Field(default_factory=dict)
    """By question type: the mean of its subtasks' F1."""
    spurious_rate: ReportedValue | None = None
    """One less what the publication prints."""
    hallucination_rate: ReportedValue | None = None
    """One less what the publication prints."""


class PublishedRows(Record):
    """A file of ``leaderboards/published``."""

    schema_version: Literal[1] = Field(alias="schema")
    task: str
    items: int | None = Field(default=None, ge=1)
    """Number of items that the publication asked; null where it does not say."""
    citation: str
    statement: str
    """How far the rows were checked, in words that stand beside every one of them."""
    sources: dict[str, str]
    rows: tuple[ReportedRow, ...]

    @model_validator(mode="after")
    def _every_source_is_described(self) -> Self:
        named = {source for row in self.rows for source in row.sources}
        if unknown := sorted(named - self.sources.keys()):
            raise ValueError(f"rows name sources that are not described: {', '.join(unknown)}")
        return self

    def speaks_of(self, manifest: Manifest) -> bool:
        """Whether a run asked what the publication asked: all items, its prompt, whole clips."""
        request = manifest.request
        return (
            manifest.task == self.task
            and manifest.data.items == self.items
            and request.variant == PAPER_VARIANT
            and request.media == task_media(manifest.task_definition)
            and request.choice_shuffle_seed is None
            and request.shots == 0
        )


def load_published_rows() -> list[PublishedRows]:
    """Read the rows that come with the package, by file name.

    Raises:
        DataError: If a file does not follow the schema.
    """
    return [
        read_published_rows(path)
        for folder in package_folders("emoreal_bench.leaderboards")
        for path in sorted((folder / "published").glob("*.json"))
    ]


def read_published_rows(path: Path) -> PublishedRows:
    """Read one file of published rows.

    Raises:
        DataError: If the file does not follow the schema.
    """
    try:
        return PublishedRows.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(f"{place}: {first['msg']}.", where=str(path)) from error

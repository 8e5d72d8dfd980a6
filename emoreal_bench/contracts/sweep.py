"""A sweep: models x tasks x settings in one file, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from emoreal_bench.contracts.base import ArgumentText, Record, refuse_yes_and_no
from emoreal_bench.contracts.scores import Interval
from emoreal_bench.contracts.vocabulary import Alteration, AnswerMethod, GivenMedia


class SweepModel(Record):
    """A model of a sweep that needs more than its name."""

    model: str
    lora: str | None = None
    """Folder of a LoRA adapter, seen from the folder of the file."""
    arguments: dict[str, ArgumentText] = Field(default_factory=dict)
    """What ``--model-arg`` takes."""


class SweepTask(Record):
    """A task of a sweep that needs more than its name."""

    task: str
    """A name, or the path of a YAML file, seen from the folder of the sweep's file."""
    data: str | None = None
    """The data folder, seen from the folder of the file; null makes the synthetic benchmark."""
    arguments: dict[str, ArgumentText] = Field(default_factory=dict)
    """What ``--data-arg`` takes."""


class SweepSettings(Record):
    """Each key takes one value or a list; every combination of the lists is asked."""

    variant: tuple[str, ...] = Field(default=(), max_length=100)
    answer: tuple[AnswerMethod, ...] = Field(default=(), max_length=10)
    modalities: tuple[GivenMedia, ...] = Field(default=(), max_length=4)
    alter: tuple[Alteration, ...] = Field(default=(), max_length=10)
    shuffle_choices: tuple[int | None, ...] = Field(default=(), max_length=1000)
    """Seeds; null leaves the letters."""
    shots: tuple[int, ...] = Field(default=(), max_length=100)
    frames: tuple[int, ...] = Field(default=(), max_length=100)
    """Frames of a clip, instead of what the task wants; so are the next three."""
    size: tuple[int | None, ...] = Field(default=(), max_length=100)
    """Shorter side of a frame in pixels; null keeps the size of the file."""
    sampling: tuple[Literal["ends", "middles"], ...] = Field(default=(), max_length=2)
    max_seconds: tuple[float, ...] = Field(default=(), max_length=100)
    """Of sound."""
    repeat: tuple[int, ...] = Field(default=(), max_length=1000)
    """Numbers of repeats, which are added to the seed of the generation."""

    @field_validator("*", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        values = tuple(value) if isinstance(value, list | tuple) else (value,)
        for one in values:
            refuse_yes_and_no(one)
        if not values:
            raise ValueError("the list is empty; leave the key out")
        if len({*map(repr, values)}) < len(values):
            raise ValueError("a value stands in the list twice")
        return values

    def lists(self) -> Mapping[str, tuple[Any, ...]]:
        """Return the keys that are set, with their values."""
        return {
            name: getattr(self, name) for name in type(self).model_fields if getattr(self, name)
        }


class Sweep(Record):
    """The file that ``emoreal-bench sweep`` takes."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    models: tuple[SweepModel, ...] = Field(min_length=1, max_length=1000)
    tasks: tuple[SweepTask, ...] = Field(min_length=1, max_length=1000)
    settings: SweepSettings = SweepSettings()
    limit: int | None = Field(default=None, ge=1)
    """Ask only this many items of each task, spread over its subtasks."""

    @field_validator("models", mode="before")
    @classmethod
    def _models_by_name(cls, value: Any) -> Any:
        return _named("model", value)

    @field_validator("tasks", mode="before")
    @classmethod
    def _tasks_by_name(cls, value: Any) -> Any:
        return _named("task", value)


class SweepRow(Record):
    """One combination, and what came of it."""

    model: str
    task: str
    settings: dict[str, str | int | float | None]
    folder: str | None = None
    """Of the run; null where there is none."""
    coverage: float | None = None
    average_accuracy: float | None = None
    """Under strict; null where the task has none."""
    interval: Interval | None = None
    problem: str | None = None
    """Why the combination has no complete run."""


class SweepReport(Record):
    """What ``emoreal-bench sweep --json`` prints."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    rows: tuple[SweepRow, ...]

    @property
    def is_complete(self) -> bool:
        """Return whether every combination was run, and every item of it came back."""
        return all(row.coverage == 1 and row.problem is None for row in self.rows)


def _named(key: str, value: Any) -> Any:
    """Let a name stand for a record that has only a name, and one record for a list of one."""
    entries = value if isinstance(value, list | tuple) else [value]
    return [{key: entry} if isinstance(entry, str) else entry for entry in entries]

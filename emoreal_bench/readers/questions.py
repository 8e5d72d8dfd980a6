"""Your own questions: a table, JSON lines or a JSON list, one question each.

``questions.csv``, ``.tsv``, ``.jsonl``, ``.json`` or ``.parquet`` has the columns that
:class:`emoreal_bench.contracts.task.Columns` lists, under these names or those that the task
gives them; any other column is metadata. ``docs/own-questions.md`` shows one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from emoreal_bench.choices import letters_of, polarity, split_choice
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Item, id_text
from emoreal_bench.contracts.task import Columns, Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.clip_files import (
    PathOptions,
    check_relative,
    find_annotations,
    read_options,
)
from emoreal_bench.readers.listed_clips import ListedClips, find_listed_clips
from emoreal_bench.readers.question_rows import (
    MOST_OPTIONS,
    cell_text,
    find_letter,
    fold,
    means_yes_or_no,
    read_option_cells,
)
from emoreal_bench.readers.question_rows import read_options as read_option_cell
from emoreal_bench.readers.records import CHOICES, MalformedItem, Problems, iterate_records
from emoreal_bench.readers.validation import check_item

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx")
ANNOTATIONS = tuple(f"questions{suffix}" for suffix in SUFFIXES)
METADATA = ("modality", "category", "group", "pair")
"""Columns whose values are kept under these names."""
_CATEGORIES = ("hallucination", "spurious", "no_hallucination")
_OPTION_COLUMNS = tuple(
    tuple(first[:-1] + chr(ord(first[-1]) + place) for place in range(MOST_OPTIONS))
    for first in ("option_a", "A")
)
_REMEDY = "docs/own-questions.md describes the columns, and how a task names them."


class QuestionOptions(PathOptions):
    """Options of the reader."""

    first_index: int | None = Field(default=None, ge=0, le=1)
    """Answers are numbers of options, and this is that of the first."""
    parted_by: str | None = Field(default=None, min_length=1)
    """What parts the options in one text."""
    question: str | None = None
    """What is asked of every clip, where the table has no column of questions."""


def read(task: Task, root: Path, options: Options) -> Dataset:
    """Read the questions."""
    chosen = read_options(QuestionOptions, options, "questions")
    path = find_annotations(root, chosen.annotations, *ANNOTATIONS)
    items = _read(task, path, chosen)
    names = dict.fromkeys(item.clip for item in items)
    clips = find_listed_clips(ListedClips(root, path, chosen.videos), names)
    return Dataset(items, clips, (path,))


def read_annotations(task: Task, path: Path) -> list[Item]:
    """Read the questions from the file alone, without looking for clips."""
    return _read(task, path, read_options(QuestionOptions, task.data.options, "questions"))


def _read(task: Task, path: Path, options: QuestionOptions) -> list[Item]:
    problems = Problems(path, _REMEDY)
    places: dict[str, str] = {}
    known: dict[str, None] = {}
    maker = _ItemMaker(task, options)
    items: list[Item] = []
    for number, (place, record) in enumerate(iterate_records(path), start=1):
        row = place.removeprefix("on ").removeprefix("in ")
        try:
            if not isinstance(record, Mapping):
                raise MalformedItem('it is not an object; write {"id": ..., "clip": ..., ...}')
            known.update(dict.fromkeys(record))
            item = maker.make(number, record)
            if item.id in places:
                again = f"its id {item.id} appears twice, in {places[item.id]} before"
                raise MalformedItem(f"{again}; give each question an id of its own")
            places[item.id] = row
            items.append(item)
        except MalformedItem as problem:
            problems.add_line(f"{path.name}, {row}", str(problem))
    _refuse_absent_columns(task.data.columns, options, path, known)
    problems.raise_if_any()
    if not items:
        raise DataError("The file holds no items.", where=str(path), remedy=_REMEDY)
    return items


def _refuse_absent_columns(
    columns: Columns, options: QuestionOptions, path: Path, known: Collection[str]
) -> None:
    """Refuse a table without a column that every question needs, or that the task names."""
    needed = ("clip", "answer", *(() if options.question else ("question",)))
    named = {role: name for role, name in columns.model_dump().items() if name is not None}
    absent: dict[str, str] = {}
    for role, names in ({role: role for role in needed} | named).items():
        for name in [names] if isinstance(names, str) else names:
            if name not in known:
                absent.setdefault(role, name)
    if absent and known:
        listed = [name if name == role else f"{name} ({role})" for role, name in absent.items()]
        entries = ", ".join(f"{role}: COLUMN" for role in absent)
        raise DataError(
            f"It has no column {', '.join(listed)}.",
            where=str(path),
            remedy=f"It has {', '.join(map(str, known))}. Name the right one in the task: "
            f"data: {{columns: {{{entries}}}}}.",
        )


@dataclass(frozen=True)
class _ItemMaker:
    """Makes items of the rows of one table."""

    task: Task
    options: QuestionOptions

    def make(self, number: int, record: Mapping[Any, Any]) -> Item:
        """Make an item of a row.

        Raises:
            MalformedItem: With what is wrong, and what to do.
        """
        row = _Row(record, self.task.data.columns)
        choices, places = options_of(record, row.columns, self.options.parted_by)
        answer = cell_text(row.value("answer"))
        if not answer:
            raise MalformedItem("its answer is empty; fill it in, or take the row out")
        subtask = self._subtask(row, choices, answer)
        kind = self.task.subtasks[subtask].answer
        if kind in (AnswerKind.CHOICE, AnswerKind.YES_NO):
            if kind is AnswerKind.YES_NO and not choices:
                choices = CHOICES
            _check_letters(choices)
            answer = find_letter(answer, choices, places, self.options.first_index)
        elif kind is AnswerKind.LABEL:
            labels = {fold(label): label for label in self.task.subtasks[subtask].labels}
            answer = labels.get(fold(answer), answer)
        item = Item(
            id=self._id(row, number),
            subtask=subtask,
            question=self._question(row),
            choices=choices,
            answer=answer,
            clip=row.clip(),
            metadata=dict(row.metadata()) or None,
        )
        try:
            check_item(self.task, item)
        except MalformedItem as problem:
            raise MalformedItem(f"{problem}; correct the row, or the task") from problem
        return item

    def _id(self, row: _Row, number: int) -> str:
        value = row.value("id")
        if not row.has("id"):
            return str(number)
        identity = None if isinstance(value, bool) else id_text(value)
        if identity is None:
            raise MalformedItem("its id is wrong: write a text or a whole number")
        return identity.strip()

    def _question(self, row: _Row) -> str:
        question = cell_text(row.value("question")) or self.options.question or ""
        if not question:
            raise MalformedItem("its question is empty; fill it in, or take the row out")
        return question

    def _subtask(self, row: _Row, choices: Sequence[str], answer: str) -> str:
        subtasks = self.task.subtasks
        named = cell_text(row.value("subtask"))
        if named and named not in subtasks:
            known = ", ".join(subtasks)
            raise MalformedItem(
                f"its subtask is {named!r}; it must be one of {known}, or the task has to have it"
            )
        if named or len(subtasks) == 1:
            return named or next(iter(subtasks))
        fitting = self._fitting(choices, answer)
        if len(fitting) != 1:
            raise MalformedItem(f"it names no subtask; write one of {', '.join(subtasks)}")
        return fitting[0]

    def _fitting(self, choices: Sequence[str], answer: str) -> list[str]:
        """Return the subtasks of the kind that a question is of, where no cell tells."""
        kinds = {name: subtask.answer for name, subtask in self.task.subtasks.items()}
        kind = kind_of(choices, answer)
        if kind is AnswerKind.YES_NO and kind not in kinds.values() and choices:
            kind = AnswerKind.CHOICE
        fitting = [name for name, one in kinds.items() if one is kind]
        if choices or fitting:
            return fitting
        labelled = [
            name
            for name, subtask in self.task.subtasks.items()
            if fold(answer) in map(fold, subtask.labels)
        ]
        return labelled or [name for name, one in kinds.items() if one is AnswerKind.OPEN]


def kind_of(choices: Sequence[str], answer: str) -> AnswerKind | None:
    """Return which kind of question a row asks, as far as one row tells; else None."""
    if not choices:
        return AnswerKind.YES_NO if means_yes_or_no(answer) else None
    try:
        meanings = [polarity(split_choice(choice)[1]) for choice in choices]
    except ValueError:
        return AnswerKind.CHOICE
    polar = len(meanings) == 2 and set(meanings) == {True, False}
    return AnswerKind.YES_NO if polar else AnswerKind.CHOICE


def _check_letters(choices: Sequence[str]) -> None:
    if len(choices) < 2:
        raise MalformedItem(
            "its choices are not a list of two or more; write them, or let the subtask be open"
        )
    try:
        letters_of(choices)
    except ValueError as problem:
        raise MalformedItem(f"{problem}; give all of them one, or none") from problem


@dataclass(frozen=True)
class _Row:
    """The cells of one row, by what they are for."""

    record: Mapping[Any, Any]
    columns: Columns

    def _column(self, role: str) -> str:
        return getattr(self.columns, role) or role

    def has(self, role: str) -> bool:
        """Return whether there is a column for it."""
        return self._column(role) in self.record

    def value(self, role: str) -> object:
        """Return the cell as it stands there; of one that holds a file, its path."""
        value = self.record.get(self._column(role))
        return value.get("path", value) if isinstance(value, Mapping) else value

    def clip(self) -> str:
        """Return the name of the clip."""
        name = cell_text(self.value("clip"))
        if not name:
            raise MalformedItem("its clip is empty; write the name of its file")
        try:
            check_relative(name, "clip")
        except MalformedItem as problem:
            way = "write its path below the folder of the clips"
            raise MalformedItem(f"{problem}; {way}") from problem
        return name

    def metadata(self) -> Iterator[tuple[str, str]]:
        """Yield what else the row says."""
        used = {self._column(role) for role in ("id", "clip", "question", "answer", "subtask")}
        options = option_columns(self.columns, self.record)
        used.update([options] if isinstance(options, str) else options)
        for role in METADATA:
            used.add(self._column(role))
            text = cell_text(self.record.get(self._column(role)))
            if role == "category":
                word = fold(text).replace(" ", "_").replace("-", "_")
                text = word if word in _CATEGORIES else text
            if text:
                yield role, text
        for column, value in self.record.items():
            text = "" if column in used else cell_text(value)
            if column and text and not str(column).startswith("__index_level_"):
                yield str(column), text


def options_of(
    record: Mapping[Any, Any], columns: Columns, parted_by: str | None
) -> tuple[tuple[str, ...], Sequence[str]]:
    """Return the options of a row, and the columns that they stand in if each has one.

    Raises:
        MalformedItem: If they cannot be read.
    """
    names = option_columns(columns, record)
    if isinstance(names, str):
        return read_option_cell(record.get(names), parted_by), ()
    return read_option_cells([record.get(name) for name in names]), names


def option_columns(columns: Columns, names: Mapping[Any, Any]) -> str | Sequence[str]:
    """Return the column of the options, or those that hold one each; none if there is none."""
    if columns.options is not None:
        return columns.options
    if "options" in names:
        return "options"
    for listed in _OPTION_COLUMNS:
        if listed[0] in names and listed[1] in names:
            return [name for name in listed if name in names]
    return ()

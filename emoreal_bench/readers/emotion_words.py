"""What the emotion-word data sets share: one question, one class per clip."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.file_names import one_form
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.clip_files import (
    VIDEO_SUFFIXES,
    AnnotatedClipOptions,
    find_annotations,
    find_clips,
    read_options,
)
from emoreal_bench.readers.records import MalformedItem, Problems
from emoreal_bench.readers.tables import Row, read_table

QUESTION = "Describe the emotion of the person in the video in one word."
"""The paper's question, for all of these data sets."""


def clip_name(written: str) -> str:
    """Return the name of a clip as an annotation writes it, without a video's extension.

    Raises:
        MalformedItem: If it is empty or a path.
    """
    path = PurePosixPath(written)
    name = path.stem if path.suffix.lower() in VIDEO_SUFFIXES else written
    if not name.strip(" ."):
        raise MalformedItem("the name of its clip is empty")
    if any(character in name for character in "/\\:\0"):
        raise MalformedItem("the name of its clip is a path")
    return name


@dataclass(frozen=True, slots=True)
class LabelTable:
    """How a data set writes the classes of its clips down.

    Attributes:
        name_column: The column with the names of the clips.
        label_column: The column with their labels.
        classes: A label as written to the name of its class; or what turns free
            text into the answer, empty if there is none.
        name_pattern: What the name of a clip looks like, as a regular expression.
        key_of: Turns the name of a clip, or of its file, into its key.
        question: What is asked about every clip.
    """

    name_column: str
    label_column: str
    classes: Mapping[str, str] | Callable[[str], str]
    name_pattern: str = ".+"
    key_of: Callable[[str], str] = str
    question: str = QUESTION

    def read_items(self, path: Path, subtask: str) -> list[Item]:
        """Read one item for each row.

        Raises:
            DataError: With every problem found.
        """
        problems = Problems(
            path, remedy="Get the file again from its owner, or correct these lines."
        )
        items: dict[str, Item] = {}
        for row in read_table(path, (self.name_column, self.label_column)):
            written = row.cells[self.name_column]
            try:
                item = self._item(row, subtask)
                if one_form(item.id) in items:
                    raise MalformedItem("its clip appears twice in the file")
                items[one_form(item.id)] = item
            except MalformedItem as error:
                problems.add(f"{written!r} (line {row.line})", str(error))
        problems.raise_if_any()
        return list(items.values())

    def read_annotations(self, task: Task, path: Path) -> list[Item]:
        """Read the items of a task of one subtask from the table alone, without its clips."""
        subtask = only_subtask(task)
        items = self.read_items(path, subtask)
        if task.subtasks[subtask].answer is not AnswerKind.LABEL:
            return items
        return keep_asked_classes(task, items, path)[0]

    def _item(self, row: Row, subtask: str) -> Item:
        name = clip_name(row.cells[self.name_column])
        if not re.fullmatch(self.name_pattern, name, re.ASCII):
            raise MalformedItem("its clip is not named like one of this data set")
        key = self.key_of(name)
        return Item(key, subtask, self.question, (), self._answer(row), key)

    def _answer(self, row: Row) -> str:
        column, label = self.label_column, row.cells[self.label_column]
        if not isinstance(self.classes, Mapping):
            if answer := self.classes(label):
                return answer
            raise MalformedItem(f"its {column} is empty")
        if label not in self.classes:
            known = ", ".join(self.classes)
            raise MalformedItem(f"its {column} is {label!r}; it must be one of {known}")
        return self.classes[label]


def only_subtask(task: Task) -> str:
    """Return the name of the one subtask of a task.

    Raises:
        DataError: If the task has several, which this kind of data cannot fill.
    """
    names = list(task.subtasks)
    if len(names) > 1:
        raise DataError(
            f"The reader {task.data.reader} fills one subtask; the task has {', '.join(names)}.",
            where=task.name,
            remedy="Leave one subtask in the task file.",
        )
    return names[0]


def keep_asked_classes(
    task: Task, items: Iterable[Item], path: Path
) -> tuple[list[Item], tuple[str, ...]]:
    """Leave out the clips of classes that the task does not ask for.

    Args:
        task: Names the classes of each subtask.
        items: All clips of the data set's split.
        path: Where they come from, for the error.

    Returns:
        The kept items, and one note for each class that was left out.

    Raises:
        DataError: If no item is kept.
    """
    kept: list[Item] = []
    left_out: Counter[str] = Counter()
    for item in items:
        if item.answer in task.subtasks[item.subtask].labels:
            kept.append(item)
        else:
            left_out[item.answer] += 1
    if not kept:
        raise DataError(
            "There is no clip of a class that the task asks for.",
            where=str(path),
            remedy="Check that this is the data set and split that the task names.",
        )
    notes = tuple(
        f"clips of the class {label} left out, as {task.name} does not ask for it: {count}"
        for label, count in sorted(left_out.items())
    )
    return kept, notes


def read_labelled_clips(
    task: Task, root: Path, options: Options, annotations: str, table: LabelTable
) -> Dataset:
    """Read a data set that is one table of labels and the clips it names.

    Args:
        task: Its one subtask says which classes are asked for.
        root: The user's folder.
        options: As the task file and the user gave them.
        annotations: Name of the table.
        table: How it is written.

    Raises:
        DataError: With every problem found.
        MissingExtraError: If the table is a workbook and openpyxl is not installed.
        UsageError: For an option that does not exist.
    """
    chosen = read_options(AnnotatedClipOptions, options, task.data.reader)
    path = find_annotations(root, chosen.annotations, annotations)
    items = table.read_items(path, only_subtask(task))
    kept, notes = keep_asked_classes(task, items, path)
    clips = find_clips(root, chosen, [item.clip for item in kept], table.key_of)
    return Dataset(kept, clips, (path,), notes)

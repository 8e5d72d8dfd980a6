"""DFEW: film clips of seven emotions, in the five folds of its owner.

The labels of a fold's test part are in ``test(single-labeled)/set_N.csv``
(``video_name``, ``label``), its clips below folders ``part_1`` to ``part_11``,
named by their number with or without leading zeros. The paper uses fold 1.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic import Field

from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.clip_files import (
    AnnotatedClipOptions,
    find_annotations,
    find_clips,
    read_options,
)
from emoreal_bench.readers.emotion_words import LabelTable, keep_asked_classes, only_subtask

CLASSES = {
    "0": "no single label",
    "1": "happiness",
    "2": "sadness",
    "3": "neutral",
    "4": "anger",
    "5": "surprise",
    "6": "disgust",
    "7": "fear",
}
_FOLD_PREFIX = "fold_"


class DfewOptions(AnnotatedClipOptions):
    """Options of the reader."""

    fold: int | None = Field(default=None, ge=1, le=5)
    """The fold whose test part is read, 1 if not given; not for a task of all folds."""


def read(task: Task, root: Path, options: Options) -> Dataset:
    """Read the test part of one fold, or of each fold that has a subtask ``fold_N``.

    Raises:
        DataError: With every problem found.
        UsageError: For an option that does not exist or does not fit the task.
    """
    chosen = read_options(DfewOptions, options, "dfew")
    items: list[Item] = []
    sources: list[Path] = []
    for subtask, fold in _folds(task, chosen).items():
        name = f"test(single-labeled)/set_{fold}.csv"
        path = find_annotations(root, chosen.annotations, name)
        items += TABLE.read_items(path, subtask)
        sources.append(path)
    _refuse_overlap(items, root)
    kept, notes = keep_asked_classes(task, items, root)
    clips = find_clips(root, chosen, [item.clip for item in kept], _number)
    return Dataset(kept, clips, tuple(sources), notes)


def read_annotations(task: Task, path: Path) -> list[Item]:
    """Read the items of one fold's file alone, without looking for clips.

    For a task of all folds, the other files lie beside it, as their owner names them.
    """
    folds = _folds(task, DfewOptions())
    items: list[Item] = []
    for subtask, fold in folds.items():
        file = path if len(folds) == 1 else path.with_name(f"set_{fold}.csv")
        items += TABLE.read_items(file, subtask)
    _refuse_overlap(items, path)
    return keep_asked_classes(task, items, path)[0]


def _folds(task: Task, options: DfewOptions) -> dict[str, int]:
    folds = {
        name: int(name.removeprefix(_FOLD_PREFIX))
        for name in task.subtasks
        if name.startswith(_FOLD_PREFIX) and name.removeprefix(_FOLD_PREFIX).isdecimal()
    }
    if not folds:
        return {only_subtask(task): options.fold or 1}
    if options.fold is not None or options.annotations is not None:
        raise UsageError(
            f"The task {task.name} reads all folds, so fold and annotations cannot be chosen.",
            remedy="Leave them out, or take the task dfew.",
        )
    return folds


def _refuse_overlap(items: list[Item], root: Path) -> None:
    counts = Counter(item.id for item in items)
    doubles = [number for number, count in counts.items() if count > 1]
    if doubles:
        raise DataError(
            f"{len(doubles)} clips are in the test parts of two folds, for example {doubles[0]}.",
            where=str(root),
            remedy="Get the folds again from their owner; no clip may be tested twice.",
        )


def _number(name: str) -> str:
    """Write a clip's number without leading zeros; names that are none stay as they are."""
    return str(int(name)) if name.isascii() and name.isdecimal() else name


TABLE = LabelTable("video_name", "label", CLASSES, r"\d{1,5}", _number)

"""Items from an annotation file alone, to score predictions that were made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.readers import emorealm
from emoreal_bench.readers.records import Problems, iterate_records


def load_annotations(task: Task, path: Path) -> list[Item]:
    """Read the items of a task from one file, without looking for clips.

    Args:
        task: EmoReAlM or a task of its layout, or a task of one label subtask.
        path: The data set's own file; for a label task a table, JSON lines or
            a JSON list of ``id`` and ``label``.

    Raises:
        DataError: If the file is absent or not valid.
        UsageError: If predictions of this task cannot be scored from one file.
    """
    if not path.is_file():
        raise DataError("There is no such annotation file.", where=str(path))
    if task.data.reader == "emorealm":
        return emorealm.read_annotations(task, path)
    labelled = [name for name, kind in task.subtasks.items() if kind.answer is AnswerKind.LABEL]
    if len(task.subtasks) != 1 or not labelled:
        raise UsageError(
            f"Predictions for {task.name} cannot be scored from an annotation file.",
            remedy="Run the task, or score its run folder.",
        )
    return _labels(task, labelled[0], path)


def _labels(task: Task, subtask: str, path: Path) -> list[Item]:
    labels = task.subtasks[subtask].labels
    problems = Problems(path, remedy=f"Each item has an id and one label of {', '.join(labels)}.")
    items: dict[str, Item] = {}
    for place, value in iterate_records(path):
        record = value if isinstance(value, Mapping) else {}
        name = str(record.get("id") or place)
        label = str(record.get("label") or "").strip().lower()
        if not record.get("id"):
            problems.add(name, "it has no id")
        elif name in items:
            problems.add(name, "its id appears twice in the file")
        elif label not in labels:
            problems.add(name, f"its label is {record.get('label')!r}")
        items[name] = Item(name, subtask, "", (), label, name)
    problems.raise_if_any()
    if not items:
        raise DataError("The file holds no items.", where=str(path))
    return list(items.values())

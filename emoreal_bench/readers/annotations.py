"""Items from an annotation file alone, to score predictions that were made elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Item, id_text
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.readers import (
    avhbench,
    cmm,
    dfew,
    emorealm,
    emotionhallucer,
    mafw,
    mer2023,
    mer2025,
    questions,
)
from emoreal_bench.readers.records import Problems, iterate_records

_OWN_FILES: Mapping[str, Callable[[Task, Path], list[Item]]] = {
    "avhbench": avhbench.read_annotations,
    "cmm": cmm.read_annotations,
    "dfew": dfew.read_annotations,
    "emer": mer2025.DESCRIPTION_TABLE.read_annotations,
    "emorealm": emorealm.read_annotations,
    "emotionhallucer": emotionhallucer.read_annotations,
    "mafw": mafw.TABLE.read_annotations,
    "mer2023": mer2023.TABLE.read_annotations,
    "ov-merd": mer2025.OPEN_LABEL_TABLE.read_annotations,
    "questions": questions.read_annotations,
}
"""By reader: how the file that the data set's owner publishes is read. RAVDESS has none."""


def load_annotations(task: Task, path: Path) -> list[Item]:
    """Read the items of a task from one file, without looking for clips.

    Args:
        task: Whose predictions are to be scored.
        path: The data set's own file; for a task of one label subtask also a
            table, JSON lines or a JSON list of ``id`` and ``label``.

    Raises:
        DataError: If the file is absent or not valid.
        UsageError: If predictions of this task cannot be scored from one file.
    """
    if not path.is_file():
        raise DataError("There is no such annotation file.", where=str(path))
    own = _OWN_FILES.get(task.data.reader)
    labelled = [name for name, kind in task.subtasks.items() if kind.answer is AnswerKind.LABEL]
    is_own = own is questions.read_annotations  # A table of one's own says what its columns are.
    if len(task.subtasks) == 1 and labelled and not is_own and (not own or _names_labels(path)):
        return _labels(task, labelled[0], path)
    if own is None:
        raise UsageError(
            f"Predictions for {task.name} cannot be scored from an annotation file.",
            remedy="Run the task, or score its run folder.",
        )
    return own(task, path)


def _names_labels(path: Path) -> bool:
    """Return whether a file is one of ids and labels, and not the data set's own."""
    _, first = next(iterate_records(path), ("", None))
    return not isinstance(first, Mapping) or "id" in first


def _labels(task: Task, subtask: str, path: Path) -> list[Item]:
    labels = task.subtasks[subtask].labels
    problems = Problems(path, remedy=f"Each item has an id and one label of {', '.join(labels)}.")
    items: dict[str, Item] = {}
    for place, value in iterate_records(path):
        record: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        identity = id_text(record.get("id"))
        name = place if identity is None else identity
        written = record.get("label")
        label = "" if written is None else str(written).strip().lower()
        if identity is None:
            problems.add(name, "it has no id")
        elif name in items:
            problems.add(name, "its id appears twice in the file")
        elif label not in labels:
            problems.add(name, f"its label is {written!r}")
        items[name] = Item(name, subtask, "", (), label, name)
    problems.raise_if_any()
    if not items:
        raise DataError("The file holds no items.", where=str(path))
    return list(items.values())

"""MER2025: clips described in free text, from the training data of its tracks 2 and 3.

``emer`` reads ``track3_train_ovmerd.csv`` (``name``, ``reason``), whose
descriptions are what the paper calls EMER; ``ov-merd`` reads
``track2_train_ovmerd.csv`` (``name``, ``openset``), a list of emotions in free
words. The answers are references for a judge.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.clip_files import find_annotations, find_clips
from emoreal_bench.readers.emotion_words import clip_name, only_subtask
from emoreal_bench.readers.options import AnnotatedClipOptions, read_options
from emoreal_bench.readers.problems import MalformedItem, Problems
from emoreal_bench.readers.tables import read_table

DESCRIPTIONS = "track3_train_ovmerd.csv"
OPEN_LABELS = "track2_train_ovmerd.csv"
DESCRIBE = "Describe the emotion of the person in the video in detail."
"""The paper's question."""
NAME_ALL = "Name every emotion that the person in the video shows."


def read_descriptions(task: Task, root: Path, options: Options) -> Dataset:
    """Read the descriptions (EMER).

    Raises:
        DataError: With every problem found.
        UsageError: For an option that does not exist.
    """
    return _read(task, root, options, (DESCRIPTIONS, "reason", DESCRIBE), str)


def read_open_labels(task: Task, root: Path, options: Options) -> Dataset:
    """Read the lists of emotions (OV-MERD).

    Raises:
        DataError: With every problem found.
        UsageError: For an option that does not exist.
    """
    return _read(task, root, options, (OPEN_LABELS, "openset", NAME_ALL), _label_list)


def _read(
    task: Task,
    root: Path,
    options: Options,
    layout: tuple[str, str, str],
    reference_of: Callable[[str], str],
) -> Dataset:
    annotations, column, question = layout
    chosen = read_options(AnnotatedClipOptions, options, task.data.reader)
    path = find_annotations(root, chosen.annotations, annotations)
    subtask = only_subtask(task)
    problems = Problems(path, remedy="Get the file again from its owner, or correct these lines.")
    items: dict[str, Item] = {}
    for row in read_table(path, ("name", column)):
        try:
            name = clip_name(row.cells["name"])
            reference = reference_of(row.cells[column])
            if not reference:
                raise MalformedItem(f"its {column} is empty")
            if name in items:
                raise MalformedItem("its clip stands twice in the file")
        except MalformedItem as error:
            problems.add(f"{row.cells['name']!r} (line {row.line})", str(error))
        else:
            items[name] = Item(name, subtask, question, (), reference, name)
    problems.raise_if_any()
    return Dataset(list(items.values()), find_clips(root, chosen, list(items)), (path,))


def _label_list(written: str) -> str:
    """Write ``['happy', 'moved']`` or ``[happy, moved]`` as ``happy, moved``."""
    inner = written.removeprefix("[").removesuffix("]")
    labels = (label.strip().strip("'\"").strip() for label in inner.split(","))
    return ", ".join(label for label in labels if label)

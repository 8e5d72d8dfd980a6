"""MER2025: clips described in free text, from the training data of its tracks 2 and 3.

``emer`` reads ``track3_train_ovmerd.csv`` (``name``, ``reason``), whose
descriptions are what the paper calls EMER; ``ov-merd`` reads
``track2_train_ovmerd.csv`` (``name``, ``openset``), a list of emotions in free
words. The answers are references for a judge.
"""

from __future__ import annotations

from pathlib import Path

from emoreal_bench.contracts.task import Task
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.clip_files import (
    AnnotatedClipOptions,
    find_annotations,
    find_clips,
    read_options,
)
from emoreal_bench.readers.emotion_words import LabelTable, only_subtask

DESCRIPTIONS = "track3_train_ovmerd.csv"
OPEN_LABELS = "track2_train_ovmerd.csv"
DESCRIBE = "Describe the emotion of the person in the video in detail."
"""The paper's question."""
NOTHING_SEEN = "neutral"
NAME_ALL = "Name every emotion that the person in the video shows."


def read_descriptions(task: Task, root: Path, options: Options) -> Dataset:
    """Read the descriptions (EMER)."""
    return _read(task, root, options, DESCRIPTIONS, DESCRIPTION_TABLE)


def read_open_labels(task: Task, root: Path, options: Options) -> Dataset:
    """Read the lists of emotions (OV-MERD)."""
    return _read(task, root, options, OPEN_LABELS, OPEN_LABEL_TABLE)


def _read(task: Task, root: Path, options: Options, name: str, table: LabelTable) -> Dataset:
    chosen = read_options(AnnotatedClipOptions, options, task.data.reader)
    path = find_annotations(root, chosen.annotations, name)
    items = table.read_items(path, only_subtask(task))
    return Dataset(items, find_clips(root, chosen, [item.clip for item in items]), (path,))


def _label_list(written: str) -> str:
    """Write ``['happy', 'moved']`` or ``[happy, moved]`` as ``happy, moved``.

    A list of nothing is "neutral", as for the owners' own loader; an empty cell is no list.
    """
    if not written:
        return ""
    inner = written.removeprefix("[").removesuffix("]")
    labels = (label.strip().strip("'\"").strip() for label in inner.split(","))
    return ", ".join(label for label in labels if label) or NOTHING_SEEN


DESCRIPTION_TABLE = LabelTable("name", "reason", str, question=DESCRIBE)
OPEN_LABEL_TABLE = LabelTable("name", "openset", _label_list, question=NAME_ALL)

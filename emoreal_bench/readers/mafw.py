"""MAFW: film clips of eleven emotions.

The clips of one emotion are listed in ``single-set.xlsx`` (``clip``,
``single_label``), or in a CSV file of the same columns; clips lie in one
folder, named like the rows. Which of the classes are asked for is said by the
task.
"""

from __future__ import annotations

from pathlib import Path

from emoreal_bench.contracts.task import Task
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.emotion_words import LabelTable, read_labelled_clips

ANNOTATIONS = "single-set.xlsx"
CLASSES = {
    "1": "anger",
    "2": "disgust",
    "3": "fear",
    "4": "happiness",
    "5": "neutral",
    "6": "sadness",
    "7": "surprise",
    "8": "contempt",
    "9": "anxiety",
    "10": "helplessness",
    "11": "disappointment",
}

TABLE = LabelTable("clip", "single_label", CLASSES, name_pattern=r"\d{5}")


def read(task: Task, root: Path, options: Options) -> Dataset:
    """Read the clips of one emotion."""
    return read_labelled_clips(task, root, options, ANNOTATIONS, TABLE)

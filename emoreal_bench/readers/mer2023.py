"""MER2023: Chinese film clips; the labelled part of its third test set.

Labels are in ``test3-label.csv`` (``name``, ``discrete``), clips in any folder
below, named like the rows. Which of the six classes are asked for is said by
the task: the paper leaves worry out.
"""

from __future__ import annotations

from pathlib import Path

from emoreal_bench.contracts.task import Task
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.emotion_words import LabelTable, read_labelled_clips

ANNOTATIONS = "test3-label.csv"
CLASSES = {
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprise",
    "angry": "anger",
    "neutral": "neutral",
    "worried": "worry",
}

TABLE = LabelTable("name", "discrete", CLASSES)


def read(task: Task, root: Path, options: Options) -> Dataset:
    """Read the labelled clips."""
    return read_labelled_clips(task, root, options, ANNOTATIONS, TABLE)

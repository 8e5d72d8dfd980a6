"""EmotionHallucer: pairs of yes/no questions, one of them about what is not there.

The owners have not released the questions yet, so there is no layout of theirs
to read. This reader takes ``emotionhallucer.json``, a list with one object for
each pair: ``id``, ``subtask``, ``media`` (a path below the data folder) and the
questions ``basic`` and ``hallucinated``, each with ``question`` and ``answer``.
``docs/data.md`` describes it.
"""

from __future__ import annotations

from pathlib import Path

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.clip_files import (
    PathOptions,
    check_relative,
    clips_by_path,
    find_annotations,
    read_options,
)
from emoreal_bench.readers.records import (
    CHOICES,
    ItemId,
    MalformedItem,
    Record,
    gold_letter,
    question_text,
    read_items,
)

ANNOTATIONS = "emotionhallucer.json"


class _Question(Record):
    question: str
    answer: str


class _Pair(Record):
    id: ItemId
    subtask: str
    media: str
    basic: _Question
    hallucinated: _Question


def read(task: Task, root: Path, options: Options) -> Dataset:
    """Read the pairs, two items each."""
    chosen = read_options(PathOptions, options, "emotionhallucer")
    path = find_annotations(root, chosen.annotations, ANNOTATIONS)
    items = read_annotations(task, path)
    return Dataset(items, clips_by_path(root, path, chosen, items), (path,))


def read_annotations(task: Task, path: Path) -> list[Item]:
    """Read the pairs from the file alone, without looking for clips."""
    pairs: set[str] = set()

    def make_items(_: int, pair: _Pair) -> list[Item]:
        if pair.id in pairs:
            raise MalformedItem(f"its id {pair.id!r} appears twice in the file")
        pairs.add(pair.id)
        return _items(task, pair)

    return read_items(path, _Pair, make_items)


def _items(task: Task, pair: _Pair) -> list[Item]:
    if not pair.id.strip():
        raise MalformedItem("its id is empty")
    if pair.subtask not in task.subtasks:
        known = ", ".join(task.subtasks)
        raise MalformedItem(f"its subtask is {pair.subtask!r}; it must be one of {known}")
    check_relative(pair.media, "media")
    return [
        Item(
            id=f"{pair.id}-{side}",
            subtask=pair.subtask,
            question=question_text(question.question),
            choices=CHOICES,
            answer=gold_letter(question.answer),
            clip=pair.media,
            metadata={"pair": pair.id, "side": side},
        )
        for side, question in (("basic", pair.basic), ("hallucinated", pair.hallucinated))
    ]

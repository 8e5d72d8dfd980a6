"""AVHBench: does a model see what it only hears, or hear what it only sees?

``QA.json`` is a list of objects with ``video_id``, ``task``, ``text`` and
``label``; clips are ``VIDEO_ID.mp4``. Seven questions stand in the file twice
about the same clip, two of them with contradictory labels: the first of each
is kept, and the data set's notes name the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.clip_files import (
    AnnotatedClipOptions,
    find_annotations,
    find_clips,
    read_options,
)
from emoreal_bench.readers.emotion_words import clip_name
from emoreal_bench.readers.records import (
    CHOICES,
    MalformedItem,
    Record,
    gold_letter,
    question_text,
    read_items,
)

ANNOTATIONS = "QA.json"
SUBTASKS = {
    "Audio-driven Video Hallucination": "audio_driven_video_hallucination",
    "Video-driven Audio Hallucination": "video_driven_audio_hallucination",
    "AV Matching": "av_matching",
    "AV Captioning": "av_captioning",
}


class _Question(Record):
    video_id: str
    task: str
    text: str
    label: str


def read(task: Task, root: Path, options: Options) -> Dataset:
    """Read the questions of all four kinds."""
    chosen = read_options(AnnotatedClipOptions, options, "avhbench")
    path = find_annotations(root, chosen.annotations, ANNOTATIONS)
    items, notes = _read(task, path)
    clips = find_clips(root, chosen, [item.clip for item in items])
    return Dataset(items, clips, (path,), notes)


def read_annotations(task: Task, path: Path) -> list[Item]:
    """Read the questions from the file alone, without looking for clips."""
    return _read(task, path)[0]


def _read(task: Task, path: Path) -> tuple[list[Item], tuple[str, ...]]:
    return _keep_first(
        read_items(path, _Question, lambda number, record: [_item(task, number, record)])
    )


def _keep_first(stated: Iterable[Item]) -> tuple[list[Item], tuple[str, ...]]:
    """Keep the first of the questions that are asked twice, and name the others in notes."""
    kept: dict[tuple[str, str], Item] = {}
    left_out: dict[str, list[str]] = {"the same label": [], "another label": []}
    for item in stated:
        first = kept.setdefault((item.clip, item.question), item)
        if first is not item:
            label = "the same label" if first.answer == item.answer else "another label"
            left_out[label].append(f"{item.clip}: {item.question}")
    notes = tuple(
        f"questions repeated with {label}, the first of each kept: {len(items)} "
        f"({', '.join(items)})"
        for label, items in left_out.items()
        if items
    )
    return list(kept.values()), notes


def _item(task: Task, number: int, question: _Question) -> Item:
    subtask = SUBTASKS.get(question.task, question.task)
    if subtask not in task.subtasks:
        known = ", ".join(SUBTASKS)
        raise MalformedItem(f"its task is {question.task!r}; it must be one of {known}")
    clip = clip_name(question.video_id)
    text = question_text(question.text)
    if task.subtasks[subtask].answer is AnswerKind.OPEN:
        if not question.label.strip():
            raise MalformedItem("its label, the reference caption, is empty")
        return Item(f"{clip}-{number}", subtask, text, (), question.label.strip(), clip)
    return Item(f"{clip}-{number}", subtask, text, CHOICES, gold_letter(question.label), clip)

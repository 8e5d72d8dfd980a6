"""Your own questions: a table, JSON lines or a JSON list, one question each.

``questions.csv``, ``questions.jsonl`` or ``questions.json`` has the columns
``id``, ``clip`` (a path below the data folder), ``question``, ``options`` (a
list, or texts parted by ``|``) and ``answer`` (a letter, the text of an option,
a label or a reference text); ``subtask`` too where the task has several. Any
other column is metadata. ``docs/tasks.md`` shows one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ConfigDict

from emoreal_bench.choices import letters_of, split_choice
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.clip_files import (
    PathOptions,
    check_relative,
    clips_by_path,
    find_annotations,
    read_options,
)
from emoreal_bench.readers.records import CHOICES, ItemId, MalformedItem, Record, read_items

ANNOTATIONS = ("questions.csv", "questions.jsonl", "questions.json")


class _Question(Record):
    model_config = ConfigDict(extra="allow", strict=False, coerce_numbers_to_str=True)

    id: ItemId
    clip: str
    question: str
    answer: str
    options: list[str] | str | None = None
    subtask: str | None = None


def read(task: Task, root: Path, options: Options) -> Dataset:
    """Read the questions."""
    chosen = read_options(PathOptions, options, "questions")
    path = find_annotations(root, chosen.annotations, *ANNOTATIONS)
    items = read_annotations(task, path)
    return Dataset(items, clips_by_path(root, path, chosen, items), (path,))


def read_annotations(task: Task, path: Path) -> list[Item]:
    """Read the questions from the file alone, without looking for clips."""
    return read_items(path, _Question, lambda _, question: [_item(task, question)])


def _item(task: Task, question: _Question) -> Item:
    check_relative(question.clip, "clip")
    subtask = question.subtask or next(iter(task.subtasks))
    if not question.subtask and len(task.subtasks) > 1:
        raise MalformedItem(f"it names no subtask of {', '.join(task.subtasks)}")
    known = task.subtasks.get(subtask)
    choices = _choices(question.options or ())
    if known is not None and known.answer is AnswerKind.YES_NO and not choices:
        choices = CHOICES
    more = (question.model_extra or {}).items()
    metadata = {key: str(value) for key, value in more if key and value not in (None, "")}
    return Item(
        id=question.id,
        subtask=subtask,
        question=question.question,
        choices=choices,
        answer=_letter(question.answer, choices) if choices else question.answer,
        clip=question.clip,
        metadata=metadata or None,
    )


def _choices(options: Sequence[str]) -> tuple[str, ...]:
    """Put letters before options that have none."""
    texts = [text.strip() for text in (options.split("|") if isinstance(options, str) else options)]
    if any(map(_has_letter, texts)):
        return tuple(texts)
    return tuple(f"({chr(ord('A') + place)}) {text}" for place, text in enumerate(texts))


def _has_letter(text: str) -> bool:
    try:
        return bool(letters_of([text]))
    except ValueError:
        return False


def _letter(answer: str, choices: Sequence[str]) -> str:
    """Return the letter of an answer that is one, or that is the text of an option."""
    answer = answer.strip()
    lettered = [split_choice(choice) for choice in choices if _has_letter(choice)]
    letter = answer.strip("()").upper()
    if letter in dict(lettered):
        return letter
    texts = {text.casefold(): letter for letter, text in lettered}
    return texts.get(answer.casefold(), answer)

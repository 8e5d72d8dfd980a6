"""Refuses a data set that cannot be asked and scored, whichever reader made it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from emoreal_bench.choices import letters_of, polarity, split_choice
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.file_names import is_folder
from emoreal_bench.readers.records import MalformedItem, Problems

if TYPE_CHECKING:
    from emoreal_bench.readers import Dataset, Options

_PARTS = {
    "items": (Sequence, object),
    "clips": (Mapping, object),
    "sources": (Sequence, Path),
    "notes": (Sequence, str),
}
"""What each part of a data set is, and what it holds."""
_TEXTS = ("id", "subtask", "question", "answer", "clip")
_WAYS = (os.path.abspath, os.path.realpath)
"""A path as it is written, and as its links lead."""
_NO_TEXT = "not a text of whole characters"
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def refuse_invalid(task: Task, dataset: Dataset, root: Path, options: Options) -> None:
    """Check what a reader returned. A clip whose file is not there is no problem here.

    Args:
        task: Says which subtasks there are, and how each is answered.
        dataset: As its reader returned it.
        root: The user's folder.
        options: As the reader got them; clips may lie in a folder that they name.

    Raises:
        DataError: With every problem found.
    """
    reader = task.data.reader
    for name, (kind, part) in _PARTS.items():
        value = getattr(dataset, name)
        is_right = isinstance(value, kind) and not isinstance(value, str)
        if not is_right or not all(isinstance(element, part) for element in value):
            raise DataError(
                f"The {name} that the reader {reader} returned are no {kind.__name__.lower()} "
                f"of {part.__name__}: {type(value).__name__}.",
                where=str(root),
                remedy="Fix the reader, or ask its author to.",
            )
    where = dataset.sources[0] if len(dataset.sources) == 1 else root
    remedy = f"Correct these items, or the reader {reader} that made them."
    if not dataset.items:
        raise DataError(f"The reader {reader} found no items.", where=str(where), remedy=remedy)
    problems = Problems(Path(where), remedy)
    check_items(task, dataset.items, problems)
    _check_clips(dataset, problems, _folders(root, options))
    problems.raise_if_any()


def check_items(task: Task, items: Sequence[Item], problems: Problems) -> None:
    """Note the items that cannot be asked or scored, the first problem of each."""
    seen: set[str] = set()
    for number, item in enumerate(items, start=1):
        try:
            check_item(task, item)
            if item.id in seen:
                raise MalformedItem("its id appears twice")
            seen.add(item.id)
        except MalformedItem as problem:
            problems.add(_name(item, number), str(problem))


def check_item(task: Task, item: Item) -> None:
    """Refuse an item that cannot be asked or scored.

    Raises:
        MalformedItem: With the first problem.
    """
    _check_texts(item)
    _check_answer(task, item)


def _name(item: object, number: int) -> str:
    name = item.id if isinstance(item, Item) else None
    return name if isinstance(name, str) and name.strip() else f"number {number}"


def _check_texts(item: object) -> None:
    if not isinstance(item, Item):
        raise MalformedItem(f"it is of the type {type(item).__name__}, not an Item")
    for key in _TEXTS:
        value = getattr(item, key)
        if not _is_text(value):
            raise MalformedItem(f"its {key} is {_NO_TEXT}: {value!r}")
        if not value.strip():
            raise MalformedItem(f"its {key} is empty")
    if not isinstance(item.choices, tuple) or not all(map(_is_text, item.choices)):
        raise MalformedItem("its choices are not a tuple of texts")
    if item.metadata is None:
        return
    if not isinstance(item.metadata, Mapping):
        raise MalformedItem("its metadata are not a mapping")
    for key, value in item.metadata.items():
        if not _is_text(key) or not _is_text(value):
            raise MalformedItem(f"its metadata {key!r} is {_NO_TEXT}: {value!r}")


def _is_text(value: object) -> bool:
    # Halves of characters, which JSON can spell, fit in no hash and no file.
    return isinstance(value, str) and (value.isascii() or not _HALF_CHARACTER.search(value))


def _check_answer(task: Task, item: Item) -> None:
    if item.subtask not in task.subtasks:
        known = ", ".join(task.subtasks)
        raise MalformedItem(f"its subtask is {item.subtask!r}; it must be one of {known}")
    subtask = task.subtasks[item.subtask]
    if subtask.answer in (AnswerKind.LABEL, AnswerKind.OPEN):
        if item.choices:
            raise MalformedItem(f"it has choices, and its subtask asks for a {subtask.answer}")
        if subtask.answer is AnswerKind.LABEL and item.answer not in subtask.labels:
            known = ", ".join(subtask.labels)
            raise MalformedItem(f"its answer is {item.answer!r}; it must be one of {known}")
        return
    letters = _letters(item.choices, subtask.answer)
    if item.answer not in letters:
        known = ", ".join(letters)
        raise MalformedItem(f"its answer is {item.answer!r}, but its choices are {known}")


@lru_cache(maxsize=8192)
def _letters(choices: tuple[str, ...], kind: AnswerKind) -> tuple[str, ...]:
    if len(choices) < 2:
        raise MalformedItem("its choices are not a list of two or more")
    try:
        letters = letters_of(choices)
    except ValueError as error:
        raise MalformedItem(f"one of its choices has no letter: {error}") from error
    for letter in letters:
        if letters.count(letter) > 1:
            raise MalformedItem(f"two of its choices have the letter {letter}")
    if kind is AnswerKind.YES_NO:
        _check_polarity(choices)
    elif max(letters) != chr(ord("A") + len(letters) - 1):
        raise MalformedItem(f"the letters of its choices are {', '.join(letters)}; one is left out")
    return letters


def _check_polarity(choices: tuple[str, ...]) -> None:
    meanings = [polarity(split_choice(choice)[1]) for choice in choices]
    if None in meanings:
        choice = choices[meanings.index(None)]
        raise MalformedItem(f"its choice {choice!r} says neither yes nor no")
    if sorted(map(bool, meanings)) != [False, True]:
        raise MalformedItem("its choices are not one yes and one no")


def _check_clips(dataset: Dataset, problems: Problems, folders: Sequence[str]) -> None:
    """Note each clip that an item asks about and that is not one of the user's files."""
    seen: set[str] = set()
    for number, item in enumerate(dataset.items, start=1):
        if isinstance(item, Item) and isinstance(item.clip, str) and item.clip not in seen:
            seen.add(item.clip)
            try:
                _check_clip(dataset.clips.get(item.clip), item.clip, folders)
            except MalformedItem as problem:
                problems.add(_name(item, number), str(problem))


def _check_clip(clip: object, key: str, folders: Sequence[str]) -> None:
    if clip is None:
        raise MalformedItem(f"its clip {key!r} is not among the clips")
    if not isinstance(clip, Clip) or clip.key != key:
        raise MalformedItem(f"its clip {key!r} is not a Clip of that key")
    for path in (clip.video, clip.audio):
        if path is None and clip.video is not None:
            continue
        if not isinstance(path, Path) or not _can_be_opened(path):
            raise MalformedItem(f"a file of its clip {key!r} is not a path")
        if not any(way(path).startswith(folder) for way in _WAYS for folder in folders):
            raise MalformedItem(f"a file of its clip {key!r} leaves the data folder: {path}")


def _can_be_opened(path: Path) -> bool:
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _folders(root: Path, options: Options) -> list[str]:
    """List the folders that clips may lie below, as they are written and as links lead."""
    home = root.parent if root.is_file() else root
    named = [home / value for value in options.values() if isinstance(value, str)]
    folders = [home, *(path if is_folder(path) else path.parent for path in named)]
    return [way(path).rstrip(os.sep) + os.sep for path in folders for way in _WAYS]

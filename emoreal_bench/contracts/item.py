"""One question about one clip, as its data set states it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MAX_CLIP_SECONDS = 900.0
"""Longest clip that is decoded, unless the user says otherwise."""


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a data set, with its answer.

    Runs of 400,000 items are held in memory, so an item stores no more than a
    question needs and shares its strings where it can.

    Attributes:
        id: Unique within the data set.
        subtask: One of the task's subtask names.
        question: The question's text, without the options.
        choices: The options as the data set writes them, letter included
            (``"(A) Yes"``); empty for label and open questions.
        answer: The gold answer: a letter for choice and yes/no questions, a
            class name for label questions, the reference text for open ones.
        clip: Key of the clip in the data set; questions of one clip are one
            cluster in every interval.
        metadata: What else the data set says (``category``, ``cue``,
            ``emotion``, ...), for slices and rates.
    """

    id: str
    subtask: str
    question: str
    choices: tuple[str, ...]
    answer: str
    clip: str
    metadata: Mapping[str, str] | None = None


def id_text(value: object) -> str | None:
    """Write an id as a text: 0, ``0.0`` and ``"0"`` are the same id.

    Args:
        value: As an annotation, a prediction or a pair has it.

    Returns:
        None if it is no id: neither a text with something in it nor a whole number.
    """
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if isinstance(value, int) or value.is_integer() else None


@dataclass(frozen=True, slots=True)
class Clip:
    """Where the picture and the sound of a clip are.

    Attributes:
        key: As in :attr:`Item.clip`.
        video: The file with the picture; it may hold the sound too.
        audio: A separate file with the sound, if the data set has one.
    """

    key: str
    video: Path
    audio: Path | None = None


class ClipsOnDemand(Mapping[str, Clip]):
    """Clips that are made when they are asked for, since paths of a million take much memory.

    Args:
        keys: In their order; what they point to is not looked at.
        find: Returns the clip of a key.
    """

    def __init__(self, keys: Mapping[str, object], find: Callable[[str], Clip]):
        self._keys = keys
        self._find = find

    def __getitem__(self, key: str) -> Clip:
        if key not in self._keys:
            raise KeyError(key)
        return self._find(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

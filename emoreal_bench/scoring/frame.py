"""The items of a task as arrays: what scoring needs of them, in a few bytes each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Subtask, Task
from emoreal_bench.contracts.vocabulary import AnswerKind, Scoring
from emoreal_bench.scoring.reading.official import official_polarity
from emoreal_bench.scoring.reading.options import Options

YES, NO = 0, 1
NO_ANSWER = -1
NO_PAIR = -1
NO_CATEGORY, HALLUCINATION, SPURIOUS = 0, 1, 2
_CATEGORIES = {"hallucination": HALLUCINATION, "spurious": SPURIOUS}


@dataclass(frozen=True, slots=True)
class Layout:
    """Which classes the answers of a subtask can have.

    Attributes:
        kind: Of the answers.
        classes: Letters, ``("yes", "no")``, or labels; empty for open answers.
    """

    kind: AnswerKind
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """All items of a score, in their order.

    Attributes:
        layouts: By subtask that has items, in the order of the task.
        subtask: ``(items,)`` position in ``layouts``.
        gold: ``(items,)`` class of the right answer; :data:`NO_ANSWER` for open ones.
        official_gold: As ``gold``, by the rule of the authors' evaluator.
        clip: ``(items,)`` the cluster.
        category: ``(items,)`` one of the category constants.
        pair: ``(items,)`` number of the pair, or :data:`NO_PAIR`; None if no item
            is in a pair.
        chance: By subtask, accuracy of guessing; None where there is nothing to guess.
    """

    layouts: dict[str, Layout]
    subtask: NDArray[np.int16]
    gold: NDArray[np.int8]
    official_gold: NDArray[np.int8]
    clip: NDArray[np.int32]
    category: NDArray[np.int8]
    pair: NDArray[np.int32] | None
    chance: dict[str, float | None]

    def gold_for(self, scoring: Scoring) -> NDArray[np.int8]:
        """Return the gold classes as a scoring sees them."""
        return self.gold if scoring is Scoring.STRICT else self.official_gold

    def members(self, subtask: str) -> NDArray[np.intp]:
        """Return the positions of a subtask's items."""
        return np.flatnonzero(self.subtask == list(self.layouts).index(subtask))


def build_frame(task: Task, items: Sequence[Item]) -> Frame:
    """Turn items into arrays.

    Raises:
        DataError: If there are no items, an item's subtask is not one of the
            task, or its answer is not one of its options or classes.
    """
    if not items:
        raise DataError("There are no items to score.", where=f"task {task.name}")
    lengths = _count_options(task, items)
    layouts = _layouts(task, lengths)
    order = {name: index for index, name in enumerate(layouts)}
    clips: dict[str, int] = {}
    shape = len(items)
    frame = Frame(
        layouts,
        np.empty(shape, np.int16),
        np.empty(shape, np.int8),
        np.empty(shape, np.int8),
        np.empty(shape, np.int32),
        np.zeros(shape, np.int8),
        _pairs(items),
        {name: _chance(task.subtasks[name], lengths[name]) for name in layouts},
    )
    for index, item in enumerate(items):
        gold, official = _gold(item, layouts[item.subtask])
        frame.subtask[index] = order[item.subtask]
        frame.gold[index] = gold
        frame.official_gold[index] = official
        frame.clip[index] = clips.setdefault(item.clip, len(clips))
        if item.metadata:
            frame.category[index] = _CATEGORIES.get(item.metadata.get("category", ""), NO_CATEGORY)
    return frame


def letter_class(letter: str) -> int:
    """Return the class of an option's letter in a choice subtask."""
    return ord(letter) - ord("A")


def _pairs(items: Sequence[Item]) -> NDArray[np.int32] | None:
    """Number the pairs that items belong to, without an array where there are none."""
    numbers: dict[str, int] = {}
    pair: NDArray[np.int32] | None = None
    for index, item in enumerate(items):
        if item.metadata and "pair" in item.metadata:
            if pair is None:
                pair = np.full(len(items), NO_PAIR, np.int32)
            pair[index] = numbers.setdefault(item.metadata["pair"], len(numbers))
    return pair


def _count_options(task: Task, items: Sequence[Item]) -> dict[str, Counter[int]]:
    """Count, by subtask, the items of each number of options."""
    lengths: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for item in items:
        if item.subtask not in task.subtasks:
            raise DataError(
                f"Its subtask {item.subtask!r} is not one of task {task.name}.",
                where=f"item {item.id}",
                remedy=f"Subtasks of the task: {', '.join(task.subtasks)}.",
            )
        lengths[item.subtask][len(item.choices)] += 1
    return lengths


def _layouts(task: Task, lengths: Mapping[str, Counter[int]]) -> dict[str, Layout]:
    return {
        name: Layout(subtask.answer, _classes(subtask, max(lengths[name])))
        for name, subtask in task.subtasks.items()
        if name in lengths
    }


def _chance(subtask: Subtask, lengths: Counter[int]) -> float | None:
    """Return the accuracy of guessing: as the task states it, or of any answer as likely."""
    if subtask.chance is not None:
        return subtask.chance
    if subtask.answer is AnswerKind.LABEL:
        return 1 / len(subtask.labels) if subtask.labels else None
    if 0 in lengths:  # An open question, or one whose options nobody stated.
        return None
    return sum(count / options for options, count in lengths.items()) / lengths.total()


def _classes(subtask: Subtask, options: int) -> tuple[str, ...]:
    match subtask.answer:
        case AnswerKind.CHOICE:
            return tuple(chr(ord("A") + index) for index in range(options))
        case AnswerKind.YES_NO:
            return ("yes", "no")
        case AnswerKind.LABEL:
            return subtask.labels
        case AnswerKind.OPEN:
            return ()


def _gold(item: Item, layout: Layout) -> tuple[int, int]:
    """Return the gold class by our rule and by that of the authors' evaluator."""
    match layout.kind:
        case AnswerKind.OPEN:
            return NO_ANSWER, NO_ANSWER
        case AnswerKind.LABEL:
            if item.answer not in layout.classes:
                raise _foreign_answer(item, ", ".join(layout.classes))
            label = layout.classes.index(item.answer)
            return label, label
        case AnswerKind.CHOICE:
            letter = letter_class(item.answer)
            if not 0 <= letter < len(item.choices):
                raise _foreign_answer(item, " ".join(item.choices))
            return letter, letter
        case AnswerKind.YES_NO:
            try:
                return _yes_no_gold(item.choices, item.answer)
            except ValueError as problem:
                raise DataError(
                    f"{problem}.",
                    where=f"item {item.id}",
                    remedy="Correct its options, or ask for a choice in its subtask.",
                ) from problem


@lru_cache(maxsize=1024)
def _yes_no_gold(choices: tuple[str, ...], answer: str) -> tuple[int, int]:
    options = Options.parse(choices)
    yes, no = options.polarity()
    if answer not in (yes, no):
        raise ValueError(f"its answer {answer!r} is not one of its options {' '.join(choices)}")
    text = next(text for letter, text in map(split_choice, choices) if letter == answer)
    return (YES if answer == yes else NO), (YES if official_polarity(text) else NO)


def _foreign_answer(item: Item, known: str) -> DataError:
    return DataError(
        f"Its answer {item.answer!r} is not one of: {known}.",
        where=f"item {item.id}",
        remedy="Correct the annotation, or the labels of the task file.",
    )

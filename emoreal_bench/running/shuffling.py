"""Options under other letters: does a model prefer a letter to an answer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.item import Item
from emoreal_bench.identity import hash_text


def shuffle_choices(items: Sequence[Item], seed: int | None) -> Sequence[Item]:
    """Deal the texts of each item's options to its letters anew.

    The letters keep their order and the gold letter follows its text. An item's
    deal depends on the seed and its id alone, so it is the same in every run
    and every part of a data set.

    Args:
        items: Items without choices stay as they are.
        seed: None leaves everything as it is.
    """
    if seed is None:
        return items
    return [_shuffle(item, seed) if item.choices else item for item in items]


def _shuffle(item: Item, seed: int) -> Item:
    parts = [split_choice(choice) for choice in item.choices]
    letters = [letter for letter, _ in parts]
    # Sorting by a hash of the letter is a permutation that needs no generator per item.
    order = sorted(letters, key=lambda letter: hash_text(f"{seed}\n{item.id}\n{letter}"))
    texts = dict(parts)
    answer = item.answer
    if answer in order:
        answer = letters[order.index(answer)]
    choices = tuple(f"({letter}) {texts[old]}" for letter, old in zip(letters, order, strict=True))
    return replace(item, choices=choices, answer=answer)

"""Balanced chance: values dealt like cards, so that each comes equally often."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import numpy as np

Card = TypeVar("Card")


class Decks(Generic[Card]):
    """Shuffled decks of the same cards, one per key; an empty deck is shuffled anew.

    Dealing instead of throwing dice keeps every round exactly balanced, given the key.

    Args:
        cards: What a deck holds.
        rng: Shuffles the decks.
    """

    def __init__(self, cards: Sequence[Card], rng: np.random.Generator):
        self._cards = tuple(cards)
        self._rng = rng
        self._left: dict[Hashable, list[Card]] = {}

    def deal(self, key: Hashable = None) -> Card:
        """Take the next card of a key's deck."""
        deck = self._left.setdefault(key, [])
        if not deck:
            deck.extend(self._cards[i] for i in self._rng.permutation(len(self._cards)))
        return deck.pop()

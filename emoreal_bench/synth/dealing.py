"""Balanced chance: values dealt so that each comes equally often."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np

Card = TypeVar("Card")


class Dealer(Generic[Card]):
    """Deals, for each key, one of the cards that it has dealt least often so far.

    Throwing dice would leave small sets unbalanced by accident, and a classifier
    of the texts finds such accidents.

    Args:
        cards: What can be dealt.
        rng: Decides between cards that were dealt equally often.
    """

    def __init__(self, cards: Sequence[Card], rng: np.random.Generator):
        self._cards = tuple(cards)
        self._rng = rng
        self._dealt: dict[Hashable, list[int]] = {}

    def deal(
        self, key: Hashable = None, allowed: Callable[[Card], bool] = lambda _card: True
    ) -> Card:
        """Deal a card.

        Args:
            key: What the cards are to be balanced for, such as an answer.
            allowed: Says of a card whether it may come now; one must be.
        """
        dealt = self._dealt.setdefault(key, [0] * len(self._cards))
        possible = [index for index, card in enumerate(self._cards) if allowed(card)]
        least = min(dealt[index] for index in possible)
        rarest = [index for index in possible if dealt[index] == least]
        index = rarest[int(self._rng.integers(len(rarest)))]
        dealt[index] += 1
        return self._cards[index]

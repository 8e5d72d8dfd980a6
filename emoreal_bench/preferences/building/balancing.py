"""Evens pairs out by leaving some away: cues within emotions, letters, lengths."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.preferences.checking.measuring import (
    length_sign,
    letter_of,
    named_cues,
    split_options,
    stratum_of,
)


@dataclass(frozen=True, slots=True)
class Property:
    """Something in which pairs are to be even.

    Attributes:
        name: What it is.
        group: Among which pairs.
        values: What it can be, where values that never occur count, too.
    """

    name: str
    group: Hashable = None
    values: frozenset[Hashable] = frozenset()


Trait = tuple[Property, Hashable]
"""A property, and the value that a pair has."""

_ROUNDS = 200
"""How many rounds it takes to leave nearly all away: few are quick, many are careful."""


def balance_pairs(pairs: Sequence[PreferencePair], seed: int = 0) -> tuple[PreferencePair, ...]:
    """Leave pairs away until no emotion tells its cue, no letter and no length the answer.

    The properties are: within each modality and emotion, which of the same two cues
    the chosen answer affirms, or whether it affirms a cue that it is asked about
    alone; among questions with as many options, which letter is right; among
    answers in words, whether the longer one is. In each, all values are to be
    equally frequent, so pairs go altogether whose rivals only ever meet with one
    outcome. What occurs once is no habit, and stays.

    Args:
        pairs: The pairs.
        seed: Of the choice among pairs with the same values.

    Returns:
        The pairs that stay, in their order.
    """
    traits = [tuple(_traits(pair)) for pair in pairs]
    cells: defaultdict[tuple[Trait, ...], list[int]] = defaultdict(list)
    for position in np.random.default_rng(seed).permutation(len(pairs)):
        cells[traits[position]].append(int(position))
    dropped = _drop(cells, _Counts(traits))
    return tuple(pair for position, pair in enumerate(pairs) if position not in dropped)


def _drop(cells: dict[tuple[Trait, ...], list[int]], counts: _Counts) -> set[int]:
    """Choose what to leave away: round after round from the cells that are worst at its start."""
    dropped: set[int] = set()
    while True:
        worst = sorted(
            (cell for cell in cells if cells[cell] and counts.excess(cell) > 0),
            key=lambda cell: (-counts.excess(cell), -len(cells[cell])),
        )
        if not worst:
            return dropped
        left = sum(len(positions) for positions in cells.values())
        for cell in worst[: max(1, left // _ROUNDS)]:
            # The drops before it in the round may have evened this one out.
            if counts.excess(cell) > 0:
                dropped.add(cells[cell].pop())
                counts.remove(cell)


def _traits(pair: PreferencePair) -> Iterator[Trait]:
    stratum = stratum_of(pair)
    if stratum is not None:
        cues = dict(named_cues(pair))
        if cues:
            affirmed = next((cue for cue, is_affirmed in cues.items() if is_affirmed), None)
            # One cue alone is affirmed or denied; of two, either is the affirmed one.
            values = frozenset(cues) if len(cues) > 1 else frozenset({*cues, None})
            yield Property("cue", stratum, values), affirmed
    letter = letter_of(pair.chosen)
    if letter is not None:
        options = frozenset(split_options(pair.question)[1])
        yield Property("letter", len(options), options), letter
    sign = length_sign(pair)
    if sign:
        yield Property("length", values=frozenset({-1, 1})), sign


class _Counts:
    """How often each value of each property occurs among the pairs that are left."""

    def __init__(self, traits: Sequence[tuple[Trait, ...]]):
        self._counts: defaultdict[Property, Counter[Hashable]] = defaultdict(Counter)
        for cell in traits:
            for owned, value in cell:
                self._counts[owned][value] += 1
        self._recurring = {owned for owned, counts in self._counts.items() if counts.total() > 1}

    def excess(self, cell: tuple[Trait, ...]) -> float:
        """Return by how much the values of a pair are more frequent than an even share.

        Each property counts by its share, so that a rare emotion is heard, too.
        Zero or less means that leaving such a pair away would even nothing out.
        """
        total = 0.0
        for owned, value in cell:
            if owned not in self._recurring:
                continue
            counts = self._counts[owned]
            surplus = counts[value] - counts.total() / len(owned.values | counts.keys())
            # Within half a pair of even, one less would only tip the other way.
            total += surplus / counts.total() if abs(surplus) >= 0.5 else 0.0
        return total

    def remove(self, cell: tuple[Trait, ...]) -> None:
        """Take one pair away."""
        for owned, value in cell:
            self._counts[owned][value] -= 1

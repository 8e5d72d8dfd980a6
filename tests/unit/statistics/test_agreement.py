"""Krippendorff's alpha, against its published example and its definition."""

from __future__ import annotations

import random
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.statistics.agreement import krippendorff_alpha

UNITS = st.lists(st.lists(st.integers(1, 10), max_size=4), max_size=8)


def by_definition(units: list[list[int]]) -> float | None:
    """Sum squared differences over pairs, as the definition does, without shortcuts."""
    units = [values for values in units if len(values) > 1]
    pooled = [value for values in units for value in values]
    expected = [(x - y) ** 2 for x, y in permutations(pooled, 2)]
    if not any(expected):
        return None
    observed = sum(
        sum((x - y) ** 2 for x, y in permutations(values, 2)) / (len(values) - 1)
        for values in units
    )
    return 1 - (observed / len(pooled)) / (sum(expected) / len(expected))


def test_it_gives_the_published_example() -> None:
    # Krippendorff 2011, section E: four observers, twelve units, interval data: 0.849.
    rows = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
    units = [[value for value in column if value] for column in zip(*rows, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.849, abs=5e-4)


@given(UNITS)
def test_it_agrees_with_its_definition(units: list[list[int]]) -> None:
    expected = by_definition(units)
    found = krippendorff_alpha(units)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-12))


@given(UNITS, st.randoms(use_true_random=False))
def test_the_order_of_units_and_values_never_matters(
    units: list[list[int]], chance: random.Random
) -> None:
    shuffled = [chance.sample(values, len(values)) for values in units]
    chance.shuffle(shuffled)
    assert krippendorff_alpha(shuffled) == krippendorff_alpha(units)


def test_full_agreement_on_things_that_differ_is_1() -> None:
    assert krippendorff_alpha([[3, 3], [7, 7, 7]]) == 1.0


def test_systematic_disagreement_is_below_0() -> None:
    alpha = krippendorff_alpha([[1, 10], [1, 10]])
    assert alpha is not None
    assert alpha < 0


@pytest.mark.parametrize("units", [[], [[5]], [[5], [6]], [[5, 5], [5, 5]]])
def test_it_is_not_defined_without_pairs_or_without_differences(units: list[list[int]]) -> None:
    assert krippendorff_alpha(units) is None

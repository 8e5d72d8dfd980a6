"""Paired tests against scipy, and verdicts in words."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.comparing.paired import verdict_of
from emoreal_bench.contracts.comparison import Verdict
from emoreal_bench.statistics.paired import detectable, holm, mcnemar_exact, spread


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_equals_the_binomial_test_in_exact_fractions(first: int, second: int) -> None:
    both = first + second
    tail = sum(comb(both, k) for k in range(min(first, second) + 1))
    expected = min(1.0, float(Fraction(2 * tail, 2**both)))
    assert mcnemar_exact(first, second) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_many_items_does_not_underflow() -> None:
    assert mcnemar_exact(50_000, 50_000) == 1.0
    assert 0 < mcnemar_exact(50_000, 51_000) < 0.01


def test_holm_steps_down_and_never_falls_below_an_earlier_value() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_lowers_a_p_value_nor_changes_their_order(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(new >= old for new, old in zip(adjusted, values, strict=True))
    ranked = sorted(range(len(values)), key=lambda i: (values[i], adjusted[i]))
    assert [adjusted[i] for i in ranked] == sorted(adjusted)


def test_the_smallest_detectable_effect_is_found_four_times_in_five() -> None:
    source = np.random.default_rng(3)
    error = 0.02
    measured = spread(source.normal(0, error, size=200_000))
    assert measured is not None
    effect = detectable(measured, tail=0.025)
    found = np.abs(source.normal(effect, error, size=200_000)) > 1.959964 * error
    assert found.mean() == pytest.approx(0.8, abs=0.01)
    assert spread(np.zeros(10)) is None


@pytest.mark.parametrize(
    ("difference", "interval", "detectable", "p_value", "verdict"),
    [
        (0.1, (0.05, 0.15), 0.04, 0.001, Verdict.BETTER),
        (-0.1, (-0.15, -0.05), 0.04, 0.001, Verdict.WORSE),
        (0.1, (0.05, 0.15), 0.04, None, Verdict.BETTER),
        (0.1, (0.05, 0.15), 0.04, 0.2, Verdict.NO_EVIDENCE),
        (0.01, (-0.01, 0.03), 0.03, 0.4, Verdict.NO_EVIDENCE),
        (0.01, (-0.2, 0.2), 0.3, 0.9, Verdict.TOO_SMALL),
        (0.5, (0.5, 0.5), None, 0.25, Verdict.TOO_SMALL),
        (0.5, (0.5, 0.5), None, 0.01, Verdict.BETTER),
        (0.0, (0.0, 0.0), None, 1.0, Verdict.TOO_SMALL),
        (0.5, None, None, 0.01, Verdict.TOO_SMALL),
    ],
)
def test_a_difference_needs_both_the_interval_and_the_exact_test(
    difference: float,
    interval: tuple[float, float] | None,
    detectable: float | None,
    p_value: float | None,
    verdict: Verdict,
) -> None:
    assert verdict_of(difference, interval, detectable, p_value) is verdict

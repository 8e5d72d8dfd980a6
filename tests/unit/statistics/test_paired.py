"""The paired test against exact fractions, against every exchange, and against drawn ones."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import comb, erfc, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.statistics.paired import (
    Exchanges,
    allow_for_unlike,
    as_normal,
    detectable,
    draw_exchanges,
    flip_signs,
    holm,
    least_clips,
    normal_tail,
    tally,
)

WEIGHTS = (1 / 972, 1 / 1024, 1 / 456, 2 / 820, 1 / 728)
"""What one item adds to the average over subtasks of unequal size: no common step."""


def every_flip(changes: list[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    signs = product((-1, 1), repeat=len(changes))
    return np.abs([sum(s * c for s, c in zip(row, changes, strict=True)) for row in signs])


@given(st.integers(0, 400), st.integers(0, 400))
def test_of_one_question_to_a_clip_it_is_the_exact_test_of_mcnemar(lost: int, won: int) -> None:
    both = lost + won
    tail = sum(comb(both, k) for k in range(min(lost, won) + 1))
    expected = min(1.0, float(Fraction(2 * tail, 2**both)))
    changes = np.concatenate([np.full(won, 1 / 700), np.full(lost, -1 / 700), np.zeros(9)])
    assert flip_signs(changes).p_value(changes.sum()) == pytest.approx(expected, rel=1e-9)


@given(st.lists(st.sampled_from([*WEIGHTS, *(-weight for weight in WEIGHTS)]), max_size=10))
def test_sums_without_a_common_step_are_those_of_every_flip(changes: list[float]) -> None:
    sizes = every_flip(changes)
    expected = np.mean(sizes >= abs(sum(changes)) - 1e-12)
    assert flip_signs(np.array(changes)).p_value(sum(changes)) == pytest.approx(expected)


@given(st.lists(st.integers(-4, 4), max_size=10))
def test_whole_numbers_are_counted_exactly(changes: list[int]) -> None:
    expected = np.mean(every_flip([float(change) for change in changes]) >= abs(sum(changes)))
    assert flip_signs(np.array(changes) / 7).p_value(sum(changes) / 7) == pytest.approx(expected)


@pytest.mark.parametrize("clips", [60, 199, 200, 700])
def test_many_sums_agree_with_drawn_flips(clips: int) -> None:
    source = np.random.default_rng(clips)
    changes = source.choice(WEIGHTS, clips)
    signs = source.integers(0, 2, (40_000, clips), dtype=np.int8)
    drawn = np.abs((2.0 * signs - 1) @ changes)
    found = flip_signs(changes)
    assert found.spread == pytest.approx(sqrt((drawn**2).mean()), rel=0.02)
    for deviations in (0.3, 1.0, 2.0, 2.6):
        expected = float(np.mean(drawn >= deviations * found.spread))
        error = sqrt(expected * (1 - expected) / drawn.size)
        assert found.p_value(deviations * found.spread) == pytest.approx(expected, abs=4 * error)


def test_clips_count_and_not_their_questions() -> None:
    assert flip_signs(np.full(4, -5.0)).p_value(-20) == pytest.approx(2 / 2**4)
    assert flip_signs(np.full(20, -1.0)).p_value(-20) < 1e-5


def test_no_p_value_is_0_and_no_change_is_no_evidence() -> None:
    assert flip_signs(np.full(5000, -1.0)).p_value(-5000) > 0
    same = flip_signs(np.zeros(500))
    assert (same.p_value(0.0), same.critical(0.05), same.spread) == (1.0, None, 0.0)


@given(
    st.lists(st.sampled_from([1.0, -1.0, 2.0, *WEIGHTS]), min_size=1, max_size=40),
    st.sampled_from([0.05, 0.04, 0.002]),
)
def test_the_largest_difference_that_is_not_found_is_not_found(
    changes: list[float], level: float
) -> None:
    found = flip_signs(np.array(changes))
    critical = found.critical(level)
    if critical is None:
        assert found.p_value(sum(map(abs, changes))) >= level
    else:
        assert found.p_value(critical * (1 - 1e-12)) >= level > found.p_value(critical * 1.000001)


def exchanged(changes: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Exchanges:
    """Exchange clips between runs whose difference is the sum of their changes."""
    parts = changes[:, None]
    moved = draw_exchanges(parts, np.ones(len(changes), np.int64), np.random.default_rng(0))
    return tally((changes.sum() - 2 * moved).ravel(), len(changes))


def test_exchanges_of_few_clips_are_all_tried() -> None:
    changes = np.array([1.0, 2.0, -1.0, 3.0, 3.0])
    assert exchanged(changes).p_value(8.0) == flip_signs(changes).p_value(8.0)


def test_drawn_exchanges_agree_with_counted_sums() -> None:
    changes = np.random.default_rng(3).choice([1.0, 2.0, -1.0], 80)
    drawn, counted = exchanged(changes), flip_signs(changes)
    for difference in (5.0, 15.0, 25.0):
        expected = counted.p_value(difference)
        error = sqrt(expected * (1 - expected) / 5000)
        assert drawn.p_value(difference) == pytest.approx(expected, abs=4 * error)
    assert drawn.spread == pytest.approx(counted.spread, rel=0.05)
    assert drawn.p_value(float(np.abs(changes).sum())) == 1 / 5000


def test_an_exchange_that_leaves_a_metric_undefined_counts_as_extreme() -> None:
    found = tally(np.array([0.1, np.nan, np.nan, 0.2]), 2)
    assert found.p_value(0.2) == 0.75
    assert found.critical(0.6) == pytest.approx(0.2)
    assert found.critical(0.4) == np.inf


def test_holm_steps_down_and_never_falls_below_an_earlier_value() -> None:
    adjusted = [value for value, _ in holm([0.01, 0.04, 0.03, 0.005], 0.05)]
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9], 0.05) == [(1.0, 0.025), (1.0, 0.025)]
    assert holm([], 0.05) == []


def test_a_test_that_found_something_passes_its_share_of_the_level_on() -> None:
    results = holm([0.03, 0.004, 0.2], 0.05, [0.8, 0.1, 0.1])
    assert [round(level, 6) for _, level in results] == [0.04, 0.025, 0.05]
    assert [adjusted < 0.05 for adjusted, _ in results] == [True, True, False]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0.1, 0.2, 0.8])), max_size=8),
    st.sampled_from([0.05, 0.2]),
)
def test_corrected_value_and_level_always_agree(
    tests: list[tuple[float, float]], level: float
) -> None:
    values = [value for value, _ in tests]
    results = holm(values, level, [weight for _, weight in tests])
    for value, (adjusted, own_level) in zip(values, results, strict=True):
        assert adjusted >= value * (1 - 1e-9)
        if abs(value - own_level) > 1e-9:
            assert (adjusted < level) == (value < own_level)


def test_the_smallest_detectable_effect_is_found_four_times_in_five() -> None:
    source = np.random.default_rng(3)
    effect = detectable(0.02, tail=0.025)
    found = np.abs(source.normal(effect, 0.02, size=200_000)) > 1.959964 * 0.02
    assert found.mean() == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(("level", "clips"), [(0.05, 6), (0.04, 6), (0.5, 3), (0.002, 10)])
def test_so_many_clips_of_one_way_are_the_fewest_that_are_found(level: float, clips: int) -> None:
    assert least_clips(level) == clips
    assert flip_signs(np.ones(clips)).p_value(clips) < level
    assert flip_signs(np.ones(clips - 1)).p_value(clips - 1) >= level


def test_student_s_t_is_turned_into_the_normal_deviate_of_its_tail() -> None:
    # 5 % of Student's t with 2, 4 and 29 degrees of freedom lies beyond these.
    for freedom, quantile in ((2, 4.303), (4, 2.776), (29, 2.045)):
        normal = as_normal(np.array([quantile]), freedom)
        assert normal_tail(normal)[0] == pytest.approx(0.05, rel=0.1)
    assert normal_tail(np.array([1.0]))[0] == erfc(1 / sqrt(2))


def test_of_changes_of_one_size_no_p_value_is_raised() -> None:
    changes = np.array([1.0] * 12 + [-1.0] * 3)
    flips = flip_signs(changes)
    assert allow_for_unlike(flips, changes) is flips


def test_heavy_changes_against_a_difference_raise_its_p_value() -> None:
    """Twenty questions won one by one, four lost in one clip: the next clip may lose four more."""
    changes = np.array([1.0] * 20 + [-4.0])
    flips = flip_signs(changes)
    allowed = allow_for_unlike(flips, changes)
    assert allowed.p_value(16) > 2 * flips.p_value(16)
    assert (np.diff(allowed.tails) <= 0).all()
    assert allow_for_unlike(flips, -changes).p_value(16) == allowed.p_value(16)


def test_heavy_changes_for_a_difference_leave_its_p_value() -> None:
    changes = np.array([1.0] * 10 + [4.0])
    flips = flip_signs(changes)
    assert allow_for_unlike(flips, changes).p_value(14) == flips.p_value(14)


def test_heavy_changes_that_did_not_come_are_allowed_for() -> None:
    changes = np.full(10, 1.0)
    flips = flip_signs(changes)
    normal = erfc(10 / sqrt(10 + 12) / sqrt(2))
    assert allow_for_unlike(flips, changes, 12.0).p_value(10) == pytest.approx(normal)

"""Ranks as ranges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.comparing.ranks import rank_ranges

_intervals = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 6)).map(
        lambda pair: (pair[0] / 20, (pair[0] + pair[1]) / 20)
    ),
    max_size=12,
)


@given(_intervals)
def test_a_rank_range_counts_those_that_are_surely_above_and_surely_below(
    intervals: list[tuple[float, float]],
) -> None:
    expected = [
        (
            1 + sum(lower > own_upper for lower, _ in intervals),
            len(intervals) - sum(upper < own_lower for _, upper in intervals),
        )
        for own_lower, own_upper in intervals
    ]
    assert rank_ranges(intervals) == expected


def test_models_whose_intervals_overlap_share_their_ranks() -> None:
    assert rank_ranges([(0.8, 0.9), (0.6, 0.7), (0.65, 0.75)]) == [(1, 1), (2, 3), (2, 3)]


def test_intervals_that_touch_are_not_told_apart() -> None:
    assert rank_ranges([(0.5, 0.6), (0.6, 0.7)]) == [(1, 2), (1, 2)]

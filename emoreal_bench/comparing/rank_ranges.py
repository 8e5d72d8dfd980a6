"""Ranks as ranges: two models share ranks where their scores cannot be told apart."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from emoreal_bench.contracts.scores import Interval


def rank_ranges(intervals: Sequence[Interval]) -> list[tuple[int, int]]:
    """Give each score the best and the worst rank that it may hold.

    A score is above another only if its whole interval is; intervals that touch
    do not separate. So the best rank is one more than the number of scores
    surely above, the worst is the number of all less those surely below.

    Args:
        intervals: Lower and upper bound of each score; larger is better.

    Returns:
        ``(best, worst)`` for each interval, in the same order, from 1.
    """
    lower_bounds = sorted(lower for lower, _ in intervals)
    upper_bounds = sorted(upper for _, upper in intervals)
    total = len(intervals)
    return [
        (1 + total - bisect_right(lower_bounds, upper), total - bisect_left(upper_bounds, lower))
        for lower, upper in intervals
    ]

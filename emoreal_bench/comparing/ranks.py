"""Ranks as ranges: two models share ranks where their scores cannot be told apart.

Two intervals that overlap do not show that two models are equal: both answered
the same items, so most of the chance in their scores is shared. So where the
items are at hand, every two models are tested on those that both answered.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from emoreal_bench.comparing.paired import (
    ClipSums,
    Paired,
    corrected,
    normal_clips,
    scored_subtasks,
    sum_by_clip,
)
from emoreal_bench.comparing.runs import load_answers
from emoreal_bench.contracts.run_record import ITEMS_FILE, PLAN_FILE
from emoreal_bench.contracts.scores import Interval
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.statistics.intervals import CONFIDENCE


def has_items(folder: Path | None) -> bool:
    """Return whether a run folder still holds its plan and its log."""
    return folder is not None and all((folder / name).is_file() for name in (PLAN_FILE, ITEMS_FILE))


def load_clip_sums(folder: Path, scorings: Sequence[Scoring]) -> dict[Scoring, ClipSums]:
    """Read the answers of a run and sum them by clip.

    Raises:
        RunError: If the folder holds no run, or its plan is damaged.
    """
    run = load_answers(folder, scorings)
    names = scored_subtasks(run.task, run.frame)
    items = sum_by_clip(run.frame, names, np.ones(run.frame.clip.size, np.bool_))
    return {
        scoring: ClipSums(items, sum_by_clip(run.frame, names, run.right(scoring)))
        for scoring in scorings
    }


def paired_rank_ranges(runs: Sequence[ClipSums]) -> list[tuple[int, int]]:
    """Return each run the best and the worst rank that it may hold.

    A run is above another only if a test of their difference, its p-value
    corrected for the number of all pairs, finds it better.

    Args:
        runs: Of the same items.

    Returns:
        ``(best, worst)`` for each run, in the same order, from 1.
    """
    tests = {
        (first, second): normal_clips(Paired(runs[first], runs[second]))
        for first, second in combinations(range(len(runs)), 2)
    }
    p_values = corrected({pair: test.p_value for pair, test in tests.items()})
    above, below = [0] * len(runs), [0] * len(runs)
    for (first, second), test in tests.items():
        if p_values[first, second] < 1 - CONFIDENCE:
            better, worse = (second, first) if test.estimate > 0 else (first, second)
            below[better] += 1
            above[worse] += 1
    return [(1 + above[run], len(runs) - below[run]) for run in range(len(runs))]


def rank_ranges(intervals: Sequence[Interval]) -> list[tuple[int, int]]:
    """Return each score the best and the worst rank that it may hold.

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

"""Ranks as ranges, from the intervals alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.comparing.ranks import LoneScore, rank_ranges

_scores = st.lists(
    st.tuples(st.integers(1, 19), st.integers(1, 6), st.integers(2, 900)).map(
        lambda given: LoneScore(
            given[0] / 20,
            (max(0.0, (given[0] - given[1]) / 20), min(1.0, (given[0] + given[1]) / 20)),
            given[2],
        )
    ),
    max_size=12,
)


def ranks_of(*scores: tuple[float, float], clips: int = 500) -> list[tuple[int, int]]:
    """Rank values with half the width of their intervals."""
    return rank_ranges(
        [LoneScore(value, (value - half, value + half), clips) for value, half in scores]
    )


@given(_scores)
def test_every_score_has_a_range_that_holds_its_own_place(scores: list[LoneScore]) -> None:
    values = [score.value for score in scores]
    for score, (best, worst) in zip(scores, rank_ranges(scores), strict=True):
        assert 1 <= best <= 1 + sum(value > score.value for value in values)
        assert len(scores) >= worst >= len(scores) - sum(value < score.value for value in values)


def test_scores_that_chance_explains_share_their_ranks() -> None:
    assert ranks_of((0.85, 0.02), (0.65, 0.02), (0.67, 0.02)) == [(1, 1), (2, 3), (2, 3)]


def test_intervals_that_touch_are_told_apart_only_if_there_are_few_of_them() -> None:
    two = [(0.50, 0.05), (0.60, 0.05)]
    assert ranks_of(*two) == [(2, 2), (1, 1)]
    many = [*two, *((0.55, 0.05) for _ in range(18))]
    assert ranks_of(*many)[:2] == [(1, 20), (1, 20)]


def test_few_clips_need_a_wider_lead() -> None:
    lead = [(0.2, 0.25), (0.6, 0.25)]
    assert ranks_of(*lead, clips=400) == [(2, 2), (1, 1)]
    assert ranks_of(*lead, clips=4) == [(1, 2), (1, 2)]
    assert ranks_of((0.0, 0.0), (1.0, 0.0), clips=1) == [(1, 2), (1, 2)]


def test_a_perfect_run_without_an_interval_holds_a_rank() -> None:
    scores = [LoneScore(1.0, None, 60), LoneScore(0.5, (0.4, 0.6), 60), LoneScore(0.0, None, 60)]
    assert rank_ranges(scores) == [(1, 1), (2, 2), (3, 3)]

"""Two runs of the same items."""

from __future__ import annotations

import random

import numpy as np
import pytest

from emoreal_bench.contracts.comparison import Comparison, Verdict
from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.collect import Readings, collect_readings
from emoreal_bench.scoring.frame import build_frame
from tests.unit.scoring.scoring_data import compare_scores, make_item, make_task, replies

TASK = make_task()
SUBTASKS = ("modality_agreement", "reasoning_stress_audio")
STRICT = [Scoring.STRICT]


def _items(count: int) -> list[Item]:
    return [
        make_item(str(i), "AB"[i % 2], SUBTASKS[i % 2 if i % 3 else 0], clip=f"c{i // 2}")
        for i in range(count)
    ]


def _read(
    items: list[Item], skill: float, seed: int, scoring: Scoring = Scoring.STRICT
) -> Readings:
    source = random.Random(seed)
    texts = [(i.id, i.answer if source.random() < skill else "hm") for i in items]
    return collect_readings(
        TASK, build_frame(TASK, items), items, replies(texts), [scoring]
    ).readings[scoring]


def _compare(items: list[Item], first: float, second: float) -> Comparison:
    runs = _read(items, first, 1), _read(items, second, 2)
    return compare_scores(TASK, build_frame(TASK, items), *runs)


def test_a_clear_gain_is_better_in_every_subtask_and_on_average() -> None:
    comparison = _compare(_items(600), 0.5, 0.8)
    assert {d.verdict for d in comparison.subtasks.values()} == {Verdict.BETTER}
    assert comparison.average.verdict is Verdict.BETTER
    mean = sum(d.difference for d in comparison.subtasks.values()) / len(comparison.subtasks)
    assert comparison.average.difference == pytest.approx(mean)


def test_exchanging_the_runs_turns_the_verdict_round() -> None:
    items = _items(600)
    frame = build_frame(TASK, items)
    one, other = _read(items, 0.5, 1), _read(items, 0.8, 2)
    there = compare_scores(TASK, frame, one, other)
    back = compare_scores(TASK, frame, other, one)
    for name, difference in there.subtasks.items():
        reverse = back.subtasks[name]
        assert reverse.difference == -difference.difference
        mirrored = [-bound for bound in (difference.interval or ())[::-1]]
        assert reverse.interval == pytest.approx(mirrored)
        assert reverse.p_value == difference.p_value
        assert reverse.verdict is Verdict.WORSE


def test_a_run_and_itself_are_identical() -> None:
    items = _items(100)
    run = _read(items, 0.6, 1)
    comparison = compare_scores(TASK, build_frame(TASK, items), run, run)
    assert comparison.average.interval == (0.0, 0.0)
    assert {d.verdict for d in comparison.subtasks.values()} == {Verdict.IDENTICAL}
    assert comparison.average.verdict is Verdict.IDENTICAL


def test_runs_that_are_right_on_other_items_are_not_identical() -> None:
    items = _items(100)
    frame = build_frame(TASK, items)
    alternating = [(item.id, item.answer if i % 2 else "hm") for i, item in enumerate(items)]
    other = [(item.id, "hm" if i % 2 else item.answer) for i, item in enumerate(items)]
    one, two = (
        collect_readings(TASK, frame, items, replies(texts), STRICT).readings[Scoring.STRICT]
        for texts in (alternating, other)
    )
    comparison = compare_scores(TASK, frame, one, two)
    assert all(d.verdict is not Verdict.IDENTICAL for d in comparison.subtasks.values())


@pytest.mark.parametrize(("clips", "verdict"), [(2, Verdict.TOO_SMALL), (20, Verdict.BETTER)])
def test_where_all_clips_change_alike_their_number_decides(clips: int, verdict: Verdict) -> None:
    # Ten questions to a clip: many items, but no more witnesses than clips.
    items = [make_item(str(i), "A", SUBTASKS[0], clip=f"c{i // 10}") for i in range(10 * clips)]
    comparison = _compare(items, 0.0, 1.0)
    assert comparison.average.verdict is verdict
    assert comparison.subtasks[SUBTASKS[0]].verdict is verdict
    # Chance alone would bring a difference of up to 0.4 to 20 such clips.
    expected = None if verdict is Verdict.TOO_SMALL else pytest.approx((0.6, 1.0), abs=0.001)
    assert comparison.average.interval == expected


def test_runs_of_free_answers_are_refused_and_the_judge_is_named() -> None:
    task = make_task({"described": {"answer": "open", "chance": 0}})
    items = [make_item("1", "She is sad.", "described", choices=())]
    frame = build_frame(task, items)
    readings = collect_readings(task, frame, items, replies([("1", "Sad.")]), STRICT).readings
    with pytest.raises(NotComparableError, match="free text") as caught:
        compare_scores(task, frame, readings[Scoring.STRICT], readings[Scoring.STRICT])
    assert "emoreal-bench judge" in (caught.value.remedy or "")


def test_few_items_are_called_too_small_a_test_and_the_size_that_would_do_is_named() -> None:
    average = _compare(_items(12), 0.5, 0.6).average
    assert average.verdict is Verdict.TOO_SMALL
    assert average.clips == 6
    assert average.clips_needed is not None
    assert average.items_needed is not None
    assert average.clips_needed > 500
    assert average.items_needed == 2 * average.clips_needed


def test_a_test_that_can_see_three_points_needs_no_more() -> None:
    items = _items(4000)
    frame = build_frame(TASK, items)
    run = _read(items, 0.9, 1)
    other = Readings(run.scoring, run.outcome, run.answer.copy(), run.counted)
    flipped = np.random.default_rng(0).choice(len(items), 80, replace=False)
    other.answer[flipped] = np.where(other.answer[flipped] == 0, 1, 0)
    average = compare_scores(TASK, frame, run, other).average
    assert average.smallest_detectable is not None
    assert average.smallest_detectable < 0.03
    assert average.clips_needed is average.items_needed is None
    assert average.verdict in (Verdict.NO_EVIDENCE, Verdict.WORSE)


def test_average_and_subtasks_are_one_family() -> None:
    comparison = _compare(_items(600), 0.6, 0.6)
    rows = (*comparison.subtasks.values(), comparison.average)
    levels = [row.level for row in rows]
    assert levels == pytest.approx([0.005, 0.005, 0.04])
    assert all((row.adjusted_p_value or 0) >= (row.p_value or 0) > 0 for row in rows)


def test_a_single_subtask_and_the_average_are_one_test() -> None:
    items = [make_item(str(i), "A", SUBTASKS[0], clip=f"c{i // 3}") for i in range(300)]
    comparison = _compare(items, 0.5, 0.7)
    alone = comparison.subtasks[SUBTASKS[0]]
    assert (alone.level, alone.p_value) == (0.05, comparison.average.p_value)
    assert alone.verdict is comparison.average.verdict


def test_discordant_items_are_counted_on_both_sides() -> None:
    items = [make_item(str(i), "A") for i in range(4)]
    frame = build_frame(TASK, items)
    first, second = (
        collect_readings(TASK, frame, items, replies(texts), STRICT).readings[Scoring.STRICT]
        for texts in (
            [("0", "A"), ("1", "A"), ("2", "B")],
            [("0", "A"), ("1", "B"), ("2", "A"), ("3", "A")],
        )
    )
    difference = compare_scores(TASK, frame, first, second).subtasks["reasoning_stress_audio"]
    assert (difference.only_first, difference.only_second) == (1, 2)
    assert (difference.first, difference.second, difference.n) == (0.5, 0.75, 4)


def test_no_difference_is_found_too_often_between_equal_models() -> None:
    """Of 40 pairs of equally good runs at most a few may be told apart."""
    items = _items(120)
    frame = build_frame(TASK, items)
    told_apart = 0
    for seed in range(40):
        runs = _read(items, 0.6, 2 * seed), _read(items, 0.6, 2 * seed + 1)
        verdict = compare_scores(TASK, frame, *runs).average.verdict
        told_apart += verdict in (Verdict.BETTER, Verdict.WORSE)
    assert told_apart <= 6


def test_runs_without_common_ground_are_refused() -> None:
    items = _items(10)
    frame = build_frame(TASK, items)
    official = _read(items, 0.5, 1, Scoring.OFFICIAL)
    nothing = collect_readings(TASK, frame, items, [], [Scoring.OFFICIAL])
    with pytest.raises(NotComparableError, match="common"):
        compare_scores(TASK, frame, official, nothing.readings[Scoring.OFFICIAL])

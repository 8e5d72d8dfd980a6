"""The paired test of metrics that are no sums over clips."""

from __future__ import annotations

import numpy as np
import pytest

from emoreal_bench.comparing.metric_differences import metric_tests
from emoreal_bench.comparing.paired import pair_up
from emoreal_bench.comparing.scores import compare_pair
from emoreal_bench.contracts.comparison import Comparison, Verdict
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.collect import Readings
from emoreal_bench.scoring.frame import build_frame
from tests.unit.comparing.test_check_drops import binomial_bound
from tests.unit.scoring.scoring_data import make_item, make_task

LABELS = ("anger", "fear", "joy")
TASK = make_task(
    {"words": {"answer": "label", "chance": 1 / 3, "labels": LABELS}},
    metrics=["accuracy", "cohen_kappa"],
)
CLIPS = 40
ITEMS = [
    make_item(str(i), LABELS[i % 3], "words", choices=(), clip=f"c{i // 2}")
    for i in range(2 * CLIPS)
]
FRAME = build_frame(TASK, ITEMS)


def answers(skill: float, seed: int) -> Readings:
    """Answer right on a share of the clips, and at random on the others."""
    source = np.random.default_rng(seed)
    knows = (source.random(CLIPS) < skill)[FRAME.clip]
    answer = np.where(knows, FRAME.gold, source.integers(0, 3, FRAME.gold.size)).astype(np.int8)
    count = answer.size
    return Readings(Scoring.STRICT, np.zeros(count, np.int8), answer, np.ones(count, np.bool_))


def compare(first: Readings, second: Readings, seed: int = 0) -> Comparison:
    right = (first.answer == FRAME.gold, second.answer == FRAME.gold)
    pair = pair_up(TASK, FRAME, right, first.counted)
    return compare_pair(pair, Scoring.STRICT, metric_tests(TASK, FRAME, (first, second), seed))


def test_of_equal_models_the_metric_is_told_apart_no_more_often_than_the_level_says() -> None:
    tables = 100
    found = 0
    for seed in range(tables):
        table = compare(answers(0.5, 2 * seed), answers(0.5, 2 * seed + 1))
        rows = (table.average, table.metrics["cohen_kappa"]["words"])
        found += any(row.verdict in (Verdict.BETTER, Verdict.WORSE) for row in rows)
    assert found <= binomial_bound(tables, 0.05)


def test_verdict_and_interval_agree_and_a_clear_loss_is_found() -> None:
    seen = set()
    for skill in (0.9, 0.7, 0.5, 0.1):
        row = compare(answers(0.9, 1), answers(skill, 2)).metrics["cohen_kappa"]["words"]
        assert row.interval is not None
        is_apart = row.interval[0] > 0 or row.interval[1] < 0
        assert is_apart is (row.verdict in (Verdict.BETTER, Verdict.WORSE))
        assert row.difference == pytest.approx(row.second - row.first)
        seen.add(row.verdict)
    assert Verdict.WORSE in seen


def test_metric_and_accuracy_are_one_family() -> None:
    table = compare(answers(0.6, 1), answers(0.6, 2))
    rows = (table.average, table.metrics["cohen_kappa"]["words"])
    assert [row.level for row in rows] == pytest.approx([0.04, 0.01])
    assert table.subtasks["words"].level == table.average.level


def test_a_run_and_itself_are_identical_by_every_metric() -> None:
    run = answers(0.5, 1)
    assert compare(run, run).metrics["cohen_kappa"]["words"].verdict is Verdict.IDENTICAL


def test_exchanges_are_drawn_by_the_seed() -> None:
    runs = answers(0.5, 1), answers(0.6, 2)
    first, again, other = (
        compare(*runs, seed=seed).metrics["cohen_kappa"]["words"].p_value for seed in (1, 1, 2)
    )
    assert first == again != other

"""Variation over repeats of a run."""

from __future__ import annotations

import pytest

from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.collect import Readings, collect_readings
from emoreal_bench.scoring.frame import build_frame
from emoreal_bench.scoring.repeats import repeat_spread
from emoreal_bench.scoring.score import score
from tests.unit.scoring.scoring_data import make_item, make_task, replies

TASK = make_task()
ITEMS = [
    *(make_item(str(i), "A", "modality_agreement") for i in range(2)),
    *(make_item(str(i), "B") for i in range(2, 6)),
]
FRAME = build_frame(TASK, ITEMS)
RUNS = ("AABBBB", "ABBBBB", "AABBBA")


def _read(letters: str, scoring: Scoring = Scoring.STRICT) -> Readings:
    given = replies((str(i), letter) for i, letter in enumerate(letters))
    return collect_readings(TASK, FRAME, ITEMS, given, [scoring]).readings[scoring]


def test_the_spread_is_that_of_the_average_accuracies() -> None:
    spread = repeat_spread(FRAME, [_read(letters) for letters in RUNS])
    assert spread.averages == (1.0, 0.75, 0.875)
    assert spread.mean == pytest.approx(0.875)
    assert spread.standard_deviation == pytest.approx(0.125)
    assert spread.changed == pytest.approx(2 / 6)


def test_its_averages_are_those_of_the_results() -> None:
    spread = repeat_spread(FRAME, [_read(letters) for letters in RUNS])
    for letters, average in zip(RUNS, spread.averages, strict=True):
        given = replies((str(i), letter) for i, letter in enumerate(letters))
        results = score(TASK, ITEMS, given, scorings=[Scoring.STRICT])
        assert results.scores["strict"].average_accuracy == average


def test_repeats_need_two_runs_of_one_scoring() -> None:
    for runs in ([_read("AABBBB")], [_read("AABBBB"), _read("AABBBB", Scoring.OFFICIAL)]):
        with pytest.raises(NotComparableError):
            repeat_spread(FRAME, runs)


def test_the_spread_of_a_subtask_is_that_of_its_accuracies() -> None:
    spread = repeat_spread(FRAME, [_read(letters) for letters in RUNS])
    # 2, 1, 2 of two, and 4, 4, 3 of four.
    assert spread.subtasks == pytest.approx(
        {"modality_agreement": 1 / 2 / 3**0.5, ITEMS[-1].subtask: 1 / 4 / 3**0.5}
    )

"""Calibration and shifts of choice scores."""

from __future__ import annotations

import random
from math import log

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.contracts.result import ChoiceScores
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus
from emoreal_bench.scoring.choice_probabilities import (
    calibration_error,
    log_likelihood_shift,
    probabilities,
)
from emoreal_bench.scoring.collect import Reply
from emoreal_bench.scoring.score import score
from tests.unit.scoring.scoring_data import make_item, make_task

LOGITS = ChoiceScoreKind.LETTER_LOGIT


def _scores(yes: float) -> ChoiceScores:
    return ChoiceScores(LOGITS, {"A": log(yes), "B": log(1 - yes)})


def test_log_probabilities_are_normalised_over_the_options() -> None:
    far_down = ChoiceScores(LOGITS, {"A": -1000.0, "B": -1000.0 + log(3)})
    assert probabilities(far_down) == pytest.approx({"A": 0.25, "B": 0.75})
    votes = ChoiceScores(ChoiceScoreKind.SAMPLED_VOTES, {"A": 3, "B": 1})
    assert probabilities(votes) == pytest.approx({"A": 0.75, "B": 0.25})
    assert probabilities(ChoiceScores(ChoiceScoreKind.SAMPLED_VOTES, {"A": 0, "B": 0})) is None


def test_confidence_that_keeps_its_promise_is_calibrated() -> None:
    confidence = np.full(100, 0.75)
    kept = np.arange(100) < 75
    assert calibration_error(confidence, kept) == pytest.approx(0)
    assert calibration_error(confidence, np.zeros(100, bool)) == pytest.approx(0.75)
    assert calibration_error(np.ones(4), np.array([True, True, True, False])) == pytest.approx(0.25)


def test_scores_hold_calibration_where_choices_were_scored() -> None:
    source = random.Random(1)
    shares = [source.uniform(0.01, 0.99) for _ in range(60)]
    items = [make_item(str(i), source.choice("AB")) for i in range(61)]
    replies = [
        Reply(str(i), DeliveryStatus.OK, "A" if share >= 0.5 else "B", _scores(share))
        for i, share in enumerate(shares)
    ]
    report = score(make_task(), items, replies).scores["strict"]
    scores = report.subtasks["reasoning_stress_audio"]
    gold = [item.answer == "A" for item in items[:60]]
    # With two options both miss by the same, so the sum is twice the one-sided score.
    assert scores.brier == pytest.approx(2 * brier_score_loss(gold, shares), rel=1e-5)
    assert scores.calibration_error is not None
    assert 0 <= scores.calibration_error <= 1


def test_without_choice_scores_there_is_no_calibration() -> None:
    results = score(make_task(), [make_item("1", "A")], [Reply("1", DeliveryStatus.OK, "A")])
    scores = results.scores["strict"].subtasks["reasoning_stress_audio"]
    assert not {"brier", "calibration_error"} & scores.model_fields_set


def test_the_shift_is_the_mean_fall_of_the_right_answers_log_likelihood() -> None:
    items = [make_item("1", "A"), make_item("2", "B"), make_item("3", "A")]
    first = {"1": _scores(0.8), "2": _scores(0.2), "3": _scores(0.5)}
    second = {"1": _scores(0.4), "2": _scores(0.6)}
    shift = log_likelihood_shift(items, first, second)
    assert shift.n == 2
    assert shift.mean == pytest.approx((log(0.8 / 0.4) + log(0.8 / 0.4)) / 2)
    assert shift.interval is None  # Two clips that change alike say nothing of others.
    assert log_likelihood_shift(items[::-1], first, second) == shift


def test_shifts_need_scores_of_one_kind_for_the_same_items() -> None:
    items = [make_item("1", "A")]
    other = ChoiceScores(ChoiceScoreKind.SAMPLED_VOTES, {"A": 1, "B": 1})
    with pytest.raises(NotComparableError, match="kinds"):
        log_likelihood_shift(items, {"1": _scores(0.5)}, {"1": other})
    with pytest.raises(NotComparableError, match="No item"):
        log_likelihood_shift(items, {"1": _scores(0.5)}, {})
    never = ChoiceScores(LOGITS, {"B": 0.0})
    with pytest.raises(NotComparableError, match="item 1"):
        log_likelihood_shift(items, {"1": never}, {"1": _scores(0.5)})

"""How often a check is wrong, and what it says where it cannot know."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from emoreal_bench.comparing.drops import check_drops
from emoreal_bench.contracts.check import (
    AverageLimits,
    CheckRules,
    Decision,
    RuleResult,
    SubtaskLimits,
)
from emoreal_bench.contracts.comparison import AVERAGE, Verdict
from tests.run_factory import SUBTASK_ITEMS
from tests.unit.comparing.made_up_answers import StochasticModel, as_run, make_model

RERUNS = 200
NO_DROP_AT_ALL = {
    "average": AverageLimits(largest_drop=0.0),
    "every_subtask": SubtaskLimits(largest_drop=0.0),
}


def binomial_bound(trials: int, chance: float, confidence: float = 0.999) -> int:
    """Give the number of successes that is not passed with so much confidence."""
    share, count = 0.0, -1
    while share < confidence:
        count += 1
        share += comb(trials, count) * chance**count * (1 - chance) ** (trials - count)
    return count


def hold(
    before: StochasticModel, after: StochasticModel, rules: CheckRules, seed: int
) -> dict[str, RuleResult]:
    source = np.random.default_rng(seed)
    was_right, is_right = before.answer(source), after.answer(source)
    checked = check_drops(as_run(after.frame, is_right), was_right, rules, seed)
    return {rule.about: rule for rule in checked}


def fails(results: dict[str, RuleResult]) -> bool:
    return not all(rule.passed for rule in results.values())


SMALL = {"modality_agreement": 300, "reasoning_stress_audio": 150, "reasoning_basic_video": 150}


SENSITIVE = CheckRules(level=0.2, **NO_DROP_AT_ALL)


@pytest.mark.parametrize(
    ("rules", "fewest", "sizes"),
    [
        (SENSITIVE, 8, SMALL),
        pytest.param(SENSITIVE, 8, SUBTASK_ITEMS, marks=pytest.mark.long),
        pytest.param(CheckRules(), 0, SUBTASK_ITEMS, marks=pytest.mark.long),
    ],
    ids=["600 items, no drop allowed", "4000 items, no drop allowed", "4000 items, default rules"],
)
def test_an_unchanged_stochastic_model_fails_no_more_often_than_the_level_says(
    rules: CheckRules, fewest: int, sizes: dict[str, int]
) -> None:
    model = make_model(np.random.default_rng(5), sizes)
    alarms = sum(fails(hold(model, model, rules, seed)) for seed in range(RERUNS))
    assert fewest <= alarms <= binomial_bound(RERUNS, rules.level)


def test_a_planted_drop_of_3_points_over_4000_items_is_caught() -> None:
    model = make_model(np.random.default_rng(6))
    assert model.chances.size == 4000
    worse = model.worsened(by=0.03)
    caught = [hold(model, worse, CheckRules(), seed) for seed in range(20)]
    assert sum(fails(results) for results in caught) >= 18


def test_a_model_that_lost_3_points_on_every_item_it_knew_is_called_worse() -> None:
    model = make_model(np.random.default_rng(7))
    was_right = model.answer(np.random.default_rng(8))
    known = np.flatnonzero(was_right)
    is_right = was_right.copy()
    is_right[np.random.default_rng(9).choice(known, 120, replace=False)] = False
    rules = {
        rule.about: rule
        for rule in check_drops(as_run(model.frame, is_right), was_right, CheckRules(), seed=0)
    }
    drop = rules[AVERAGE].drop
    assert drop is not None
    assert drop.verdict is Verdict.WORSE
    assert not rules[AVERAGE].passed
    assert "chance does not explain it" in rules[AVERAGE].summary


def test_a_subtask_too_small_for_the_drop_asked_about_says_so() -> None:
    sizes = {"modality_agreement": 30, "reasoning_stress_audio": 3000}
    model = make_model(np.random.default_rng(10), sizes)
    answers = model.answer(np.random.default_rng(1))
    checked = check_drops(as_run(model.frame, answers), answers, CheckRules(), seed=0)
    results = {rule.about: rule for rule in checked}
    small, large = results["modality_agreement"], results["reasoning_stress_audio"]
    assert small.passed
    assert small.drop is not None
    assert small.drop.verdict is Verdict.TOO_SMALL
    assert small.drop.smallest_detectable > 0.03
    assert "too small a test for a drop of 3.0 points" in small.summary
    assert large.drop is not None
    assert large.drop.verdict is Verdict.NO_EVIDENCE


def test_a_real_drop_that_is_surely_smaller_than_allowed_passes() -> None:
    model = make_model(np.random.default_rng(11), {"modality_agreement": 4000})
    was_right = np.ones(4000, np.bool_)
    is_right = was_right.copy()
    is_right[:40] = False
    rules = CheckRules(every_subtask=SubtaskLimits(largest_drop=0.05))
    results = check_drops(as_run(model.frame, is_right), was_right, rules, seed=0)
    rule = next(rule for rule in results if rule.about == "modality_agreement")
    assert rule.drop is not None
    assert rule.drop.verdict is Verdict.WORSE
    assert rule.passed
    assert "surely by less than the 5.0 points allowed" in rule.summary


@pytest.mark.parametrize(("lost", "passed"), [(3, True), (4, False)])
def test_under_absolute_rules_the_number_alone_decides(lost: int, *, passed: bool) -> None:
    model = make_model(np.random.default_rng(12), {"modality_agreement": 100})
    was_right = np.ones(100, np.bool_)
    is_right = was_right.copy()
    is_right[:lost] = False
    rules = CheckRules(decide=Decision.ABSOLUTE)
    results = check_drops(as_run(model.frame, is_right), was_right, rules, seed=0)
    assert {rule.about: rule.passed for rule in results} == {
        "modality_agreement": passed,
        AVERAGE: passed,
    }


def test_a_subtask_whose_limit_is_null_is_not_tested() -> None:
    sizes = {"modality_agreement": 50, "reasoning_stress_audio": 50}
    model = make_model(np.random.default_rng(13), sizes)
    rules = CheckRules(subtasks={"modality_agreement": SubtaskLimits(largest_drop=None)})
    assert set(hold(model, model, rules, seed=2)) == {"reasoning_stress_audio", AVERAGE}


def test_the_same_seed_gives_the_same_report_to_the_last_digit() -> None:
    model = make_model(np.random.default_rng(14), {"modality_agreement": 200})
    reports = [hold(model, model, CheckRules(), seed=3) for _ in range(2)]
    assert reports[0] == reports[1]

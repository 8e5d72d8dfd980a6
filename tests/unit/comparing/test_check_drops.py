"""How often a check is wrong, and what it says where it cannot know."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from numpy.typing import NDArray

from emoreal_bench.comparing.drops import check_drops
from emoreal_bench.comparing.paired import pair_up
from emoreal_bench.comparing.scores import compare_pair
from emoreal_bench.contracts.check import (
    AverageLimits,
    CheckRules,
    Decision,
    DropTest,
    RuleResult,
    SubtaskLimits,
)
from emoreal_bench.contracts.comparison import AVERAGE, Verdict
from emoreal_bench.contracts.vocabulary import Scoring
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
    checked = check_drops(as_run(after.frame, is_right), was_right, rules)
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
        for rule in check_drops(as_run(model.frame, is_right), was_right, CheckRules())
    }
    drop = rules[AVERAGE].drop
    assert drop is not None
    assert drop.verdict is Verdict.WORSE
    assert not rules[AVERAGE].passed
    assert "chance does not explain it" in rules[AVERAGE].summary


def change(answers: NDArray[np.bool_], count: int, seed: int = 0) -> NDArray[np.bool_]:
    """Turn some right answers wrong and as many wrong ones right."""
    source, changed = np.random.default_rng(seed), answers.copy()
    for value in (True, False):
        changed[source.choice(np.flatnonzero(answers == value), count, replace=False)] = not value
    return changed


def test_a_subtask_too_small_for_the_drop_asked_about_says_which_size_would_do() -> None:
    sizes = {"modality_agreement": 30, "reasoning_stress_audio": 3000}
    model = make_model(np.random.default_rng(10), sizes)
    was_right = model.answer(np.random.default_rng(1))
    is_right = np.concatenate([change(was_right[:30], 3), change(was_right[30:], 40)])
    checked = check_drops(as_run(model.frame, is_right), was_right, CheckRules())
    results = {rule.about: rule for rule in checked}
    small, large = results["modality_agreement"], results["reasoning_stress_audio"]
    assert small.passed
    assert small.undecided
    assert small.drop is not None
    assert small.drop.verdict is Verdict.TOO_SMALL
    assert small.drop.smallest_detectable is not None
    assert small.drop.smallest_detectable > 0.03
    assert "too small a test for a drop of 3.0 points" in small.summary
    assert f"would find 3.0 with about {small.drop.items_needed:,} items" in small.summary
    assert large.drop is not None
    assert large.drop.verdict is Verdict.NO_EVIDENCE
    assert not large.undecided


def test_the_size_that_is_named_finds_the_drop_four_times_in_five() -> None:
    source = np.random.default_rng(20)
    limits = CheckRules(every_subtask=SubtaskLimits(largest_drop=0.05))

    def drop_by(by: float, items: int) -> DropTest:
        model = make_model(source, {"modality_agreement": items})
        before, after = model.answer(source), model.worsened(by).answer(source)
        drop = check_drops(as_run(model.frame, after), before, limits)[0].drop
        assert drop is not None
        return drop

    named = [drop_by(0.0, 400).items_needed for _ in range(15)]
    needed = round(sum(size or 400 for size in named) / len(named))
    found = sum(drop_by(0.05, needed).verdict is Verdict.WORSE for _ in range(80))
    assert 50 <= found <= binomial_bound(80, 0.8)


def test_a_model_against_itself_is_identical_whatever_its_size() -> None:
    model = make_model(np.random.default_rng(10), {"modality_agreement": 4})
    answers = model.answer(np.random.default_rng(1))
    for rule in check_drops(as_run(model.frame, answers), answers, CheckRules()):
        assert rule.drop is not None
        assert rule.drop.verdict is Verdict.IDENTICAL
        assert rule.passed
        assert not rule.undecided


def test_an_improved_model_is_decided_where_no_drop_is_possible_any_more() -> None:
    """It gained 13 of 200 items and lost 5: too few to be called better, but not 3 points worse."""
    model = make_model(np.random.default_rng(11), {"modality_agreement": 200})
    was_right = np.arange(200) % 2 > 0
    is_right = was_right.copy()
    is_right[0:26:2] = True
    is_right[1:11:2] = False
    rules = CheckRules(every_subtask=SubtaskLimits(largest_drop=0.05))
    results = check_drops(as_run(model.frame, is_right), was_right, rules)
    rule = next(rule for rule in results if rule.about == "modality_agreement")
    assert rule.drop is not None
    assert rule.drop.verdict is Verdict.TOO_SMALL
    assert "from 50.0 to 54.0 %: surely no drop of 5.0 points" in rule.summary
    assert not rule.undecided


def test_check_and_compare_say_the_same() -> None:
    model = make_model(np.random.default_rng(15), SMALL)
    source = np.random.default_rng(16)
    verdicts = set()
    for by in (0.0, 0.05, 0.15):
        before, after = model.answer(source), model.worsened(by).answer(source)
        run = as_run(model.frame, after)
        checked = check_drops(run, before, CheckRules())
        pair = pair_up(run.task, run.frame, (before, after), np.ones(before.size, np.bool_))
        table = compare_pair(pair, Scoring.STRICT)
        rows = {**table.subtasks, AVERAGE: table.average}
        for rule in checked:
            assert rule.drop is not None
            row = rows[rule.about]
            assert (rule.drop.verdict, rule.drop.interval) == (row.verdict, row.interval)
            assert rule.drop.adjusted_p_value == row.adjusted_p_value
            verdicts.add(row.verdict)
    assert Verdict.WORSE in verdicts


def test_a_real_drop_that_is_surely_smaller_than_allowed_passes() -> None:
    model = make_model(np.random.default_rng(11), {"modality_agreement": 4000})
    was_right = np.ones(4000, np.bool_)
    is_right = was_right.copy()
    is_right[:40] = False
    rules = CheckRules(every_subtask=SubtaskLimits(largest_drop=0.05))
    results = check_drops(as_run(model.frame, is_right), was_right, rules)
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
    results = check_drops(as_run(model.frame, is_right), was_right, rules)
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

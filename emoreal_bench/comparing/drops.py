"""Whether accuracy has dropped against a baseline: one paired test for each limit."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.comparing.paired import corrected, pair_up, sign_flip_clips
from emoreal_bench.comparing.runs import AnsweredRun
from emoreal_bench.comparing.scores import compare_pair
from emoreal_bench.contracts.check import (
    CheckRules,
    Decision,
    DropTest,
    RuleKind,
    RuleResult,
)
from emoreal_bench.contracts.comparison import AVERAGE, Verdict
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.text import percent, points

_ROUNDING = 1e-9
"""A drop of 0.03 that is computed as 0.030000000000000027 is still allowed."""


def check_drops(
    run: AnsweredRun, was_right: NDArray[np.bool_], rules: CheckRules, seed: int
) -> list[RuleResult]:
    """Test every limit of a drop.

    Under statistical rules a drop fails if chance does not explain it (at the
    level of the rules, corrected for the number of tests of the check) and its
    interval reaches the largest drop allowed. So a model that did not
    change fails with the probability of the level at most, and a drop that is
    real but surely small passes.

    Args:
        run: With its replies read by the strict rules.
        was_right: ``(items,)`` whether the baseline has each item right.
        rules: The limits.
        seed: Of the intervals and the tests.

    Raises:
        NotComparableError: If no item is scored.
    """
    limits = _largest_drops(run, rules)
    counted = run.collected.readings[Scoring.STRICT].counted
    pair = pair_up(run.task, run.frame, (was_right, run.right(Scoring.STRICT)), counted)
    comparison = compare_pair(pair, Scoring.STRICT, seed=seed)
    differences = {**comparison.subtasks, AVERAGE: comparison.average}
    tests = {
        name: sign_flip_clips(pair if name == AVERAGE else pair.subtask(name), seed=seed, name=name)
        for name in differences
        if name in limits
    }
    worse = _adjusted({name: test.p_worse for name, test in tests.items()})
    better = _adjusted({name: test.p_better for name, test in tests.items()})
    results = []
    for name, test in tests.items():
        detectable = test.detectable(rules.level / _tests_sharing(name, tests)) or 0.0
        verdict = _verdict((worse[name], better[name]), rules.level, limits[name], detectable)
        change = differences[name]
        drop = DropTest(
            n=change.n,
            before=change.first,
            after=change.second,
            difference=change.difference,
            interval=change.interval,
            smallest_detectable=detectable,
            only_before=change.only_first,
            only_after=change.only_second,
            p_value=test.p_worse,
            adjusted_p_value=worse[name],
            verdict=verdict,
        )
        results.append(_result(name, limits[name], drop, rules.decide))
    return results


def _adjusted(p_values: Mapping[str, float]) -> dict[str, float]:
    """Correct for the number of tests.

    The average has half of the level for itself, since a model that becomes
    worse mostly does so everywhere; Holm's correction is over the subtasks.
    """
    adjusted = corrected({name: value for name, value in p_values.items() if name != AVERAGE})
    if AVERAGE not in p_values:
        return adjusted
    shares = 2 if adjusted else 1
    adjusted[AVERAGE] = p_values[AVERAGE]
    return {name: min(1.0, shares * value) for name, value in adjusted.items()}


def _tests_sharing(name: str, names: Collection[str]) -> int:
    """Say through what :func:`_adjusted` divides the level of a test at its first step."""
    subtasks = len(names) - (AVERAGE in names)
    shares = 2 if AVERAGE in names and subtasks else 1
    return shares * (1 if name == AVERAGE else subtasks)


def _largest_drops(run: AnsweredRun, rules: CheckRules) -> dict[str, float]:
    drops = {name: rules.limits_of(name).largest_drop for name in run.frame.layouts}
    drops[AVERAGE] = rules.average.largest_drop
    return {name: drop for name, drop in drops.items() if drop is not None}


def _verdict(
    p_values: tuple[float, float], level: float, limit: float, detectable: float
) -> Verdict:
    """Put a test into words; the p-values are of a drop and of a gain."""
    worse, better = p_values
    if worse <= level:
        return Verdict.WORSE
    if better <= level:
        return Verdict.BETTER
    return Verdict.TOO_SMALL if 0 < limit < detectable else Verdict.NO_EVIDENCE


def _result(about: str, limit: float, drop: DropTest, decide: Decision) -> RuleResult:
    if decide is Decision.ABSOLUTE:
        passed = -drop.difference <= limit + _ROUNDING
    else:
        reaches_limit = drop.interval is None or drop.interval[0] <= -limit + _ROUNDING
        passed = drop.verdict is not Verdict.WORSE or not reaches_limit
    return RuleResult(
        kind=RuleKind.DROP,
        about=about,
        metric="accuracy",
        limit=limit,
        value=drop.difference,
        passed=passed,
        summary=_absolute_words(limit, drop)
        if decide is Decision.ABSOLUTE
        else _words(limit, drop, passed=passed),
        drop=drop,
    )


def _absolute_words(limit: float, drop: DropTest) -> str:
    return (
        f"{_both(drop)}: {points(drop.difference)} points, where a drop of "
        f"{percent(limit)} is allowed"
    )


def _words(limit: float, drop: DropTest, *, passed: bool) -> str:
    match drop.verdict:
        case Verdict.WORSE if passed:
            words = f"worse, but surely by less than the {percent(limit)} points allowed"
        case Verdict.WORSE:
            words = "worse, and chance does not explain it"
        case Verdict.BETTER:
            words = "better, and chance does not explain it"
        case Verdict.TOO_SMALL:
            words = (
                f"too small a test for a drop of {percent(limit)} points; the smallest that it "
                f"finds four times in five is {percent(drop.smallest_detectable)}"
            )
        case Verdict.NO_EVIDENCE | Verdict.IDENTICAL:
            words = "no evidence of a change"
    return f"{_both(drop)}: {words}"


def _both(drop: DropTest) -> str:
    return f"{percent(drop.after)} % after {percent(drop.before)} %"

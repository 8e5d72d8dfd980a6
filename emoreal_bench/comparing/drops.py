"""Whether accuracy has dropped against a baseline: one paired test for each limit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.comparing.paired import corrected, difference_of, exchange_clips, pair_up
from emoreal_bench.comparing.runs import AnsweredRun
from emoreal_bench.contracts.check import (
    CheckRules,
    Decision,
    DropTest,
    RuleKind,
    RuleResult,
)
from emoreal_bench.contracts.comparison import AVERAGE, Difference, Verdict
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.text import count_of, percent, points

_ROUNDING = 1e-9
"""A drop of 0.03 that is computed as 0.030000000000000027 is still allowed."""


def check_drops(
    run: AnsweredRun, was_right: NDArray[np.bool_], rules: CheckRules
) -> list[RuleResult]:
    """Test every limit of a drop, by the test of ``compare``.

    Under statistical rules a drop fails if chance does not explain it and its
    interval reaches the largest drop allowed. So a model that did not change fails
    with the probability of the level at most, and a drop that is real but surely
    small passes. Where the test finds nothing, could have missed such a drop, and
    its interval reaches that far, it cannot be told.

    Args:
        run: With its replies read by the strict rules.
        was_right: ``(items,)`` whether the baseline has each item right.
        rules: The limits.

    Raises:
        NotComparableError: If no item is scored.
    """
    limits = largest_drops(run, rules)
    counted = run.collected.readings[Scoring.STRICT].counted
    pair = pair_up(run.task, run.frame, (was_right, run.right(Scoring.STRICT)), counted)
    tests = {
        name: exchange_clips(pair if name == AVERAGE else pair.subtask(name))
        for name in (*pair.names, AVERAGE)
        if name in limits
    }
    found = corrected({name: test.p_value for name, test in tests.items()}, rules.level)
    return [
        _result(
            name,
            limits[name],
            _drop(difference_of(test, found[name], matters=limits[name])),
            rules.decide,
        )
        for name, test in tests.items()
    ]


def largest_drops(run: AnsweredRun, rules: CheckRules) -> dict[str, float]:
    """Return the largest drop allowed of each subtask and of the average, where one is tested."""
    drops = {name: rules.limits_of(name).largest_drop for name in run.frame.layouts}
    drops[AVERAGE] = rules.average.largest_drop
    return {name: drop for name, drop in drops.items() if drop is not None}


def _drop(change: Difference) -> DropTest:
    fields = change.model_dump(exclude={"first", "second", "only_first", "only_second"})
    return DropTest(
        **fields,
        before=change.first,
        after=change.second,
        only_before=change.only_first,
        only_after=change.only_second,
    )


def _result(about: str, limit: float, drop: DropTest, decide: Decision) -> RuleResult:
    undecided = False
    if decide is Decision.ABSOLUTE:
        passed = -drop.difference <= limit + _ROUNDING
    else:
        reaches_limit = drop.interval is None or drop.interval[0] <= -limit + _ROUNDING
        passed = drop.verdict is not Verdict.WORSE or not reaches_limit
        undecided = drop.verdict is Verdict.TOO_SMALL and reaches_limit
    return RuleResult(
        kind=RuleKind.DROP,
        about=about,
        metric="accuracy",
        limit=limit,
        value=drop.difference,
        passed=passed,
        undecided=undecided,
        summary=_absolute_words(limit, drop)
        if decide is Decision.ABSOLUTE
        else _words(limit, drop, passed=passed, undecided=undecided),
        drop=drop,
    )


def _absolute_words(limit: float, drop: DropTest) -> str:
    return (
        f"{_both(drop)}: {points(drop.difference)} points, where a drop of "
        f"{percent(limit)} is allowed"
    )


def _words(limit: float, drop: DropTest, *, passed: bool, undecided: bool) -> str:
    match drop.verdict:
        case Verdict.WORSE if passed:
            words = f"worse, but surely by less than the {percent(limit)} points allowed"
        case Verdict.WORSE:
            words = "worse, and chance does not explain it"
        case Verdict.BETTER:
            words = "better, and chance does not explain it"
        case Verdict.TOO_SMALL if undecided:
            words = (
                f"{drop.verdict} for a drop of {percent(limit)} points: "
                f"{_what_would_do(limit, drop)}"
            )
        case Verdict.TOO_SMALL:
            words = f"surely no drop of {percent(limit)} points; smaller ones could be missed"
        case Verdict.NO_EVIDENCE:
            words = "no evidence of a change"
        case Verdict.IDENTICAL:
            words = "identical: every item is right in both or wrong in both"
    return f"{_both(drop)}: {words}"


def _what_would_do(limit: float, drop: DropTest) -> str:
    """Return which drop the test finds, and which size of it would find the limit."""
    if drop.smallest_detectable is None or drop.smallest_detectable > 1:
        found = f"with {count_of(drop.clips, 'clip')} it finds none"
    else:
        found = f"it finds {percent(drop.smallest_detectable)} or more four times in five"
    if drop.items_needed is None or drop.clips_needed is None:
        return found
    return (
        f"{found}, and would find {percent(limit)} with about "
        f"{count_of(drop.items_needed, 'item')} on {count_of(drop.clips_needed, 'clip')}"
    )


def _both(drop: DropTest) -> str:
    return f"from {percent(drop.before)} to {percent(drop.after)} %"

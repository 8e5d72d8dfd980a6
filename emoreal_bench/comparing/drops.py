"""Whether accuracy has dropped against a baseline: one paired test for each limit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from emoreal_bench.comparing.runs import AnsweredRun
from emoreal_bench.comparing.scores import compare_scores
from emoreal_bench.contracts.check import (
    CheckRules,
    Decision,
    DropTest,
    RuleKind,
    RuleResult,
)
from emoreal_bench.contracts.comparison import Difference, Verdict
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.frame import NO_ANSWER
from emoreal_bench.statistics.paired import holm
from emoreal_bench.statistics.sign_flips import SignFlipTest, detectable_drop, sign_flip_test
from emoreal_bench.text import percent, points

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AVERAGE = "average accuracy"
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
    differences = _differences(run, was_right, seed)
    changes = _changes(run, was_right, list(differences)[:-1])
    tests = {
        name: sign_flip_test(*changes[name], seed=seed, name=name)
        for name in differences
        if name in limits
    }
    worse = _adjusted({name: test.p_worse for name, test in tests.items()})
    better = _adjusted({name: test.p_better for name, test in tests.items()})
    results = []
    for name, test in tests.items():
        detectable = detectable_drop(test, rules.level / _tests_sharing(name, tests))
        verdict = _verdict((worse[name], better[name]), rules.level, limits[name], detectable)
        drop = _drop_test(differences[name], test, worse[name], detectable, verdict)
        results.append(_result(name, limits[name], drop, rules.decide))
    return results


def _adjusted(p_values: Mapping[str, float]) -> dict[str, float]:
    """Correct for the number of tests.

    The average has half of the level for itself, since a model that becomes
    worse mostly does so everywhere; Holm's correction is over the subtasks.
    """
    subtasks = [name for name in p_values if name != AVERAGE]
    adjusted = dict(zip(subtasks, holm([p_values[name] for name in subtasks]), strict=True))
    if AVERAGE not in p_values:
        return adjusted
    adjusted[AVERAGE] = p_values[AVERAGE]
    shares = 2 if subtasks else 1
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


def _differences(
    run: AnsweredRun, was_right: NDArray[np.bool_], seed: int
) -> dict[str, Difference]:
    """Compare the accuracies as ``emoreal-bench compare`` does; the average comes last."""
    import numpy as np

    now = run.collected.readings[Scoring.STRICT]
    answer = np.where(was_right, run.frame.gold, NO_ANSWER).astype(np.int8)
    comparison = compare_scores(run.task, run.frame, replace(now, answer=answer), now, seed=seed)
    return {**comparison.subtasks, AVERAGE: comparison.average}


def _changes(
    run: AnsweredRun, was_right: NDArray[np.bool_], subtasks: Sequence[str]
) -> dict[str, tuple[NDArray[np.float64], float]]:
    """Give, for each score, what each clip and what one item adds to its change.

    The second number is named ``least_change`` in :func:`sign_flip_test`.
    """
    import numpy as np

    is_right = run.collected.readings[Scoring.STRICT].answer == run.frame.gold
    gained = is_right.astype(np.int8) - was_right.astype(np.int8)
    clips = int(run.frame.clip.max()) + 1
    changes: dict[str, tuple[NDArray[np.float64], float]] = {}
    average, least = np.zeros(clips), 0.0
    for name in subtasks:
        members = run.frame.members(name)
        by_clip = np.bincount(run.frame.clip[members], gained[members], minlength=clips)
        changes[name] = (by_clip / members.size, 1 / members.size)
        average += changes[name][0] / len(subtasks)
        least = max(least, changes[name][1] / len(subtasks))
    return changes | {AVERAGE: (average, least)}


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


def _drop_test(
    difference: Difference,
    test: SignFlipTest,
    adjusted: float,
    detectable: float,
    verdict: Verdict,
) -> DropTest:
    return DropTest(
        n=difference.n,
        before=difference.first,
        after=difference.second,
        difference=difference.difference,
        interval=difference.interval,
        smallest_detectable=detectable,
        only_before=difference.only_first,
        only_after=difference.only_second,
        p_value=test.p_worse,
        adjusted_p_value=adjusted,
        verdict=verdict,
    )


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

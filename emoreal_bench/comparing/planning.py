"""How many items a check needs, at the clusters and the discordance of its baseline."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, sqrt
from pathlib import Path

import numpy as np

from emoreal_bench.comparing.baseline import refuse_other_run, unpack_bits
from emoreal_bench.comparing.drops import largest_drops
from emoreal_bench.comparing.paired import (
    ClipSums,
    Paired,
    PairedTest,
    corrected,
    exchange_clips,
    pair_up,
)
from emoreal_bench.comparing.runs import load_answers
from emoreal_bench.contracts.check import Baseline, CheckPlan, CheckRules, PlannedTest
from emoreal_bench.contracts.comparison import AVERAGE
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import Scoring

_WITH_BASELINE = (
    "Clips and discordant items as in this run and the baseline: the items that only one of "
    "them has right."
)
_ALONE = (
    "No run to compare with is known, so the second counts as independent of this one at the same "
    "accuracy. Two versions of one model mostly agree more, and need fewer items."
)


def plan_check(
    folder: Path, baseline: Baseline | None, rules: CheckRules, drop: float | None = None
) -> CheckPlan:
    """Return with how many items the tests of a check would find a drop.

    Args:
        folder: A run: of its items, and of their clips.
        baseline: What it is held against; None if there is none yet.
        rules: The limits, and the level.
        drop: The drop wished for; None for the largest that the rules allow.

    Raises:
        RunError: If the folder holds no run, or the baseline is damaged.
        NotComparableError: If the baseline is of other items, requests or rules.
        UsageError: If the rules test no drop, or one of nothing.
    """
    run = load_answers(folder, [Scoring.STRICT])
    right = run.right(Scoring.STRICT)
    was_right = right
    if baseline is not None:
        refuse_other_run(run, baseline)
        was_right = unpack_bits(baseline.right, baseline.items)
    counted = run.collected.readings[Scoring.STRICT].counted
    pair = pair_up(run.task, run.frame, (was_right, right), counted)
    wanted = {
        name: limit if drop is None else drop
        for name, limit in largest_drops(run, rules).items()
        if name == AVERAGE or name in pair.names
    }
    if not wanted or min(wanted.values()) <= 0:
        raise UsageError(
            "A plan needs a drop above 0 to look for.",
            remedy="Name one with --drop, as 0.03 for 3 points, and see that the rules test it.",
        )
    has_second = bool(pair.discordant.any())
    # Nobody knows which tests will find something, so each has the level that it has at first.
    levels = corrected(dict.fromkeys(wanted, 1.0), rules.level)
    tests = (
        _planned(name, pair, (wanted[name], levels[name].level), has_second=has_second)
        for name in wanted
    )
    return CheckPlan(
        task=run.manifest.task,
        level=rules.level,
        assumption=_WITH_BASELINE if has_second else _ALONE,
        tests=tuple(tests),
    )


def _planned(
    name: str, pair: Paired, wish: tuple[float, float], *, has_second: bool
) -> PlannedTest:
    drop, level = wish
    sample = pair if name == AVERAGE else pair.subtask(name)
    test = exchange_clips(sample)
    if not has_second:
        test = _as_if_independent(test, sample.second)
    needed = test.clips_needed(level, drop)
    return PlannedTest(
        about=name,
        n=test.n,
        clips=test.clips,
        discordant=float(sample.discordant.sum() / test.n) if has_second else None,
        smallest_detectable=test.detectable(level),
        drop=drop,
        clips_needed=needed,
        items_needed=ceil(needed * test.n / test.clips),
    )


def _as_if_independent(test: PairedTest, run: ClipSums) -> PairedTest:
    """Let a second run of this accuracy differ from the first as two samples of clips do."""
    sizes = run.items.sum(0)
    beyond = (run.right - run.items * (run.right.sum(0) / sizes)) / sizes / sizes.size
    by_clip = beyond.sum(axis=1)
    spread = sqrt(2 * float(np.square(by_clip).sum()))
    changing = max(1, int(np.count_nonzero(by_clip)))
    return replace(test, exchanges=replace(test.exchanges, spread=spread, clips=changing))

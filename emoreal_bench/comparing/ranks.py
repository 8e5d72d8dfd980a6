"""Ranks from paired tests: every two models of a table on the items that both answered.

Two intervals that overlap do not show that two models are equal: both answered
the same items, so most of the chance in their scores is shared. The test looks
at the difference, clip by clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from emoreal_bench.comparing.runs import AnsweredRun, load_answers
from emoreal_bench.contracts.run_record import ITEMS_FILE, PLAN_FILE
from emoreal_bench.contracts.vocabulary import AnswerKind, Scoring
from emoreal_bench.statistics.intervals import CONFIDENCE
from emoreal_bench.statistics.paired import holm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClipScores:
    """What each clip adds to the average accuracy of a run.

    Attributes:
        average: Unweighted mean of the accuracies of the subtasks.
        residuals: ``(clips,)`` right answers beyond the average of their
            subtask, each weighted by what it counts in the average.
    """

    average: float
    residuals: NDArray[np.float64]


def has_items(folder: Path | None) -> bool:
    """Say whether a run folder still holds its plan and its log."""
    return folder is not None and all((folder / name).is_file() for name in (PLAN_FILE, ITEMS_FILE))


def load_clip_scores(folder: Path, scorings: Sequence[Scoring]) -> dict[Scoring, ClipScores]:
    """Read the answers of a run and sum them by clip.

    Raises:
        RunError: If the folder holds no run, or its plan is damaged.
    """
    run = load_answers(folder, scorings)
    return {scoring: _clip_scores(run, scoring) for scoring in scorings}


def _clip_scores(run: AnsweredRun, scoring: Scoring) -> ClipScores:
    import numpy as np

    frame = run.frame
    right = run.collected.readings[scoring].answer == frame.gold_for(scoring)
    residuals = np.zeros(int(frame.clip.max()) + 1)
    scored = [name for name in frame.layouts if run.task.subtasks[name].answer != AnswerKind.OPEN]
    accuracies = []
    for name in scored:
        members = frame.members(name)
        accuracies.append(right[members].mean())
        beyond = (right[members] - accuracies[-1]) / (members.size * len(scored))
        residuals += np.bincount(frame.clip[members], beyond, minlength=residuals.size)
    # A run of free text alone has no accuracy, and no rank that this would decide.
    return ClipScores(float(np.mean(accuracies)) if accuracies else 0.0, residuals)


def paired_rank_ranges(scores: Sequence[ClipScores]) -> list[tuple[int, int]]:
    """Give each run the best and the worst rank that it may hold.

    A run is above another only if a two-sided test of their difference, its
    standard error clustered by clip and its p-value corrected by Holm's method
    for all pairs, finds it better.

    Args:
        scores: Of runs of the same items.

    Returns:
        ``(best, worst)`` for each run, in the same order, from 1.
    """
    import numpy as np

    number = len(scores)
    above = np.zeros((number, number), dtype=bool)
    pairs = [(first, second) for first in range(number) for second in range(first + 1, number)]
    p_values = holm([_p_value(scores[first], scores[second]) for first, second in pairs])
    for (first, second), p_value in zip(pairs, p_values, strict=True):
        if p_value < 1 - CONFIDENCE:
            better = scores[first].average > scores[second].average
            above[(first, second) if better else (second, first)] = True
    return [(1 + int(above[:, run].sum()), number - int(above[run].sum())) for run in range(number)]


def _p_value(first: ClipScores, second: ClipScores) -> float:
    clips = first.residuals.size
    difference = first.average - second.average
    if difference == 0 or clips < 2:
        return 1.0
    by_clip = first.residuals - second.residuals
    error = sqrt(clips / (clips - 1) * float(by_clip @ by_clip))
    return erfc(abs(difference) / error / sqrt(2)) if error > 0 else 0.0

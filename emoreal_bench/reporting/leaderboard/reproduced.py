"""Which runs the publisher of a leaderboard has reproduced: run again, to the same score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING
from emoreal_bench.identity import model_hash
from emoreal_bench.record.finished import FinishedRun


def reproduced_folders(runs: Sequence[FinishedRun], own: Sequence[FinishedRun]) -> frozenset[Path]:
    """Find the runs whose scores the publisher's own runs bear out.

    Both must have put the same questions to a model of the same hash and be
    complete, and the average accuracy of each must lie in the interval of the
    other. A run does not bear out itself.

    Args:
        runs: Of the leaderboard.
        own: That the publisher made.
    """
    return frozenset(
        run.folder
        for run in runs
        if run.folder is not None
        and run.manifest.imported is None
        and any(_bears_out(mine, run) for mine in own if mine.folder != run.folder)
    )


def _bears_out(mine: FinishedRun, run: FinishedRun) -> bool:
    return _identity(mine) == _identity(run) and _agree(mine, run) and _agree(run, mine)


def _identity(run: FinishedRun) -> tuple[str | None, ...]:
    manifest = run.manifest
    return (
        manifest.task,
        manifest.data.hash,
        manifest.request.hash,
        run.results.scoring_hash,
        model_hash(manifest.model),
    )


def _agree(first: FinishedRun, second: FinishedRun) -> bool:
    """Whether both are complete and the second's average is in the interval of the first."""
    one, other = (run.results.scores.get(HEADLINE_SCORING) for run in (first, second))
    if one is None or other is None or not (first.is_complete and second.is_complete):
        return False
    if one.average_accuracy is None or other.average_accuracy is None:
        return False
    lower, upper = one.average_accuracy_interval or (one.average_accuracy, one.average_accuracy)
    return lower <= other.average_accuracy <= upper

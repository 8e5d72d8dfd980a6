"""Paired comparison of the metrics that a task asks for besides accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.comparing.paired import verdict_of
from emoreal_bench.contracts.comparison import Difference, Verdict
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.collect import Readings
from emoreal_bench.scoring.counts import feature_pairs, feature_width
from emoreal_bench.scoring.frame import Frame
from emoreal_bench.scoring.metrics import Metric, all_metrics, compute_metrics
from emoreal_bench.statistics.intervals import (
    CONFIDENCE,
    count_clusters,
    percentile_interval,
    resample,
)
from emoreal_bench.statistics.paired import detectable, spread

if TYPE_CHECKING:
    from emoreal_bench.scoring.metrics import Numbers

_OTHER_WAY = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}


def metric_differences(
    task: Task, frame: Frame, runs: tuple[Readings, Readings], seed: int
) -> dict[str, dict[str, Difference]]:
    """Compare two runs by each metric that only tasks that name it have.

    Args:
        task: The task of both.
        frame: Of the items of both.
        runs: Readings of the first run, and of the one that the verdicts speak of.
        seed: Of the intervals.

    Returns:
        By metric and subtask, where it is defined in both runs.
    """
    known = all_metrics()
    asked = [known[name] for name in task.metrics if name in known and not known[name].always]
    found: dict[str, dict[str, Difference]] = {}
    for subtask, layout in frame.layouts.items():
        metrics = [one for one in asked if one.formula and layout.kind in one.applies_to]
        if metrics:
            for name, difference in _differences(frame, subtask, runs, metrics, seed).items():
                found.setdefault(name, {})[subtask] = difference
    return found


def _differences(
    frame: Frame,
    subtask: str,
    runs: tuple[Readings, Readings],
    metrics: list[Metric],
    seed: int,
) -> dict[str, Difference]:
    layout, scoring = frame.layouts[subtask], runs[0].scoring
    members = frame.members(subtask)
    members = members[runs[0].counted[members] & runs[1].counted[members]]
    if not members.size:
        return {}
    width = feature_width(layout)
    gold, category = frame.gold_for(scoring)[members], frame.category[members]
    clips, features = [], []
    for index, run in enumerate(runs):
        positions, its_features = feature_pairs(layout, gold, run.answer[members], category)
        clips.append(frame.clip[members][positions])
        features.append(its_features + index * width)
    counts = count_clusters(np.concatenate(clips), np.concatenate(features), 2 * width)

    def both(totals: NDArray[np.generic]) -> list[dict[str, Numbers]]:
        return [
            compute_metrics(
                layout,
                half,
                predicted_classes_count=scoring is not Scoring.STRICT,
                wanted=[metric.name for metric in metrics],
            )
            for half in (totals[..., :width], totals[..., width:])
        ]

    sample = both(counts.totals)
    replicates = (
        both(resample(counts, seed=seed, name=f"{scoring}/compare/{subtask}"))
        if counts.clusters > 1
        else None
    )
    same = bool((runs[0].answer[members] == runs[1].answer[members]).all())
    return {
        metric.name: _difference(metric, (int(members.size), same), values, replicates)
        for metric in metrics
        if not np.isnan(values := [float(half[metric.name]) for half in sample]).any()
    }


def _difference(
    metric: Metric,
    sample: tuple[int, bool],
    values: list[float],
    replicates: list[dict[str, Numbers]] | None,
) -> Difference:
    n, same = sample
    first, second = values
    interval = smallest = None
    if replicates is not None:
        draws = replicates[1][metric.name] - replicates[0][metric.name]
        error = spread(draws)
        # Without variation it would have no width, as if nothing were unknown.
        if error is not None:
            interval = percentile_interval(draws)
            smallest = detectable(error, (1 - CONFIDENCE) / 2)
    verdict = verdict_of(second - first, interval, smallest, None)
    if metric.better == "lower":
        verdict = _OTHER_WAY.get(verdict, verdict)
    return Difference(
        n=n,
        first=first,
        second=second,
        difference=second - first,
        interval=interval,
        smallest_detectable=smallest,
        verdict=Verdict.IDENTICAL if same else verdict,
    )

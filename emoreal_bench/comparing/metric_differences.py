"""Paired tests of the metrics that a task asks for besides accuracy."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.comparing.paired import PairedTest
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.collect import Readings
from emoreal_bench.scoring.counts import feature_pairs, feature_width
from emoreal_bench.scoring.frame import Frame, Layout
from emoreal_bench.scoring.metrics import Metric, all_metrics, compute_metrics
from emoreal_bench.statistics.intervals import count_clusters, seeded_generator
from emoreal_bench.statistics.paired import draw_exchanges, tally

if TYPE_CHECKING:
    from emoreal_bench.scoring.metrics import Numbers


def metric_tests(
    task: Task, frame: Frame, runs: tuple[Readings, Readings], seed: int
) -> dict[tuple[str, str], PairedTest]:
    """Test two runs by each metric that only tasks that name it have.

    A metric need not be a sum over clips. So whole clips are exchanged between the
    runs, and the metric computed anew of each: the test is exact for any of them.

    Args:
        task: The task of both.
        frame: Of the items of both.
        runs: Readings of the first run, and of the one that the answer speaks of.
        seed: Of the exchanges.

    Returns:
        By metric and subtask, where it is defined in both runs.
    """
    known = all_metrics()
    asked = [known[name] for name in task.metrics if name in known and not known[name].always]
    found: dict[tuple[str, str], PairedTest] = {}
    for subtask, layout in frame.layouts.items():
        metrics = [one for one in asked if one.formula and layout.kind in one.applies_to]
        members = frame.members(subtask)
        members = members[runs[0].counted[members] & runs[1].counted[members]]
        if metrics and members.size:
            generator = seeded_generator(seed, f"{runs[0].scoring}/exchange/{subtask}")
            tests = _subtask_tests(frame, (layout, members), runs, metrics, generator)
            found |= {(name, subtask): test for name, test in tests.items()}
    return found


def _subtask_tests(
    frame: Frame,
    subtask: tuple[Layout, NDArray[np.intp]],
    runs: tuple[Readings, Readings],
    metrics: list[Metric],
    generator: np.random.Generator,
) -> dict[str, PairedTest]:
    layout, members = subtask
    scoring, width = runs[0].scoring, feature_width(layout)
    gold, category = frame.gold_for(scoring)[members], frame.category[members]
    clips, features = [], []
    for index, run in enumerate(runs):
        positions, its_features = feature_pairs(layout, gold, run.answer[members], category)
        clips.append(frame.clip[members][positions])
        features.append(its_features + index * width)
    counts = count_clusters(np.concatenate(clips), np.concatenate(features), 2 * width)
    totals = np.asarray(counts.totals, dtype=np.float64)

    def numbers(moved: Numbers) -> list[dict[str, Numbers]]:
        return [
            compute_metrics(
                layout,
                half,
                predicted_classes_count=scoring is not Scoring.STRICT,
                wanted=[metric.name for metric in metrics],
            )
            for half in (totals[:width] + moved, totals[width:] - moved)
        ]

    parts = np.asarray(counts.vectors[:, width:] - counts.vectors[:, :width], dtype=np.float64)
    changing = int(counts.multiplicity[parts.any(axis=1)].sum())
    sample = numbers(np.zeros(width))
    exchanged = numbers(draw_exchanges(parts, counts.multiplicity, generator))
    return {
        metric.name: PairedTest(
            n=int(members.size),
            clips=counts.clusters,
            first=values[0],
            second=values[1],
            exchanges=tally(exchanged[1][metric.name] - exchanged[0][metric.name], changing),
            least=1 / members.size,
            identical=bool((runs[0].answer[members] == runs[1].answer[members]).all()),
            largest=inf,
        )
        for metric in metrics
        if not np.isnan(values := [float(half[metric.name]) for half in sample]).any()
    }

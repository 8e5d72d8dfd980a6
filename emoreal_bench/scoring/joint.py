"""Numbers over several subtasks: the average, and the question types.

Both are unweighted means over subtasks, as in the paper. One clip is asked
about in several subtasks, so it is one clip for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.scores import Interval, SubtaskScores
from emoreal_bench.scoring.clip_intervals import metric_intervals, share_interval
from emoreal_bench.scoring.counts import feature_width
from emoreal_bench.scoring.metrics import all_metrics
from emoreal_bench.scoring.subtask_scores import Sample, accuracy_counts
from emoreal_bench.statistics.intervals import counts_by_cluster

if TYPE_CHECKING:
    from emoreal_bench.scoring.metrics import Numbers


def mean_of(values: Sequence[float | None]) -> float | None:
    """Average; None if a value is None."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def average_interval(sample: Sample, subtasks: Sequence[str]) -> Interval | None:
    """Return the interval of the average accuracy over subtasks.

    Args:
        sample: The run.
        subtasks: Those averaged; one without predictions adds 0, as its accuracy does.

    Returns:
        The interval, or None if there are fewer than two clips.
    """
    members = [sample.frame.members(name) for name in subtasks]
    counted = [sample.readings.denominator(group) for group in members]
    return share_interval(accuracy_counts(sample, counted))


def mean_scores(sample: Sample, scores: Mapping[str, SubtaskScores]) -> SubtaskScores:
    """Average the scores of the subtasks of a question type.

    Args:
        sample: The run.
        scores: By subtask.

    Returns:
        Unweighted means of the numbers, and sums of the counts. A single
        subtask is returned as it is.
    """
    if len(scores) == 1:
        return next(iter(scores.values()))
    shared = [
        metric.name
        for metric in all_metrics().values()
        if metric.averaged and all(s.has(metric.name) for s in scores.values())
    ]
    numbers = {metric: mean_of([s.number(metric) for s in scores.values()]) for metric in shared}
    fields: dict[str, Any] = dict(numbers)
    fields["notes"] = (f"unweighted mean of {', '.join(scores)}",)
    if all(s.n for s in scores.values()):
        fields["intervals"], notes = _mean_intervals(sample, list(scores), numbers)
        fields["notes"] += tuple(notes)
    return SubtaskScores(
        n=sum(s.n for s in scores.values()),
        outcomes={
            outcome: sum(s.outcomes[outcome] for s in scores.values())
            for outcome in next(iter(scores.values())).outcomes
        },
        chance=mean_of([s.chance for s in scores.values()]),
        **fields,
    )


def _mean_intervals(
    sample: Sample, subtasks: Sequence[str], numbers: Mapping[str, float | None]
) -> tuple[dict[str, Interval], list[str]]:
    """Return the intervals of means over subtasks, and notes on them."""
    layouts = [sample.frame.layouts[subtask] for subtask in subtasks]
    starts = np.cumsum([0, *(feature_width(layout) for layout in layouts)]).tolist()
    clips: list[NDArray[np.int32]] = []
    features: list[NDArray[np.int64]] = []
    for subtask, layout, start in zip(subtasks, layouts, starts, strict=False):
        members = sample.readings.denominator(sample.frame.members(subtask))
        its_clips, its_features = sample.features_of(layout, members)
        clips.append(its_clips)
        features.append(its_features + start)
    counts = counts_by_cluster(np.concatenate(clips), np.concatenate(features), starts[-1])

    def means(totals: Numbers) -> dict[str, Numbers]:
        by_subtask = [
            sample.metrics(layout, totals[..., start:end])
            for layout, (start, end) in zip(layouts, pairwise(starts), strict=True)
        ]
        return {
            metric: np.mean([values[metric] for values in by_subtask], axis=0) for metric in numbers
        }

    return metric_intervals(counts, layouts, means, numbers)

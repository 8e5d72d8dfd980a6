"""Numbers over several subtasks: the average, and the question types.

Both are unweighted means over subtasks, as in the paper. One clip is asked
about in several subtasks, so the clips are drawn once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.scores import Interval, SubtaskScores
from emoreal_bench.scoring.counts import feature_width, ratio
from emoreal_bench.scoring.metrics import all_metrics
from emoreal_bench.scoring.subtask_scores import Sample, accuracy_counts, intervals_of
from emoreal_bench.statistics.intervals import count_clusters, percentile_interval

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
        The interval, or None if there are fewer than two clips or every clip is alike.
    """
    members = [sample.frame.members(name) for name in subtasks]
    counts = accuracy_counts(sample, [sample.readings.denominator(group) for group in members])
    if counts.clusters < 2:
        return None
    totals = sample.resample(counts, "average_accuracy")
    accuracies = ratio(totals[:, 1::2], totals[:, ::2])
    accuracies[:, counts.totals[::2] == 0] = 0.0
    interval = percentile_interval(accuracies.mean(axis=1))
    return None if interval is None or interval[0] == interval[1] else interval


def mean_scores(sample: Sample, scores: Mapping[str, SubtaskScores], name: str) -> SubtaskScores:
    """Average the scores of the subtasks of a question type.

    Args:
        sample: The run.
        scores: By subtask.
        name: Of the question type.

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
        replicates, clips = _mean_replicates(sample, list(scores), shared, name)
        defined = {metric: float("nan") if x is None else x for metric, x in numbers.items()}
        fields["intervals"], notes = intervals_of(defined, numbers, replicates, clips)
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


def _mean_replicates(
    sample: Sample, subtasks: Sequence[str], metrics: Sequence[str], name: str
) -> tuple[dict[str, Numbers], int]:
    """Compute the mean over subtasks in each bootstrap replicate; and count the clips."""
    clips: list[NDArray[np.int32]] = []
    features: list[NDArray[np.int64]] = []
    starts = [0]
    for subtask in subtasks:
        layout = sample.frame.layouts[subtask]
        members = sample.readings.denominator(sample.frame.members(subtask))
        its_clips, its_features = sample.features_of(layout, members)
        clips.append(its_clips)
        features.append(its_features + starts[-1])
        starts.append(starts[-1] + feature_width(layout))
    counts = count_clusters(np.concatenate(clips), np.concatenate(features), starts[-1])
    totals = sample.resample(counts, name)
    by_subtask = [
        sample.metrics(sample.frame.layouts[subtask], totals[:, start:end])
        for subtask, start, end in zip(subtasks, starts, starts[1:], strict=False)
    ]
    means = {
        metric: np.mean([values[metric] for values in by_subtask], axis=0) for metric in metrics
    }
    return means, counts.clusters

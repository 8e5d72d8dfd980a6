"""The intervals of scores, clustered by clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import isnan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.scores import Interval
from emoreal_bench.scoring.counts import feature_width, ratio, strata_of
from emoreal_bench.scoring.frame import Layout
from emoreal_bench.scoring.metrics import NO_INTERVAL, Basis, metric_of
from emoreal_bench.statistics.clustered import (
    SHARE,
    Grouping,
    MadeUp,
    Moments,
    Strata,
    interval_bounds,
)

if TYPE_CHECKING:
    from emoreal_bench.scoring.metrics import Numbers

FEW_CLIPS = 10
CLIPS_OF_A_CLASS = 5
_OF_ALL = 1 / 7
"""The part of a clip that is made up for all answers."""
_OF_ONE = 1 / 10
"""The part of an answer that is made up for each of several classes or subtasks."""
_LIKE_ALL = 2.0
"""How many clips like all are made up for each of several classes or subtasks."""
_MEAN = "mean"


def metric_intervals(
    counts: NDArray[np.int64],
    layouts: Sequence[Layout],
    formula: Callable[[Numbers], Mapping[str, Numbers]],
    numbers: Mapping[str, float | None],
) -> tuple[dict[str, Interval], list[str]]:
    """Return the intervals of metrics.

    Args:
        counts: ``(clips, features)`` counts of items, the features of the layouts side by side.
        layouts: Of the subtasks, over which the metrics are averaged.
        formula: Computes them from ``(..., features)`` totals.
        numbers: As they are reported, by metric; None and NaN have no interval.

    Returns:
        Intervals by metric, and notes that warn of few clips or say why one is missing.
    """
    notes = notes_of_clips(len(counts))
    if len(counts) < 2:
        return {}, notes
    wanted = [name for name, value in numbers.items() if value is not None and not isnan(value)]
    without = [name for name in wanted if metric_of(name).basis is Basis.CLASSES]
    if without and (rare := _rare_class(counts, layouts)):
        notes.append(f"{NO_INTERVAL}{', '.join(without)}: {rare}")
        wanted = [name for name in wanted if name not in without]
    moments = Moments.of(counts)
    spans = {name: metric_of(name).span for name in wanted}
    groupings = metric_groupings(layouts, moments.totals, wanted)
    return _as_intervals(interval_bounds(moments, formula, spans, groupings)), notes


def metric_groupings(
    layouts: Sequence[Layout], totals: Numbers, names: Sequence[str]
) -> list[Grouping]:
    """Return to which strata clips are made up for which metrics.

    Args:
        layouts: Whose features stand side by side.
        totals: ``(..., features)`` totals over the clips.
        names: Of the metrics.
    """
    items, of_class, of_classes = (
        [name for name in names if metric_of(name).basis is basis] for basis in Basis
    )
    parts = np.split(totals, _starts(layouts)[1:-1], axis=-1)
    strata = [strata_of(layout, part) for layout, part in zip(layouts, parts, strict=True)]
    classes = Strata.join(strata)
    groupings = [
        Grouping(classes.pooled(totals), MadeUp.CLIP, _OF_ALL, [*items, *of_classes]),
        Grouping(classes, MadeUp.CLIP, _OF_ALL, of_class),
        *_each(classes, of_classes),
    ]
    if len(layouts) > 1:
        subtasks = [one.pooled(part) for one, part in zip(strata, parts, strict=True)]
        groupings += _each(Strata.join(subtasks), items)
    return [grouping for grouping in groupings if grouping.names]


def share_interval(counts: NDArray[np.int64]) -> Interval | None:
    """Return the interval of a share, or of the mean of several; None of one clip.

    Args:
        counts: ``(clips, 2 * shares)`` answers and right answers, in turn. A share of
            no answers counts as 0.
    """
    if len(counts) < 2:
        return None
    moments = Moments.of(counts)
    groupings = share_groupings(moments.totals)
    bounds = interval_bounds(moments, mean_share, {_MEAN: SHARE}, groupings)
    return _as_intervals(bounds)[_MEAN]


def share_groupings(totals: Numbers) -> list[Grouping]:
    """Return to which strata clips are made up for a mean of shares.

    Args:
        totals: ``(..., 2 * shares)`` answers and right answers, in turn.
    """
    shares = totals.shape[-1] // 2
    strata = Strata.of_shares(shares)
    together = Grouping(strata.pooled(totals), MadeUp.CLIP, _OF_ALL, [_MEAN])
    return [together, *_each(strata, [_MEAN])] if shares > 1 else [together]


def _each(strata: Strata, names: Sequence[str]) -> list[Grouping]:
    """Return what is made up for each of several strata."""
    return [
        Grouping(strata, MadeUp.ANSWER, _OF_ONE, names),
        Grouping(strata, MadeUp.TYPICAL, _LIKE_ALL, names),
    ]


def mean_share(totals: Numbers) -> dict[str, Numbers]:
    """Compute the mean of shares from ``(..., 2 * shares)`` totals."""
    return {_MEAN: np.nan_to_num(ratio(totals[..., 1::2], totals[..., ::2])).mean(-1)}


def notes_of_clips(clips: int) -> list[str]:
    """Warn of few clips."""
    if clips < 2:
        return ["one clip: there are no intervals"]
    return [f"{clips} clips: the intervals are rough"] if clips < FEW_CLIPS else []


def _as_intervals(bounds: Mapping[str, tuple[Numbers, Numbers]]) -> dict[str, Interval]:
    """Return the bounds of one sample as intervals; those that are not defined are left out."""
    return {
        name: (float(low), float(high))
        for name, (low, high) in bounds.items()
        if not (isnan(low) or isnan(high))
    }


def _starts(layouts: Sequence[Layout]) -> list[int]:
    """Return where the features of each layout begin, and where they end."""
    starts: list[int] = np.cumsum([0, *(feature_width(layout) for layout in layouts)]).tolist()
    return starts


def _rare_class(counts: NDArray[np.int64], layouts: Sequence[Layout]) -> str | None:
    """Return which class has too few clips for an interval, if one has."""
    for layout, (start, end) in zip(layouts, pairwise(_starts(layouts)), strict=True):
        its_counts = counts[:, start:end]
        classes = strata_of(layout, its_counts.sum(axis=0)).sizes[: len(layout.classes)]
        clips = np.count_nonzero(its_counts @ classes.T, axis=0).tolist()
        for name, count in zip(layout.classes, clips, strict=True):
            if 0 < count < CLIPS_OF_A_CLASS:
                return f"{CLIPS_OF_A_CLASS} clips of every class are needed, {name} has {count}"
    return None

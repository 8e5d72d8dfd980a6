"""How much one model varies when it is asked the same again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.scoring.collect import Readings
from emoreal_bench.scoring.frame import Frame


@dataclass(frozen=True, slots=True)
class Spread:
    """The variation over repeats of a run, on the items whose answers are scored.

    Attributes:
        averages: Average accuracy of each repeat; a subtask with nothing in
            the denominator is left out of it.
        mean: Of the averages.
        standard_deviation: Of the averages, with one degree of freedom less.
        subtasks: As ``standard_deviation``, of the accuracy of each subtask; one
            with nothing in the denominator of a repeat is left out.
        changed: Share of items whose answer is not the same in all repeats.
    """

    averages: tuple[float, ...]
    mean: float
    standard_deviation: float
    subtasks: Mapping[str, float]
    changed: float


def repeat_spread(frame: Frame, repeats: Sequence[Readings]) -> Spread:
    """Measure the variation within a model.

    Args:
        frame: Of the items of all repeats.
        repeats: Readings of two or more runs of one model, under one scoring.

    Raises:
        NotComparableError: If there are fewer than two, or of several scorings, or
            nothing in them is scored.
    """
    if len(repeats) < 2 or len({readings.scoring for readings in repeats}) > 1:
        raise NotComparableError("Repeats are two or more runs read by one scoring.")
    # An open answer has no class, so it can be neither right nor changed.
    scored = {
        name: frame.members(name)
        for name, layout in frame.layouts.items()
        if layout.kind is not AnswerKind.OPEN
    }
    accuracies = [_accuracies(frame, readings, scored) for readings in repeats]
    if not all(accuracies):
        raise NotComparableError("A repeat has no item whose answer is scored.")
    averages = tuple(fmean(shares.values()) for shares in accuracies)
    subtasks = {
        name: stdev(shares[name] for shares in accuracies)
        for name in scored
        if all(name in shares for shares in accuracies)
    }
    members = np.concatenate(list(scored.values()))
    answers = np.stack([readings.answer[members] for readings in repeats])
    changed = float((answers != answers[0]).any(axis=0).mean())
    return Spread(averages, fmean(averages), stdev(averages), subtasks, changed)


def _accuracies(
    frame: Frame, readings: Readings, scored: Mapping[str, NDArray[np.intp]]
) -> dict[str, float]:
    right = readings.answer == frame.gold_for(readings.scoring)
    counted = {name: readings.denominator(members) for name, members in scored.items()}
    return {name: float(right[group].mean()) for name, group in counted.items() if group.size}

"""How much one model varies when it is asked the same again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.scoring.collect import Readings
from emoreal_bench.scoring.frame import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Spread:
    """The variation over repeats of a run.

    Attributes:
        averages: Average accuracy of each repeat; a subtask with nothing in
            the denominator is left out of it.
        mean: Of the averages.
        standard_deviation: Of the averages, with one degree of freedom less.
        changed: Share of all items whose answer is not the same in all repeats.
    """

    averages: tuple[float, ...]
    mean: float
    standard_deviation: float
    changed: float


def repeat_spread(frame: Frame, repeats: Sequence[Readings]) -> Spread:
    """Measure the variation within a model.

    Args:
        frame: Of the items of all repeats.
        repeats: Readings of two or more runs of one model, under one scoring.

    Raises:
        NotComparableError: If there are fewer than two, or of several scorings.
    """
    import numpy as np

    if len(repeats) < 2 or len({readings.scoring for readings in repeats}) > 1:
        raise NotComparableError("Repeats are two or more runs read by one scoring.")
    averages = tuple(_average(frame, readings) for readings in repeats)
    answers = np.stack([readings.answer for readings in repeats])
    changed = (answers != answers[0]).any(axis=0)
    return Spread(averages, fmean(averages), stdev(averages), float(changed.mean()))


def _average(frame: Frame, readings: Readings) -> float:
    right = readings.answer == frame.gold_for(readings.scoring)
    groups = [readings.denominator(frame.members(name)) for name in frame.layouts]
    return fmean(_share(right, members) for members in groups if members.size)


def _share(right: NDArray[np.bool_], members: NDArray[np.intp]) -> float:
    return float(right[members].sum() / members.size)

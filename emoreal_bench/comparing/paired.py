"""Two runs of the same items, and the tests of whether they differ.

``compare``, ``check`` and the ranks of a leaderboard ask one question. Whoever
asks it makes a :class:`Paired` sample and hands it to one of the tests below,
all of which answer with a :class:`PairedTest`: how a difference is tested is
decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import erfc, sqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.comparison import Verdict
from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.contracts.scores import Interval
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.scoring.counts import ratio
from emoreal_bench.scoring.frame import Frame
from emoreal_bench.statistics.intervals import (
    CONFIDENCE,
    fold_clusters,
    percentile_interval,
    resample,
)
from emoreal_bench.statistics.paired import detectable, holm, mcnemar_exact, spread
from emoreal_bench.statistics.sign_flips import sign_flip_test

DIFFERENCE_THAT_MATTERS = 0.05
"""A test that would probably miss this difference is called too small."""

_Name = TypeVar("_Name")


@dataclass(frozen=True)
class ClipSums:
    """The answers of a run summed by clip: a row per clip, a column per subtask.

    Attributes:
        items: ``(clips, subtasks)`` how many items count.
        right: ``(clips, subtasks)`` how many of them are right.
    """

    items: NDArray[np.int64]
    right: NDArray[np.int64]

    @cached_property
    def average(self) -> float:
        """Unweighted mean of the accuracies; a run of free text alone has none, and gets 0."""
        accuracies = self.right.sum(0) / self.items.sum(0)
        return float(accuracies.mean()) if accuracies.size else 0.0

    @cached_property
    def residuals(self) -> NDArray[np.float64]:
        """``(clips,)`` right answers beyond the accuracy of their subtask, as they weigh."""
        sizes = self.items.sum(0)
        beyond = (self.right - self.items * (self.right.sum(0) / sizes)) / (sizes * sizes.size)
        residuals: NDArray[np.float64] = beyond.sum(1)
        return residuals


@dataclass(frozen=True, slots=True)
class Paired:
    """Two runs on the items that count in both, clip by clip.

    Attributes:
        first: The run to compare with.
        second: The run that the answer speaks of.
    """

    first: ClipSums
    second: ClipSums


@dataclass(frozen=True, slots=True)
class PairedItems(Paired):
    """Two runs that were also held against each other item by item.

    Attributes:
        names: The subtasks, in the order of the columns.
        discordant: ``(2, subtasks)`` items that only the first, and only the second, has right.
        absent: Scored subtasks of which no item counts in both.
    """

    names: tuple[str, ...]
    discordant: NDArray[np.int64]
    absent: tuple[str, ...] = ()

    def subtask(self, name: str) -> PairedItems:
        """Take one subtask for itself."""
        column = [self.names.index(name)]
        first, second = (
            ClipSums(run.items[:, column], run.right[:, column])
            for run in (self.first, self.second)
        )
        return PairedItems(first, second, (name,), self.discordant[:, column])


@dataclass(frozen=True, slots=True)
class PairedTest:
    """What a test says of a sample.

    Attributes:
        estimate: Average of the second run less that of the first.
        clips: How many the sample has.
        interval: Of the estimate; None where the test has none.
        p_value: Two-sided; 1 where the test has none.
        p_worse: One-sided, of a drop; 1 where the test has none.
        p_better: One-sided, of a gain; 1 where the test has none.
        standard_error: Of the estimate; None where all clips change alike.
    """

    estimate: float
    clips: int
    interval: Interval | None = None
    p_value: float = 1.0
    p_worse: float = 1.0
    p_better: float = 1.0
    standard_error: float | None = None

    def detectable(self, tail: float = (1 - CONFIDENCE) / 2) -> float | None:
        """Return the true difference that is found four times in five at a one-sided level."""
        return None if self.standard_error is None else detectable(self.standard_error, tail)


def scored_subtasks(task: Task, frame: Frame) -> list[str]:
    """List the subtasks whose answers are right or wrong."""
    return [name for name in frame.layouts if task.subtasks[name].answer is not AnswerKind.OPEN]


def sum_by_clip(frame: Frame, names: Sequence[str], chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count chosen items by clip and subtask.

    Args:
        frame: Of all items.
        names: Subtasks, one for each column.
        chosen: ``(items,)`` which to count.
    """
    clips = int(frame.clip.max()) + 1
    counts = np.zeros((clips, len(names)), np.int64)
    for column, name in enumerate(names):
        members = frame.members(name)
        counts[:, column] = np.bincount(frame.clip[members[chosen[members]]], minlength=clips)
    return counts


def pair_up(
    task: Task,
    frame: Frame,
    right: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    counted: NDArray[np.bool_],
) -> PairedItems:
    """Pair two runs by clip.

    Args:
        task: Of both.
        frame: Of the items of both.
        right: ``(items,)`` which the first run, and which the second, has right.
        counted: ``(items,)`` which are in the denominators of both.

    Raises:
        NotComparableError: If they have no scored item in common, or the task
            wants free answers only.
    """
    scored = scored_subtasks(task, frame)
    if not scored:
        raise NotComparableError(
            f"The answers of {task.name} are free text, which is neither right nor wrong.",
            remedy="Let one judge rate both runs (emoreal-bench judge), and hold its ratings "
            "side by side with: emoreal-bench runs show.",
        )
    names = tuple(name for name in scored if counted[frame.members(name)].any())
    if not names:
        raise NotComparableError("The two runs have no scored item in common.")
    first, second = (one & counted for one in right)
    items, *sums = (sum_by_clip(frame, names, chosen) for chosen in (counted, first, second))
    only = (sum_by_clip(frame, names, one).sum(0) for one in (first & ~second, second & ~first))
    absent = tuple(name for name in scored if name not in names)
    before, after = (ClipSums(items, one) for one in sums)
    return PairedItems(before, after, names, np.stack(list(only)), absent)


def mcnemar_items(pair: PairedItems, *, seed: int, name: str) -> PairedTest:
    """Draw clips for the interval; of one subtask, test the items by McNemar's exact test.

    Args:
        pair: The sample.
        seed: Of the interval.
        name: Of what is compared; other names give independent draws.
    """
    columns = np.stack([pair.first.items, pair.first.right, pair.second.right], axis=2)
    rows = columns.reshape(len(columns), -1)
    counts = fold_clusters(rows[pair.first.items.any(axis=1)])
    interval = error = None
    if counts.clusters > 1:
        totals = resample(counts, seed=seed, name=name).reshape(-1, *columns.shape[1:])
        first, second = (ratio(totals[..., run], totals[..., 0]).mean(-1) for run in (1, 2))
        interval, error = percentile_interval(second - first), spread(second - first)
    one_subtask = len(pair.names) == 1
    return PairedTest(
        estimate=pair.second.average - pair.first.average,
        clips=counts.clusters,
        interval=interval,
        p_value=mcnemar_exact(*map(int, pair.discordant[:, 0])) if one_subtask else 1.0,
        standard_error=error,
    )


def sign_flip_clips(pair: Paired, *, seed: int, name: str) -> PairedTest:
    """Flip the signs of what whole clips change; both sides are tested.

    Args:
        pair: The sample.
        seed: Of the flips.
        name: Of what is tested; other names give independent flips.
    """
    items = pair.first.items.sum(0)
    gained = (pair.second.right - pair.first.right) / items / items.size
    # Added column by column, since equal sums in another order might differ in the last digit.
    changes = sum(gained.T, start=np.zeros(gained.shape[0]))
    least = float((1 / items / items.size).max())
    found = sign_flip_test(changes, least, seed=seed, name=name)
    return PairedTest(
        estimate=float(changes.sum()),
        clips=changes.size,
        p_worse=found.p_worse,
        p_better=found.p_better,
        standard_error=found.standard_error,
    )


def normal_clips(pair: Paired) -> PairedTest:
    """Test the difference by its standard error, clustered by clip, in a normal distribution."""
    clips, difference = len(pair.first.items), pair.second.average - pair.first.average
    if difference == 0 or clips < 2:
        return PairedTest(difference, clips)
    by_clip = pair.second.residuals - pair.first.residuals
    error = sqrt(clips / (clips - 1) * float(by_clip @ by_clip))
    p_value = erfc(abs(difference) / error / sqrt(2)) if error > 0 else 0.0
    return PairedTest(difference, clips, p_value=p_value, standard_error=error or None)


def corrected(p_values: Mapping[_Name, float]) -> dict[_Name, float]:
    """Correct p-values for their number, by Holm's method."""
    return dict(zip(p_values, holm(list(p_values.values())), strict=True))


def verdict_of(
    difference: float,
    interval: Interval | None,
    detectable: float | None,
    p_value: float | None,
) -> Verdict:
    """Put a test of runs that are not identical into words.

    A difference counts only if the interval, which knows of clips, excludes 0
    and the exact test agrees. Where all clips change alike, or there is but one,
    nothing is known of the difference that the test could have found.

    Args:
        difference: Second less first.
        interval: Of the difference; None if there are too few clips.
        detectable: What the test finds four times in five.
        p_value: Of an exact test, corrected for their number; None if there is none.
    """
    excludes_zero = interval is not None and (interval[0] > 0 or interval[1] < 0)
    significant = p_value is None or p_value < 1 - CONFIDENCE
    if excludes_zero and significant:
        return Verdict.BETTER if difference > 0 else Verdict.WORSE
    if detectable is None or detectable > DIFFERENCE_THAT_MATTERS:
        return Verdict.TOO_SMALL
    return Verdict.NO_EVIDENCE

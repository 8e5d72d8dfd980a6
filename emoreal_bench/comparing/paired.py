"""Two runs of the same items, and the one test of whether they differ.

``compare``, ``check`` and the ranks of a leaderboard ask one question. Whoever
asks it makes a :class:`Paired` sample and has it tested by :func:`exchange_clips`,
or makes a :class:`PairedTest` of a metric of its own; :func:`corrected` corrects
all tests of one table for their number, and :func:`difference_of` puts each into
words: how a difference is tested is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, isinf, sqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.check import DEFAULT_LARGEST_DROP, DEFAULT_LEVEL
from emoreal_bench.contracts.comparison import AVERAGE, Difference, Verdict
from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.contracts.scores import Interval
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.scoring.frame import Frame
from emoreal_bench.statistics.paired import (
    Exchanges,
    allow_for_unlike,
    detectable,
    flip_signs,
    holm,
    least_clips,
)

DIFFERENCE_THAT_MATTERS = DEFAULT_LARGEST_DROP
"""A test that would probably miss this difference is called too small."""
AVERAGE_SHARE = 0.8
"""Of the level of a table is the average's at first: a model that becomes worse mostly does
so everywhere, and a loss that is spread over all subtasks is seen there long before."""

UNSEEN_CLIPS = 5
"""By so many clips like those of the whole table each subtask is taken to spread more."""

_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True)
class ClipSums:
    """The answers of a run summed by clip: a row per clip, a column per subtask.

    Attributes:
        items: ``(clips, subtasks)`` how many items count.
        right: ``(clips, subtasks)`` how many of them are right.
        answers: Hash of everything that was read; empty where it is not known.
    """

    items: NDArray[np.int64]
    right: NDArray[np.int64]
    answers: str = ""

    @cached_property
    def average(self) -> float:
        """Unweighted mean of the accuracies; a run of free text alone has none, and gets 0."""
        accuracies = self.right.sum(0) / self.items.sum(0)
        return float(accuracies.mean()) if accuracies.size else 0.0

    @cached_property
    def by_clip(self) -> NDArray[np.float64]:
        """``(clips,)`` what each adds to the average."""
        sizes = self.items.sum(0)
        # Column by column, since equal sums in another order might differ in the last digit.
        parts = (self.right / sizes / max(sizes.size, 1)).T
        return sum(parts, start=np.zeros(len(self.items)))


@dataclass(frozen=True, slots=True)
class Paired:
    """Two runs on the items that count in both, clip by clip.

    Attributes:
        first: The run to compare with.
        second: The run that the answer speaks of.
        names: The subtasks, in the order of the columns.
        discordant: ``(2, subtasks)`` items that only the first, and only the second, has right.
        absent: Scored subtasks of which no item counts in both.
        table_change: Sum of squares of what clips change in the subtasks of the whole table,
            by that of their items; 0 of a table by itself.
    """

    first: ClipSums
    second: ClipSums
    names: tuple[str, ...]
    discordant: NDArray[np.int64]
    absent: tuple[str, ...] = ()
    table_change: float = 0.0

    def subtask(self, name: str) -> Paired:
        """Take one subtask for itself."""
        column = [self.names.index(name)]
        first, second = (
            ClipSums(run.items[:, column], run.right[:, column])
            for run in (self.first, self.second)
        )
        change = 0.0
        if len(self.names) > 1:
            changes = np.square(self.second.right - self.first.right).sum()
            change = float(changes / np.square(self.first.items).sum())
        return Paired(first, second, (name,), self.discordant[:, column], table_change=change)

    @property
    def unseen(self) -> float:
        """Sum of squares of heavy changes that may not have come to one subtask.

        It is that of a few clips like those of the table, as far as these have more than
        one question: one question cannot be heavy.
        """
        items, squares = self.first.items.sum(), np.square(self.first.items).sum()
        size = squares / items
        change = UNSEEN_CLIPS * self.table_change * size * (size - 1)
        return float(change / items**2)


@dataclass(frozen=True, slots=True)
class PairedTest:
    """What a test says of a sample.

    Attributes:
        n: Items in the denominator of both runs.
        clips: How many these are about.
        first: Score of the first run.
        second: Score of the second run.
        exchanges: The differences that chance alone would bring.
        least: What one item adds to the score.
        identical: Whether the runs agree on every item.
        only: Items that only the first, and only the second, run has right; None
            where that is not said.
        largest: The difference that no two runs can exceed.
    """

    n: int
    clips: int
    first: float
    second: float
    exchanges: Exchanges
    least: float
    identical: bool
    only: tuple[int, int] | None = None
    largest: float = 1.0

    @property
    def difference(self) -> float:
        """Score of the second run less that of the first."""
        return self.second - self.first

    @property
    def p_value(self) -> float:
        """Two-sided."""
        return self.exchanges.p_value(self.difference)

    def interval(self, level: float) -> Interval | None:
        """Return the differences that a test of this level does not exclude.

        They reach as far to either side as a difference can be without being found, so
        that the interval holds 0 exactly where the test finds nothing. Where so few clips
        change that nothing could be found, as many are taken to change as it would take.

        Returns:
            None if there are not so many clips.
        """
        if self.identical:
            return (0.0, 0.0)
        reach = self.exchanges.critical(level)
        if reach is None:
            if self.clips < least_clips(level):
                return None
            reach = max(least_clips(level) * self._change_of_a_clip, abs(self.difference))
        if isinf(reach):
            return None
        low, high = self.difference - reach, self.difference + reach
        return max(low, -self.largest), min(high, self.largest)

    def detectable(self, level: float) -> float | None:
        """Return the true difference that a test of this level finds four times in five.

        Returns:
            None where there are too few clips to find any.
        """
        if self.clips < least_clips(level):
            return None
        return max(
            detectable(self.exchanges.spread, level / 2),
            least_clips(level) * self._change_of_a_clip,
        )

    def clips_needed(self, level: float, difference: float) -> int:
        """Return with how many clips like these the test would find a true difference.

        Args:
            level: Of the test.
            difference: What it is to find four times in five, more than 0.
        """
        # Standard errors shrink with the root of the number, what one clip adds with itself.
        by_spread = (detectable(self.exchanges.spread, level / 2) / difference) ** 2
        by_change = least_clips(level) * self._change_of_a_clip / difference
        return max(least_clips(level), ceil(self.clips * max(by_spread, by_change)))

    @property
    def _change_of_a_clip(self) -> float:
        """By how much a clip that changes moves the score, typically."""
        changed = self.exchanges.clips
        return self.exchanges.spread / sqrt(changed) if changed else self.least


@dataclass(frozen=True, slots=True)
class Corrected:
    """A test among the others of its table.

    Attributes:
        p_value: Corrected for their number.
        level: What the uncorrected one was held against.
        is_found: Whether there is a difference.
    """

    p_value: float
    level: float
    is_found: bool


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
) -> Paired:
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
    return Paired(before, after, names, np.stack(list(only)), absent)


def exchange_clips(pair: Paired) -> PairedTest:
    """Test the difference of the average accuracies by exchanging whole clips."""
    items = pair.first.items.sum(0)
    changes = pair.second.by_clip - pair.first.by_clip
    return PairedTest(
        n=int(items.sum()),
        clips=int(np.count_nonzero(pair.first.items.any(axis=1))),
        first=pair.first.average,
        second=pair.second.average,
        exchanges=allow_for_unlike(flip_signs(changes), changes, pair.unseen),
        least=float((1 / items / items.size).max()),
        identical=not pair.discordant.any(),
        only=(int(pair.discordant[0].sum()), int(pair.discordant[1].sum())),
    )


def average_change(
    first: ClipSums, second: ClipSums, level: float = DEFAULT_LEVEL
) -> Interval | None:
    """Return the changes of the average that a test by itself does not exclude.

    Args:
        first: The answers of one run.
        second: Those of another, to the same items.
        level: Of the test.

    Returns:
        None if there are too few clips, or if the answers differ and no clip's sum does.
    """
    change = second.right - first.right
    net = np.stack([np.maximum(-change, 0).sum(0), np.maximum(change, 0).sum(0)])
    if not net.any() and first.answers != second.answers:
        return None
    names = tuple(map(str, range(first.items.shape[1])))
    return exchange_clips(Paired(first, second, names, net)).interval(level)


def corrected(
    p_values: Mapping[_Name, float], level: float = DEFAULT_LEVEL
) -> dict[_Name, Corrected]:
    """Correct the tests of one table for their number, by Holm's method.

    Args:
        p_values: Of the average, of subtasks, all by name, and of other things.
        level: Probability that any of them finds a difference where there is none.
    """
    subtasks = [name for name in p_values if isinstance(name, str) and name != AVERAGE]
    average = next((name for name in p_values if name == AVERAGE), None)
    # Of one subtask alone the average is the same number, and no further test.
    twins: dict[_Name, _Name] = {}
    if average is not None and len(subtasks) == 1:
        twins[subtasks[0]] = average
    family = [name for name in p_values if name not in twins]
    weights = None
    if average is not None and len(family) > 1:
        rest = (1 - AVERAGE_SHARE) / (len(family) - 1)
        weights = [AVERAGE_SHARE if name == average else rest for name in family]
    results = holm([p_values[name] for name in family], level, weights)
    found = {
        name: Corrected(adjusted, own_level, adjusted < level)
        for name, (adjusted, own_level) in zip(family, results, strict=True)
    }
    return {name: found[twins.get(name, name)] for name in p_values}


def difference_of(
    test: PairedTest, found: Corrected, *, matters: float = DIFFERENCE_THAT_MATTERS
) -> Difference:
    """Put a test into words.

    Args:
        test: What was tested.
        found: The same among the tests of its table.
        matters: A difference that it ought to find; 0 for any.
    """
    smallest = test.detectable(found.level)
    interval = test.interval(found.level)
    verdict = verdict_of(test, found, smallest, matters)
    needed = None
    if verdict is Verdict.TOO_SMALL and matters:
        needed = test.clips_needed(found.level, matters)
    return Difference(
        n=test.n,
        clips=test.clips,
        first=test.first,
        second=test.second,
        difference=test.difference,
        interval=interval,
        smallest_detectable=smallest,
        clips_needed=needed,
        items_needed=needed and ceil(needed * test.n / test.clips),
        only_first=test.only and test.only[0],
        only_second=test.only and test.only[1],
        p_value=test.p_value,
        adjusted_p_value=found.p_value,
        level=found.level,
        verdict=verdict,
    )


def verdict_of(
    test: PairedTest, found: Corrected, smallest: float | None, matters: float
) -> Verdict:
    """Return in one word what a test found.

    Args:
        test: The test.
        found: The same among the tests of its table.
        smallest: The difference that it finds four times in five; None if it finds none.
        matters: The difference that it ought to find.
    """
    if test.identical:
        return Verdict.IDENTICAL
    if found.is_found:
        return Verdict.BETTER if test.difference > 0 else Verdict.WORSE
    if smallest is None or smallest > matters > 0:
        return Verdict.TOO_SMALL
    return Verdict.NO_EVIDENCE

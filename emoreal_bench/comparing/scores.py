"""Compare two runs of the same items. Whether they may be compared is decided elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoreal_bench.contracts.comparison import Comparison, Difference, Verdict
from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.scoring.collect import Readings
from emoreal_bench.scoring.frame import Frame
from emoreal_bench.scoring.metrics import ratio
from emoreal_bench.statistics.intervals import (
    ClusterCounts,
    count_clusters,
    percentile_interval,
    resample,
)
from emoreal_bench.statistics.paired import (
    all_alike_p_value,
    holm,
    mcnemar_exact,
    smallest_detectable,
    verdict_of,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emoreal_bench.scoring.metrics import Numbers

_ITEMS, _FIRST, _SECOND, _FEATURES = 0, 1, 2, 3


def compare_scores(
    task: Task, frame: Frame, first: Readings, second: Readings, *, seed: int = 0
) -> Comparison:
    """Compare the accuracies of two runs, subtask by subtask and on average.

    Args:
        task: The task of both.
        frame: Of the items of both.
        first: Readings of the run to compare with.
        second: Readings of the run that the verdict speaks of.
        seed: Of the intervals.

    Raises:
        NotComparableError: If the readings are of different scorings, have no
            scored item in common, or the task wants free answers only.
    """
    if first.scoring is not second.scoring:
        raise NotComparableError(f"One run is read by {first.scoring}, one by {second.scoring}.")
    pair = _Pair(frame, first, second, seed)
    scored = [name for name in frame.layouts if task.subtasks[name].answer is not AnswerKind.OPEN]
    if not scored:
        raise NotComparableError(
            f"The answers of {task.name} are free text, which is neither right nor wrong.",
            remedy="Let one judge rate both runs (emoreal-bench judge), and hold its ratings "
            "side by side with: emoreal-bench runs show.",
        )
    common = {name: members for name in scored if (members := pair.common(name)).size}
    if not common:
        raise NotComparableError("The two runs have no scored item in common.")
    discordant = {name: pair.discordant(members) for name, members in common.items()}
    p_values = [mcnemar_exact(*counts) for counts in discordant.values()]
    subtasks = {
        name: pair.subtask(name, members, discordant[name], (p_value, adjusted))
        for (name, members), p_value, adjusted in zip(
            common.items(), p_values, holm(p_values), strict=True
        )
    }
    notes = [f"no items of {name} in common" for name in scored if name not in common]
    return Comparison(
        scoring=first.scoring,
        subtasks=subtasks,
        average=pair.average(list(common.values())),
        notes=tuple(notes),
    )


class _Pair:
    """Two readings of the same items."""

    def __init__(self, frame: Frame, first: Readings, second: Readings, seed: int):
        gold = frame.gold_for(first.scoring)
        self.frame = frame
        self.right = (first.answer == gold, second.answer == gold)
        self.counted = first.counted & second.counted
        self.scoring = first.scoring
        self.seed = seed

    def common(self, subtask: str) -> NDArray[np.intp]:
        """Give the items of a subtask that are in both denominators."""
        members = self.frame.members(subtask)
        return members[self.counted[members]]

    def discordant(self, members: NDArray[np.intp]) -> tuple[int, int]:
        """Count the items that only the first, and only the second, has right."""
        first, second = (right[members] for right in self.right)
        return int((first & ~second).sum()), int((second & ~first).sum())

    def subtask(
        self,
        name: str,
        members: NDArray[np.intp],
        discordant: tuple[int, int],
        p_values: tuple[float, float],
    ) -> Difference:
        """Compare one subtask; ``p_values`` are plain and adjusted."""
        return self._difference(f"compare/{name}", [members], discordant, p_values)

    def average(self, groups: list[NDArray[np.intp]]) -> Difference:
        """Compare the unweighted mean of several groups of items."""
        return self._difference("compare/average_accuracy", groups, None, None)

    def _difference(
        self,
        name: str,
        groups: list[NDArray[np.intp]],
        discordant: tuple[int, int] | None,
        p_values: tuple[float, float] | None,
    ) -> Difference:
        counts = self._counts(groups)
        first, second = (float(value) for value in _accuracies(counts.totals))
        interval = detectable = None
        if counts.clusters > 1:
            totals = resample(counts, seed=self.seed, name=f"{self.scoring}/{name}")
            accuracies = _accuracies(totals)
            draws = accuracies[1] - accuracies[0]
            interval, detectable = percentile_interval(draws), smallest_detectable(draws)
        only_first, only_second = discordant or (None, None)
        p_value, adjusted = p_values or (None, None)
        decisive = adjusted
        if detectable is None:
            decisive = max(adjusted or 0.0, all_alike_p_value(counts.clusters))
        verdict = verdict_of(second - first, interval, detectable, decisive)
        if self._agree(groups):
            verdict = Verdict.IDENTICAL
        elif detectable is None and verdict is Verdict.TOO_SMALL:
            interval = None  # It has no width, as if nothing were unknown.
        return Difference(
            n=sum(members.size for members in groups),
            first=first,
            second=second,
            difference=second - first,
            interval=interval,
            smallest_detectable=detectable,
            only_first=only_first,
            only_second=only_second,
            p_value=p_value,
            adjusted_p_value=adjusted,
            verdict=verdict,
        )

    def _agree(self, groups: list[NDArray[np.intp]]) -> bool:
        """Say whether both runs have the same items right."""
        first, second = self.right
        return all(bool((first[members] == second[members]).all()) for members in groups)

    def _counts(self, groups: list[NDArray[np.intp]]) -> ClusterCounts:
        import numpy as np

        clips, features = [], []
        for index, members in enumerate(groups):
            chosen = (members, *(members[right[members]] for right in self.right))
            for feature, some in zip((_ITEMS, _FIRST, _SECOND), chosen, strict=True):
                clips.append(self.frame.clip[some])
                features.append(np.full(some.size, _FEATURES * index + feature, dtype=np.int64))
        width = _FEATURES * len(groups)
        return count_clusters(np.concatenate(clips), np.concatenate(features), width)


def _accuracies(totals: NDArray[np.generic]) -> tuple[Numbers, Numbers]:
    """Give both mean accuracies from ``(..., features)`` totals."""
    import numpy as np

    counts = np.asarray(totals, dtype=np.float64)
    items = counts[..., _ITEMS::_FEATURES]
    first = ratio(counts[..., _FIRST::_FEATURES], items).mean(-1)
    second = ratio(counts[..., _SECOND::_FEATURES], items).mean(-1)
    return first, second

"""Compare two runs of the same items. Whether they may be compared is decided elsewhere."""

from __future__ import annotations

from emoreal_bench.comparing.paired import (
    PairedItems,
    PairedTest,
    corrected,
    mcnemar_items,
    verdict_of,
)
from emoreal_bench.contracts.comparison import Comparison, Difference, Verdict
from emoreal_bench.contracts.vocabulary import Scoring


def compare_pair(pair: PairedItems, scoring: Scoring, *, seed: int = 0) -> Comparison:
    """Compare the accuracies of a paired sample.

    Args:
        pair: The sample.
        scoring: By which the answers were read.
        seed: Of the intervals.
    """
    pairs = {name: pair.subtask(name) for name in pair.names}
    prefix = f"{scoring}/compare"
    tests = {
        name: mcnemar_items(one, seed=seed, name=f"{prefix}/{name}") for name, one in pairs.items()
    }
    adjusted = corrected({name: test.p_value for name, test in tests.items()})
    average = mcnemar_items(pair, seed=seed, name=f"{prefix}/average_accuracy")
    return Comparison(
        scoring=scoring,
        subtasks={
            name: _difference(one, tests[name], adjusted[name]) for name, one in pairs.items()
        },
        average=_difference(pair, average, None),
        notes=tuple(f"no items of {name} in common" for name in pair.absent),
    )


def _difference(pair: PairedItems, test: PairedTest, adjusted: float | None) -> Difference:
    """Put a test into words.

    Args:
        pair: What was tested.
        test: What it found.
        adjusted: The p-value of a subtask, corrected; None for the average.
    """
    interval, smallest, decisive = test.interval, test.detectable(), adjusted
    if smallest is None:
        # All clips change alike. Had the runs been swapped in any one of them, the change
        # were smaller: of all ways to swap them, two have a change as large.
        decisive = max(adjusted or 0.0, 2.0 ** (1 - test.clips))
    verdict = verdict_of(test.estimate, interval, smallest, decisive)
    if not pair.discordant.any():
        verdict = Verdict.IDENTICAL
    elif smallest is None and verdict is Verdict.TOO_SMALL:
        interval = None  # It has no width, as if nothing were unknown.
    is_subtask = adjusted is not None
    only_first, only_second = map(int, pair.discordant.sum(1))
    return Difference(
        n=int(pair.first.items.sum()),
        first=pair.first.average,
        second=pair.second.average,
        difference=test.estimate,
        interval=interval,
        smallest_detectable=smallest,
        only_first=only_first if is_subtask else None,
        only_second=only_second if is_subtask else None,
        p_value=test.p_value if is_subtask else None,
        adjusted_p_value=adjusted,
        verdict=verdict,
    )

"""Paired tests: two runs that answered the same items."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, log
from statistics import NormalDist
from typing import TYPE_CHECKING

from emoreal_bench.contracts.comparison import Verdict
from emoreal_bench.contracts.scores import Interval
from emoreal_bench.statistics.intervals import CONFIDENCE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POWER = 0.8
DIFFERENCE_THAT_MATTERS = 0.05
"""A test that would probably miss this difference is called too small."""


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Give the two-sided p-value of McNemar's exact test.

    Under the null hypothesis, of the items that one run alone has right each
    is the first's or the second's with probability one half.

    Args:
        only_first: Items that only the first run has right.
        only_second: Items that only the second run has right.
    """
    discordant = only_first + only_second
    fewer = min(only_first, only_second)
    # Binomial terms in logarithms, since 2**-n underflows for large n.
    logs = (
        lgamma(discordant + 1) - lgamma(k + 1) - lgamma(discordant - k + 1) - discordant * log(2)
        for k in range(fewer + 1)
    )
    return min(1.0, 2 * sum(exp(value) for value in logs))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number by Holm's step-down method.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979.

    Returns:
        Adjusted values in the order given.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def smallest_detectable(
    draws: NDArray[np.float64], confidence: float = CONFIDENCE, power: float = POWER
) -> float | None:
    """Give the true difference that a test of this size finds with the given power.

    Args:
        draws: ``(replicates,)`` bootstrap values of the difference; their
            spread stands for its standard error.
        confidence: Of the two-sided test.
        power: Probability of finding the difference.

    Returns:
        The difference, or None where no replicate defines it or they do not
        vary, as for runs that agree on every item.
    """
    import numpy as np

    defined = draws[~np.isnan(draws)]
    if defined.size == 0 or defined.min() == defined.max():
        return None
    normal = NormalDist()
    return (normal.inv_cdf((1 + confidence) / 2) + normal.inv_cdf(power)) * float(defined.std())


def all_alike_p_value(clips: int) -> float:
    """Give the two-sided p-value where every clip changes by the same.

    Had the runs been swapped in any one clip, the change were smaller: of all
    ways to swap them, two have a change as large.
    """
    return 2.0 ** (1 - clips)


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
        detectable: See :func:`smallest_detectable`.
        p_value: Of an exact test, corrected for their number; None if there is none.
    """
    excludes_zero = interval is not None and (interval[0] > 0 or interval[1] < 0)
    significant = p_value is None or p_value < 1 - CONFIDENCE
    if excludes_zero and significant:
        return Verdict.BETTER if difference > 0 else Verdict.WORSE
    if detectable is None or detectable > DIFFERENCE_THAT_MATTERS:
        return Verdict.TOO_SMALL
    return Verdict.NO_EVIDENCE

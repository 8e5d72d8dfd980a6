"""Paired tests: two runs that answered the same items."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, log
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

POWER = 0.8


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test.

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


def spread(draws: NDArray[np.float64]) -> float | None:
    """Take the standard error of a difference from its bootstrap values.

    Args:
        draws: ``(replicates,)``; NaN where a replicate does not define the difference.

    Returns:
        None where no replicate defines it or they do not vary, as for runs that
        agree on every item.
    """
    defined = draws[~np.isnan(draws)]
    if defined.size == 0 or defined.min() == defined.max():
        return None
    return float(defined.std())


def detectable(standard_error: float, tail: float, power: float = POWER) -> float:
    """Return the true difference that a test finds with the given power.

    Args:
        standard_error: Of the difference.
        tail: Level of a one-sided test, half the level of a two-sided one: 0 to 0.5.
        power: Probability of finding the difference.
    """
    normal = NormalDist()
    return (normal.inv_cdf(1 - tail) + normal.inv_cdf(power)) * standard_error

"""A paired test of clusters: flip the signs of their changes.

If the second of two runs is no other model than the first, the two answers to
a clip might as well have been swapped, so the change of each clip has either
sign with probability one half. With one question to a clip this is McNemar's
exact test; with several it stays valid, since whole clips are swapped.

Source: Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 2005,
section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.statistics.intervals import seeded_generator

REPLICATES = 19_999
"""The smallest p-value is one in one more than this."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class SignFlipTest:
    """One test of a change.

    Attributes:
        p_worse: One-sided p-value of a drop.
        p_better: One-sided p-value of a gain.
        standard_error: Of the summed change.
    """

    p_worse: float
    p_better: float
    standard_error: float


def sign_flip_test(
    changes: NDArray[np.float64], least_change: float, *, seed: int, name: str
) -> SignFlipTest:
    """Test whether the sum of changes differs from 0.

    Args:
        changes: ``(clusters,)`` what each adds to the change of a score.
        least_change: What one item adds. The standard error is no smaller, since
            runs that agree on a few items may still disagree on the next.
        seed: Of the whole report.
        name: Of what is tested; other names give independent draws.
    """
    sizes, counts = np.unique(np.abs(changes[changes != 0]), return_counts=True)
    generator = seeded_generator(seed, f"sign flips/{name}")
    sums = np.zeros(REPLICATES)
    for size, count in zip(sizes, counts, strict=True):
        sums += size * (2.0 * generator.binomial(count, 0.5, REPLICATES) - count)
    observed = float(changes.sum())
    # Sums that are equal but were added in another order count as equal.
    slack = _ROUNDING * float(np.abs(changes).sum())
    return SignFlipTest(
        p_worse=_share(sums <= observed + slack),
        p_better=_share(sums >= observed - slack),
        standard_error=max(sqrt(float(np.square(changes).sum())), least_change),
    )


def _share(as_extreme: NDArray[np.bool_]) -> float:
    # The sample itself is one of the flips, so no p-value is 0 (Good, section 3.2).
    return (1 + int(as_extreme.sum())) / (as_extreme.size + 1)

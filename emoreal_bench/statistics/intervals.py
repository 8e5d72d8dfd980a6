"""Counts by cluster, and the interval of a single proportion.

Questions about one clip are not independent: a clip that is hard for one is
hard for all. A clip enters a metric only through its counts, hence clips with
equal counts are interchangeable and are kept once, with their number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
_LARGEST_CODE = 2**62


@dataclass(frozen=True, slots=True)
class ClusterCounts:
    """What clusters add to a metric, equal clusters folded into one row.

    Attributes:
        vectors: ``(distinct, features)`` counts or sums, in lexicographic
            order, so that the order of the items never matters.
        multiplicity: ``(distinct,)`` how many clusters have these counts.
    """

    vectors: NDArray[np.int64] | NDArray[np.float64]
    multiplicity: NDArray[np.int64]

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return int(self.multiplicity.sum())

    @property
    def totals(self) -> NDArray[np.int64] | NDArray[np.float64]:
        """``(features,)`` totals over all clusters: the sample itself."""
        totals: NDArray[np.int64] | NDArray[np.float64] = self.multiplicity @ self.vectors
        return totals


def count_clusters(
    clusters: NDArray[np.int32], features: NDArray[np.int64], width: int
) -> ClusterCounts:
    """Count features per cluster, as :func:`counts_by_cluster`, and fold equal clusters."""
    return fold_clusters(counts_by_cluster(clusters, features, width))


def counts_by_cluster(
    clusters: NDArray[np.int32], features: NDArray[np.int64], width: int
) -> NDArray[np.int64]:
    """Count features per cluster.

    Args:
        clusters: ``(pairs,)`` the cluster of each counted thing.
        features: ``(pairs,)`` what is counted there, 0 to ``width - 1``. A
            thing that counts for several features is listed several times.
        width: Number of features.

    Returns:
        ``(clusters, width)``, for those clusters that occur.
    """
    present, position = np.unique(clusters, return_inverse=True)
    cells = position.astype(np.int64) * width + features
    return np.bincount(cells, minlength=present.size * width).reshape(present.size, width)


def seeded_generator(seed: int, name: str) -> np.random.Generator:
    """Make the random generator that belongs to a seed and a name."""
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype="<u4")
    return np.random.Generator(np.random.PCG64([seed, *(int(word) for word in words)]))


def wilson_interval(
    successes: float, trials: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return Wilson's score interval of a single proportion of independent trials.

    Args:
        successes: 0 to ``trials``.
        trials: Number of trials, more than 0.
        confidence: Probability that the interval is meant to cover.

    Raises:
        ValueError: If there are no trials.
    """
    if trials <= 0:
        raise ValueError("a proportion needs at least one trial")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    spread = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    # Without the rounding of the last digit, which would exclude a perfect score.
    low = 0.0 if successes == 0 else centre - spread
    high = 1.0 if successes == trials else centre + spread
    return max(0.0, low), min(1.0, high)


def fold_clusters(counts: NDArray[np.int64]) -> ClusterCounts:
    """Fold equal clusters.

    As ``numpy.unique(axis=0)``, but faster where a row fits into one number.

    Args:
        counts: ``(clusters, features)``.
    """
    bases = [int(base) for base in counts.max(axis=0) + 1] if counts.size else []
    span = 1
    for base in bases:
        span *= base
    if span >= _LARGEST_CODE:
        return ClusterCounts(*np.unique(counts, axis=0, return_counts=True))
    codes = np.zeros(counts.shape[0], dtype=np.int64)
    for column, base in enumerate(bases):
        codes = codes * base + counts[:, column]
    _, first, multiplicity = np.unique(codes, return_index=True, return_counts=True)
    return ClusterCounts(counts[first], multiplicity.astype(np.int64))

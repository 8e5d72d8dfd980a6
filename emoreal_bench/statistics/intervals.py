"""A seeded bootstrap over clips for differences, and intervals of single proportions.

Questions about one clip are not independent: a clip that is hard for one is
hard for all. So whole clips are drawn with replacement, never items. A clip
enters a metric only through its counts, hence clips with equal counts are
interchangeable, and one multinomial draw over the distinct count vectors
replaces drawing every clip: the same distribution, at a fraction of the work
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 8, for
the cluster bootstrap).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

REPLICATES = 1000
CONFIDENCE = 0.95
_DRAWS_AT_ONCE = 1_000_000
_RARE = 8
"""Clusters with the same vector; of up to so many, each is drawn for itself ..."""
_MANY_RARE = 256
"""... if there are so many such vectors."""
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


def resample(
    counts: ClusterCounts, *, seed: int, name: str, replicates: int = REPLICATES
) -> NDArray[np.float64]:
    """Draw bootstrap samples of clusters and give the totals of each.

    Args:
        counts: The sample.
        seed: Of the whole report.
        name: Of what is resampled; other names give independent draws.
        replicates: Number of bootstrap samples.

    Returns:
        ``(replicates, features)`` totals. Those of counts are whole numbers, so
        that the product is exact and the same on every machine.
    """
    is_rare = counts.multiplicity <= _RARE
    if np.count_nonzero(is_rare) < _MANY_RARE:
        is_rare[:] = False
    # Two generators, so that how many replicates are drawn at once changes no draw.
    generators = seeded_generator(seed, name), seeded_generator(seed, f"{name}/rare")
    totals = np.empty((replicates, counts.vectors.shape[1]))
    step = max(1, _DRAWS_AT_ONCE // max(1, counts.multiplicity[is_rare].sum(), is_rare.size))
    for start in range(0, replicates, step):
        size = min(step, replicates - start)
        totals[start : start + size] = _draw_totals(counts, is_rare, size, *generators)
    return totals


def _draw_totals(
    counts: ClusterCounts,
    is_rare: NDArray[np.bool_],
    size: int,
    generator: np.random.Generator,
    rare_generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw how often each common vector comes, and each cluster that has a rare one.

    Given how many clusters of a bootstrap sample have rare vectors, each of these
    is any of them with equal probability, so that this has the distribution of
    one multinomial draw over all vectors. An integer is drawn ten times as fast as
    a binomial number.
    """
    common, rare = counts.multiplicity[~is_rare], counts.multiplicity[is_rare]
    outcomes = np.append(common, rare.sum()) if rare.size else common
    drawn = generator.multinomial(counts.clusters, outcomes / counts.clusters, size=size)
    totals = _whole(drawn[:, : common.size]) @ _whole(counts.vectors[~is_rare])
    if rare.size:
        ends = np.cumsum(drawn[:, -1])
        clusters = rare_generator.integers(rare.sum(), size=ends[-1], dtype=np.uint32)
        firsts = np.cumsum(rare) - rare
        times = np.empty((size, rare.size))
        # Row by row, whose counts stay in the processor's cache.
        for row, its in enumerate(np.split(clusters, ends[:-1])):
            times[row] = np.add.reduceat(np.bincount(its, minlength=int(rare.sum())), firsts)
        totals += times @ _whole(counts.vectors[is_rare])
    return totals


def _whole(counts: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return counts as floats, whose products are many times as fast and as exact."""
    return counts.astype(np.float64)


def seeded_generator(seed: int, name: str) -> np.random.Generator:
    """Make the random generator that belongs to a seed and a name."""
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype="<u4")
    return np.random.Generator(np.random.PCG64([seed, *(int(word) for word in words)]))


def percentile_interval(
    values: NDArray[np.float64], confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Take the percentile interval of bootstrap values.

    Args:
        values: ``(replicates,)``; NaN where the metric is not defined in a
            replicate, which is left out.
        confidence: Probability that the interval is meant to cover.

    Returns:
        Lower and upper bound, or None if no replicate defines the metric.
    """
    defined = values[~np.isnan(values)]
    if defined.size == 0:
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


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

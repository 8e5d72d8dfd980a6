"""Counts by cluster and Wilson intervals, against plain ways to compute them."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.statistics.intervals import (
    ClusterCounts,
    count_clusters,
    seeded_generator,
    wilson_interval,
)

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=1, max_size=60)


def _count(pairs: list[tuple[int, int]], width: int = 4) -> ClusterCounts:
    clusters, features = zip(*pairs, strict=True)
    return count_clusters(np.array(clusters, np.int32), np.array(features, np.int64), width)


@given(PAIRS)
def test_folding_equal_clusters_keeps_every_count(pairs: list[tuple[int, int]]) -> None:
    counts = _count(pairs)
    assert counts.totals.tolist() == [sum(f == j for _, f in pairs) for j in range(4)]
    assert counts.clusters == len({cluster for cluster, _ in pairs})
    assert len(np.unique(counts.vectors, axis=0)) == len(counts.vectors)


@given(PAIRS, st.permutations(range(7)))
def test_neither_order_nor_names_of_clusters_matter(
    pairs: list[tuple[int, int]], names: list[int]
) -> None:
    renamed = [(names[cluster], feature) for cluster, feature in reversed(pairs)]
    one, other = _count(pairs), _count(renamed)
    assert one.vectors.tolist() == other.vectors.tolist()
    assert one.multiplicity.tolist() == other.multiplicity.tolist()


def test_rows_too_long_for_one_number_are_folded_alike() -> None:
    """40 columns with values up to 9 need 10**40 codes, which no 64-bit number holds."""
    row = [(0, feature) for feature in range(40) for _ in range(9)]
    pairs = row + [(1, feature) for _, feature in row] + [(2, 5)]
    counts = _count(pairs, width=40)
    assert sorted(counts.multiplicity.tolist()) == [1, 2]
    assert counts.totals.sum() == len(pairs)


def test_draws_depend_on_seed_and_name_only() -> None:
    draws = [
        seeded_generator(seed, name).integers(0, 2**60)
        for seed, name in [(0, "a"), (0, "a"), (1, "a"), (0, "b")]
    ]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3


@given(st.integers(1, 500), st.floats(0, 1))
def test_wilson_bounds_are_the_proportions_whose_score_test_just_holds(
    trials: int, share: float
) -> None:
    """Wilson, 1927: at a bound p, the observed share lies 1.96 standard errors of p away."""
    successes = round(share * trials)
    for bound in wilson_interval(successes, trials):
        distance = abs(successes / trials - bound)
        assert distance == pytest.approx(1.959964 * sqrt(bound * (1 - bound) / trials), abs=1e-6)


def test_wilson_needs_a_trial() -> None:
    with pytest.raises(ValueError, match="trial"):
        wilson_interval(0, 0)

"""Cluster bootstrap and Wilson intervals, against plain ways to compute them."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.statistics.intervals import (
    ClusterCounts,
    count_clusters,
    percentile_interval,
    resample,
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


def test_a_resample_holds_as_many_clusters_as_the_sample() -> None:
    counts = _count([(cluster, 0) for cluster in range(7)])
    assert resample(counts, seed=1, name="x")[:, 0].tolist() == [7.0] * 1000


def test_the_multinomial_draw_has_the_distribution_of_drawing_every_cluster() -> None:
    """Mean and spread of 20,000 folded draws against as many plain draws of clusters."""
    source = np.random.default_rng(0)
    sizes = source.integers(1, 5, size=30)
    right = source.binomial(sizes, 0.6)
    pairs = [(c, 0) for c in range(30) for _ in range(sizes[c])]
    pairs += [(c, 1) for c in range(30) for _ in range(right[c])]
    totals = resample(_count(pairs), seed=5, name="accuracy", replicates=20_000)
    folded = totals[:, 1] / totals[:, 0]
    drawn = source.integers(0, 30, size=(20_000, 30))
    plain = right[drawn].sum(1) / sizes[drawn].sum(1)
    assert folded.mean() == pytest.approx(plain.mean(), abs=0.003)
    assert folded.std() == pytest.approx(plain.std(), rel=0.03)
    for tail in (2.5, 97.5):
        assert np.percentile(folded, tail) == pytest.approx(np.percentile(plain, tail), abs=0.01)


def test_questions_of_one_clip_widen_the_interval() -> None:
    """The same 200 answers as 20 clips of ten equal answers are worth far less."""
    apart = [(item, 0) for item in range(200)] + [(item, 1) for item in range(0, 200, 2)]
    together = [(item // 10, 0) for item in range(200)]
    together += [(item // 10, 1) for item in range(200) if (item // 10) % 2]
    widths = []
    for pairs in (apart, together):
        totals = resample(_count(pairs), seed=0, name="x")
        low, high = percentile_interval(totals[:, 1] / totals[:, 0]) or (0, 0)
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def _with_many_rare_vectors() -> ClusterCounts:
    """4,000 clusters, of which half have one of 700 vectors, and half one of two."""
    source = np.random.default_rng(3)
    pairs = [(cluster, cluster % 2) for cluster in range(2000)]
    for cluster in range(2000, 4000):
        pairs += [(cluster, 2)] * int(source.integers(1, 27))
        pairs += [(cluster, 3)] * int(source.integers(1, 27))
    return _count(pairs)


def test_rare_vectors_that_are_drawn_apart_have_the_distribution_of_one_draw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = _with_many_rare_vectors()
    apart = resample(counts, seed=1, name="x", replicates=10_000)
    monkeypatch.setattr("emoreal_bench.statistics.intervals._MANY_RARE", 10**6)
    together = resample(counts, seed=2, name="x", replicates=10_000)
    assert apart.mean(axis=0) == pytest.approx(together.mean(axis=0), rel=2e-3)
    assert apart.std(axis=0) == pytest.approx(together.std(axis=0), rel=0.03)
    assert np.corrcoef(apart.T) == pytest.approx(np.corrcoef(together.T), abs=0.04)


def test_a_resample_with_rare_vectors_holds_as_many_clusters_as_the_sample() -> None:
    counts = _with_many_rare_vectors()
    ones = ClusterCounts(np.ones((len(counts.vectors), 1), np.int64), counts.multiplicity)
    assert set(resample(ones, seed=1, name="x")[:, 0]) == {4000.0}


@pytest.mark.parametrize("clusters_drawn_at_once", [50, 10_000])
@pytest.mark.parametrize("many", [False, True], ids=["together", "rare apart"])
def test_memory_limits_do_not_change_the_draws(
    clusters_drawn_at_once: int, monkeypatch: pytest.MonkeyPatch, *, many: bool
) -> None:
    counts = _with_many_rare_vectors()
    if not many:
        counts = _count([(c, c % 3) for c in range(50)] + [(c, 3) for c in range(0, 50, 4)])
    whole = resample(counts, seed=2, name="x")
    name = "emoreal_bench.statistics.intervals._DRAWS_AT_ONCE"
    monkeypatch.setattr(name, clusters_drawn_at_once)
    assert np.array_equal(resample(counts, seed=2, name="x"), whole)


def test_draws_depend_on_seed_and_name_only() -> None:
    draws = [
        seeded_generator(seed, name).integers(0, 2**60)
        for seed, name in [(0, "a"), (0, "a"), (1, "a"), (0, "b")]
    ]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3


def test_replicates_without_the_metric_are_left_out_of_the_interval() -> None:
    values = np.array([np.nan, 0.2, 0.4, np.nan])
    low, high = percentile_interval(values) or (0, 0)
    assert 0.2 <= low <= high <= 0.4
    assert percentile_interval(np.full(3, np.nan)) is None


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

"""Intervals clustered by clip, against scipy, the jackknife and known truths."""

from __future__ import annotations

from functools import partial
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.scoring.clip_intervals import metric_intervals, share_interval
from emoreal_bench.scoring.frame import Layout
from emoreal_bench.scoring.metrics import compute_metrics
from emoreal_bench.statistics.clustered import mean_interval, student_quantile
from emoreal_bench.statistics.intervals import wilson_interval

LABELS = Layout(AnswerKind.LABEL, ("joy", "grief", "anger"))
METRICS = partial(compute_metrics, LABELS, predicted_classes_count=False)
MIXED = ("uar", "macro_f1", "weighted_f1", "matthews", "cohen_kappa")


def _clips(right: int, items: int) -> NDArray[np.int64]:
    """Return counts of clips with one question each."""
    return np.array([[1, int(clip < right)] for clip in range(items)])


def _interval(counts: NDArray[np.int64]) -> tuple[float, float]:
    interval = share_interval(counts)
    assert interval is not None
    return interval


def _labels(clips: int, seed: int) -> NDArray[np.int64]:
    """Return counts of clips with one to three questions of one class, two of three right."""
    source = np.random.default_rng(seed)
    counts = np.zeros((clips, 12), np.int64)
    for clip, gold in enumerate(source.choice(3, p=[0.2, 0.3, 0.5], size=clips)):
        for _ in range(source.integers(1, 4)):
            answer = gold if source.random() < 0.65 else source.integers(4)
            counts[clip, 4 * gold + answer] += 1
    return counts


@pytest.mark.parametrize("freedom", [*range(1, 40), 100, 999, 12_345])
def test_the_quantile_is_that_of_scipy(freedom: int) -> None:
    assert student_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-6)


@given(st.integers(40, 400), st.floats(0.2, 0.8))
def test_of_one_question_a_clip_it_is_wilsons_with_students_quantile(
    items: int, share: float
) -> None:
    """Wilson, 1927: at a bound, the observed share lies so many standard errors of it away."""
    right = round(share * items)
    for bound in _interval(_clips(right, items)):
        error = sqrt(bound * (1 - bound) / (items - 1))
        distance = stats.t.ppf(0.975, items - 1) * error
        assert abs(right / items - bound) == pytest.approx(distance, rel=0.02)


def test_questions_of_one_clip_count_by_the_spread_between_clips() -> None:
    """Half the width, in the middle, is that of the ratio estimator (Cochran, 1977, 6.4)."""
    source = np.random.default_rng(1)
    sizes = source.integers(1, 6, size=900)
    right = source.binomial(sizes, source.beta(1, 1, size=900))
    share = right.sum() / sizes.sum()
    error = sqrt(900 / 899 * ((right - share * sizes) ** 2).sum()) / sizes.sum()
    low, high = _interval(np.stack([sizes, right], axis=1))
    assert (high - low) / 2 == pytest.approx(1.9625 * error, rel=0.01)
    independent = sqrt(share * (1 - share) / sizes.sum())
    assert (high - low) / 2 > 1.3 * 1.96 * independent


@pytest.mark.parametrize("metric", MIXED)
def test_the_width_of_a_metric_is_that_of_the_jackknife_over_clips(metric: str) -> None:
    counts = _labels(600, seed=2)
    metrics = partial(METRICS, wanted=("cohen_kappa",))
    values = metrics(counts.sum(axis=0))[metric]
    without = metrics(counts.sum(axis=0) - counts)[metric]
    error = sqrt(599 / 600 * ((without - without.mean()) ** 2).sum())
    found, notes = metric_intervals(counts, [LABELS], metrics, {metric: float(values)})
    low, high = found[metric]
    assert not notes
    assert (high - low) / 2 == pytest.approx(1.964 * error, rel=0.02)
    assert (low + high) / 2 == pytest.approx(float(values), abs=0.1 * error)


@pytest.mark.parametrize("items", [2, 5, 13, 48, 400])
def test_a_perfect_run_reaches_the_end_and_claims_no_more_than_an_exact_interval(
    items: int,
) -> None:
    """Clopper and Pearson, 1934: all of n are right in one of 40 runs at this accuracy."""
    low, high = _interval(_clips(items, items))
    assert high == 1.0
    assert 0 <= low <= 0.025 ** (1 / items) < low + 1.6 / items
    assert _interval(_clips(0, items)) == pytest.approx((0.0, 1 - low), abs=1e-9)


def test_a_perfect_run_of_whole_clips_knows_as_much_as_it_has_clips() -> None:
    once, thrice = (_interval(size * np.ones((20, 2), np.int64)) for size in (1, 3))
    assert once == pytest.approx(thrice, abs=0.01)


def test_an_average_reaches_its_ends_too() -> None:
    """Five subtasks about the same clips, all right: as sure as one, since clips may be alike."""
    clips = np.ones((48, 10), np.int64)
    low, high = _interval(clips)
    assert high == 1.0
    assert low == pytest.approx(_interval(clips[:, :2])[0], abs=0.01)
    clips[:, 1::2] = 0
    assert _interval(clips)[0] == 0.0


@pytest.mark.parametrize("metric", MIXED)
@pytest.mark.parametrize("right", [True, False])
def test_at_both_ends_there_is_an_interval_and_none_goes_beyond(
    metric: str, *, right: bool
) -> None:
    counts = np.zeros((30, 12), np.int64)
    for clip in range(30):
        gold = clip % 3
        counts[clip, 4 * gold + (gold if right else (gold + 1) % 3)] = 1
    metrics = partial(METRICS, wanted=("cohen_kappa",))
    value = float(metrics(counts.sum(axis=0))[metric])
    low, high = metric_intervals(counts, [LABELS], metrics, {metric: value})[0][metric]
    least = -1.0 if metric in {"matthews", "cohen_kappa"} else 0.0
    assert least <= low <= value <= high <= 1.0
    assert high - low > 0.05
    assert (high if right else low) == (1.0 if right else pytest.approx(min(value, low)))


@settings(max_examples=10)
@given(st.permutations(range(40)))
def test_the_order_of_clips_changes_no_digit(order: list[int]) -> None:
    counts = _labels(40, seed=3)
    values = {name: float(value) for name, value in METRICS(counts.sum(axis=0)).items()}
    again = metric_intervals(counts[order], [LABELS], METRICS, values)
    assert again == metric_intervals(counts, [LABELS], METRICS, values)


def test_few_clips_of_a_class_are_named_where_an_interval_is_missing() -> None:
    counts = _labels(60, seed=4)
    grief = np.flatnonzero(counts[:, 4:8].any(axis=1))
    counts = np.delete(counts, grief[4:], axis=0)
    values = {name: float(value) for name, value in METRICS(counts.sum(axis=0)).items()}
    found, notes = metric_intervals(counts, [LABELS], METRICS, values)
    assert sorted(found) == ["accuracy", "war"]
    (note,) = notes
    assert "uar, macro_f1, weighted_f1, matthews" in note
    assert "grief has 4" in note


def _coverage(of_independent: NDArray[np.float64], items: int) -> NDArray[np.float64]:
    """Compute exactly how often the interval of independent answers holds each accuracy."""
    bounds = np.array([_interval(_clips(right, items)) for right in range(items + 1)])
    odds = stats.binom.pmf(np.arange(items + 1), items, of_independent[:, None])
    held = (bounds[:, 0] <= of_independent[:, None]) & (of_independent[:, None] <= bounds[:, 1])
    coverage: NDArray[np.float64] = (odds * held).sum(axis=1)
    return coverage


@pytest.mark.parametrize("items", [48, 200])
def test_of_independent_answers_the_truth_is_inside_at_every_accuracy(items: int) -> None:
    """Wilson's interval of before held 0.9966 in only 84 of 100 runs of 48 questions."""
    coverage = _coverage(np.linspace(0.5, 0.9999, 1000), items)
    assert coverage.min() > 0.915
    assert 0.95 < coverage.mean() < 0.967


@pytest.mark.parametrize(("accuracy", "correlation"), [(0.5, 0.3), (0.8, 0.5), (0.95, 0.3)])
def test_of_48_questions_that_are_hard_together_the_truth_is_inside(
    accuracy: float, correlation: float
) -> None:
    """600 simulated runs; ``benchmarks/coverage.py`` has many more and other kinds."""
    source = np.random.default_rng(5)
    spread = 1 / correlation - 1
    held = 0
    for _ in range(600):
        sizes = source.integers(1, 6, size=16)
        chance = source.beta(accuracy * spread, (1 - accuracy) * spread, size=16)
        low, high = _interval(np.stack([sizes, source.binomial(sizes, chance)], axis=1))
        held += low <= accuracy <= high
    assert 0.93 * 600 < held < 0.99 * 600


def test_of_uneven_classes_the_true_uar_is_inside() -> None:
    """200 simulated runs of 150 clips, of which a tenth are of one class."""
    source, share = np.random.default_rng(6), np.array([0.1, 0.3, 0.6])
    recalls = np.array([0.95, 0.85, 0.9])
    held = known = 0
    for _ in range(200):
        counts = np.zeros((150, 12), np.int64)
        gold = source.choice(3, p=share, size=150)
        answer = np.where(source.random(150) < recalls[gold], gold, source.integers(4, size=150))
        counts[np.arange(150), 4 * gold + answer] = 1
        found, _ = metric_intervals(counts, [LABELS], METRICS, {"uar": 0.0})
        if found:
            truth = (recalls + (1 - recalls) / 4).mean()
            held += found["uar"][0] <= truth <= found["uar"][1]
            known += 1
    assert known > 195
    assert 0.92 * known < held < 0.99 * known


def _dense_clips(source: np.random.Generator, accuracy: float) -> NDArray[np.int64]:
    """Return 67 clips with one to five questions of each of five subtasks, hard together.

    As in ``benchmarks/coverage.py``: two answers about a clip correlate by 0.3.
    """
    clips = source.random(67)
    counts = np.zeros((67, 10), np.int64)
    for subtask, offset in enumerate((-0.4, -0.2, 0.0, 0.2, 0.4)):
        sizes = source.integers(1, 6, size=67)
        for question in range(5):
            as_its_clip = source.random(67) < sqrt(0.3)
            hard = np.where(as_its_clip, clips, source.random(67))
            counts[:, 2 * subtask] += question < sizes
            right = hard < accuracy + (1 - accuracy) * offset
            counts[:, 2 * subtask + 1] += (question < sizes) & right
    return counts


@pytest.mark.parametrize("accuracy", [0.9, 0.97, 0.99])
def test_of_clips_with_fifteen_questions_the_true_average_is_inside(accuracy: float) -> None:
    """A clip that is wholly wrong is rare: without a part of one made up, 87 % at 97 %."""
    source = np.random.default_rng(11)
    held = 0
    for _ in range(200):
        low, high = _interval(_dense_clips(source, accuracy))
        held += low <= accuracy <= high
    assert held > 0.91 * 200


def test_of_a_clip_that_was_not_seen_only_the_lower_bound_of_a_good_score_knows() -> None:
    """Forty clips of five questions; a clip made up to be right changes nothing above."""
    good = np.array([[5, 5]] * 30 + [[5, 4]] * 10)
    bad = good.copy()
    bad[:, 1] = 5 - good[:, 1]
    low, high = _interval(good)
    assert _interval(bad) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    # Of 200 independent answers Wilson's would be 91.0 to 97.3 %.
    assert low < 0.91
    assert 0.97 < high < 0.975


@pytest.mark.parametrize("recall", [0.5, 0.9])
def test_the_uar_knows_that_a_class_of_six_clips_is_small(recall: float) -> None:
    """Six classes of 65 clips and one of six: without help of the others 90 to 92 %."""
    source = np.random.default_rng(12)
    sizes = np.array([6, 65, 65, 65, 65, 65, 65])
    layout = Layout(AnswerKind.LABEL, tuple("abcdefg"))
    metrics = partial(compute_metrics, layout, predicted_classes_count=False)
    right = source.binomial(sizes, recall, size=(200, 7))
    held = 0
    for one in right:
        counts = np.zeros((sizes.sum(), 56), np.int64)
        gold = np.repeat(np.arange(7), sizes)
        is_right = np.concatenate([np.arange(n) < k for n, k in zip(sizes, one, strict=True)])
        counts[np.arange(sizes.sum()), 8 * gold + np.where(is_right, gold, 7)] = 1
        low, high = metric_intervals(counts, [layout], metrics, {"uar": 0.5})[0]["uar"]
        held += low <= recall <= high
    assert 0.91 * 200 < held < 0.995 * 200


def test_a_rate_that_is_better_low_is_bounded_as_its_opposite() -> None:
    """Of 40 invented cues in clips of two questions, four are believed."""
    layout = Layout(AnswerKind.YES_NO, ("yes", "no"))
    metrics = partial(compute_metrics, layout, predicted_classes_count=False)
    counts = np.zeros((20, 10), np.int64)
    counts[:, 4] = counts[:, 6] = 2
    counts[:4, [3, 7]], counts[:4, 4] = 1, 1
    numbers = {"hallucination_rate": 0.1, "no_recall": 0.9}
    found, _ = metric_intervals(counts, [layout], metrics, numbers)
    low, high = found["no_recall"]
    assert found["hallucination_rate"] == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_a_mean_without_ends_has_students_interval() -> None:
    values = np.random.default_rng(7).normal(size=30)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values, np.ones(30)) == pytest.approx(tuple(expected), abs=1e-7)
    assert mean_interval(values[:1], np.ones(1)) is None
    assert mean_interval(np.ones(9), np.ones(9)) is None


def test_of_any_number_of_clips_a_perfect_run_may_be_perfect() -> None:
    """A bound of 0.9999999999999999 would fail a floor of 1."""
    for clips in (*range(2, 40), 100, 293, 1000):
        interval = share_interval(np.ones((clips, 2), np.int64))
        assert interval is not None
        assert interval[1] == 1.0
        assert wilson_interval(clips, clips)[1] == 1.0
        assert wilson_interval(0, clips)[0] == 0.0


@given(st.lists(st.integers(1, 90), min_size=3, max_size=3))
def test_every_metric_of_a_perfect_run_is_exactly_1(sizes: list[int]) -> None:
    counts = np.zeros((3, 12), np.int64)
    counts[[0, 1, 2], [0, 5, 10]] = sizes
    values = {name: float(METRICS(counts.sum(axis=0))[name]) for name in MIXED[:4]}
    assert values == dict.fromkeys(values, 1.0)

"""Ranks from paired tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emoreal_bench import api
from emoreal_bench.comparing.paired import ClipSums
from emoreal_bench.comparing.ranks import has_items, load_clip_sums, paired_rank_ranges
from emoreal_bench.comparing.runs import compare_answers, load_answers
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.reporting.leaderboard.build import LeaderboardOptions, build_leaderboard
from tests.small_emorealm import gold_answers, make_data, write_script


def _scores(right: np.ndarray) -> ClipSums:
    """Make the scores of one subtask with one item per clip."""
    return ClipSums(np.ones((right.size, 1), np.int64), right.astype(np.int64)[:, np.newaxis])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("runs")
    data = make_data(root / "data", items=300, per_clip=3)
    gold = gold_answers(data)
    folders = []
    for name, wrong_every in (("good", 30), ("bad", 3)):
        model = write_script(root / f"{name}.json", gold, wrong_every=wrong_every)
        options = api.RunOptions(out=root / "runs" / name)
        api.evaluate(model=model, task="emorealm", data=data, options=options)
        folders.append(root / "runs" / name)
    return folders[0], folders[1]


def test_a_small_steady_lead_is_found_where_intervals_overlap() -> None:
    random = np.random.default_rng(0)
    worse = random.random(2000) < 0.5
    # Everything the worse model has right and 3 points more.
    better = worse | (random.random(2000) < 0.06)
    assert paired_rank_ranges([_scores(worse), _scores(better)]) == [(2, 2), (1, 1)]


def test_independent_models_of_equal_skill_share_ranks() -> None:
    random = np.random.default_rng(1)
    scores = [_scores(random.random(500) < 0.6) for _ in range(6)]
    assert paired_rank_ranges(scores) == [(1, 6)] * 6


def test_models_that_answer_alike_share_ranks() -> None:
    right = np.arange(100) % 3 > 0
    assert paired_rank_ranges([_scores(right), _scores(right)]) == [(1, 2), (1, 2)]


def test_false_separations_stay_within_the_level() -> None:
    random = np.random.default_rng(2)
    separated = 0
    for _ in range(400):
        first, second = (_scores(random.random(300) < 0.7) for _ in range(2))
        separated += paired_rank_ranges([first, second]) != [(1, 2), (1, 2)]
    # 5 % of 400, and the 99.9 % binomial bound of it.
    assert separated <= 35


def test_questions_of_one_clip_count_as_one_draw() -> None:
    by_clip, other = np.arange(40) < 24, np.arange(40) >= 20
    alone = [_scores(by_clip), _scores(other)]
    # A hundred copies of each question bring no evidence beyond the first.
    assert paired_rank_ranges(alone) == [(1, 2), (1, 2)]
    as_if_independent = [_scores(np.repeat(by_clip, 100)), _scores(np.repeat(other, 100))]
    assert paired_rank_ranges(as_if_independent) != [(1, 2), (1, 2)]


def test_the_average_is_that_of_the_results(runs: tuple[Path, Path]) -> None:
    for run in runs:
        reports = api.load_run(run).results.scores
        for scoring, scores in load_clip_sums(run, [Scoring.STRICT, Scoring.OFFICIAL]).items():
            assert scores.average == pytest.approx(reports[scoring].average_accuracy)
            assert scores.residuals.sum() == pytest.approx(0, abs=1e-12)


def test_the_standard_error_agrees_with_the_bootstrap(runs: tuple[Path, Path]) -> None:
    first, second = (load_answers(run) for run in runs)
    compared = compare_answers(first, second, Scoring.STRICT)
    one, other = (load_clip_sums(run, [Scoring.STRICT])[Scoring.STRICT] for run in runs)
    by_clip = one.residuals - other.residuals
    error = float(np.sqrt(by_clip @ by_clip))
    assert compared.average.interval is not None
    lower, upper = compared.average.interval
    assert 2 * 1.96 * error == pytest.approx(upper - lower, rel=0.1)


def test_the_leaderboard_says_which_ranks_it_shows(runs: tuple[Path, Path], tmp_path: Path) -> None:
    paired = build_leaderboard(runs, tmp_path / "a").read_text(encoding="utf-8")
    assert "Ranks: paired tests on the same items." in paired
    options = LeaderboardOptions(paired=False)
    plain = build_leaderboard(runs, tmp_path / "b", options).read_text(encoding="utf-8")
    assert "Ranks: from the intervals" in plain


def test_rows_lead_to_pages_without_clips(runs: tuple[Path, Path], tmp_path: Path) -> None:
    options = LeaderboardOptions(run_pages=True)
    site = build_leaderboard(runs, tmp_path, options).parent
    pages = sorted(site.glob("runs/*/index.html"))
    assert len(pages) == 2
    text = (site / "index.html").read_text(encoding="utf-8")
    for page in pages:
        assert f'<a href="{page.relative_to(site).as_posix()}">' in text
        assert "This page leads to no clips" in page.read_text(encoding="utf-8")


def test_a_folder_without_its_log_has_no_items(runs: tuple[Path, Path], tmp_path: Path) -> None:
    assert has_items(runs[0])
    assert not has_items(tmp_path)
    assert not has_items(None)

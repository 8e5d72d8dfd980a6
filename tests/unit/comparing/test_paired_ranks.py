"""Ranks from paired tests."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from benchmarks.paired import like_emorealm
from emoreal_bench import api
from emoreal_bench.comparing.paired import ClipSums, exchange_clips
from emoreal_bench.comparing.ranks import has_items, load_clip_sums, paired_rank_ranges
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.reporting.leaderboard.build import LeaderboardOptions, build_leaderboard
from emoreal_bench.statistics.paired import flip_signs, holm
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
            assert scores.by_clip.sum() == pytest.approx(scores.average)


def test_ranks_and_compare_are_one_test() -> None:
    source = np.random.default_rng(4)
    answers = set()
    for _ in range(12):
        questions = like_emorealm(source)
        first, second = (source.random(4000) < share for share in (0.6, 0.625))
        is_found = exchange_clips(questions.pair(first, second)).p_value < 0.05
        ranks = paired_rank_ranges([questions.sums(first), questions.sums(second)])
        assert (ranks != [(1, 2), (1, 2)]) is is_found
        answers.add(is_found)
    assert answers == {True, False}


def test_a_run_at_100_and_a_run_at_0_percent_hold_ranks() -> None:
    right = np.arange(100) % 4 > 0
    runs = [_scores(right), _scores(np.ones(100, np.bool_)), _scores(np.zeros(100, np.bool_))]
    assert paired_rank_ranges(runs) == [(2, 2), (1, 1), (3, 3)]


def test_two_clips_tell_nothing_apart() -> None:
    runs = [_scores(np.ones(2, np.bool_)), _scores(np.zeros(2, np.bool_))]
    assert paired_rank_ranges(runs) == [(1, 2), (1, 2)]


def test_runs_with_the_same_answers_are_one_contestant() -> None:
    good, bad = np.ones(50, np.bool_), np.arange(50) % 2 > 0
    once = paired_rank_ranges([_scores(good), _scores(bad)])
    twice = [replace(_scores(good), answers="the same") for _ in range(2)]
    assert once == [(1, 1), (2, 2)]
    assert paired_rank_ranges([twice[0], _scores(bad), twice[1]]) == [(1, 1), (2, 2), (1, 1)]


def test_most_pairs_are_decided_without_the_test_and_none_differently() -> None:
    source = np.random.default_rng(5)
    for clips in (8, 30, 300):
        skills = source.uniform(0.3, 0.95, 12)
        runs = [_scores(source.random(clips) < skill) for skill in skills]
        pairs = list(combinations(range(len(runs)), 2))
        tests = [
            flip_signs(runs[other].by_clip - runs[one].by_clip).p_value(
                runs[other].average - runs[one].average
            )
            for one, other in pairs
        ]
        expected = [[1, len(runs)] for _ in runs]
        for (one, other), (adjusted, _) in zip(pairs, holm(tests, 0.05), strict=True):
            if adjusted < 0.05:
                upper, lower = sorted((one, other), key=lambda run: -runs[run].average)
                expected[upper][1] -= 1
                expected[lower][0] += 1
        assert [list(ranks) for ranks in paired_rank_ranges(runs)] == expected


def test_the_leaderboard_says_which_ranks_it_shows(runs: tuple[Path, Path], tmp_path: Path) -> None:
    paired = build_leaderboard(runs, tmp_path / "a").read_text(encoding="utf-8")
    assert "Ranks: paired tests on the same items." in paired
    options = LeaderboardOptions(paired=False)
    plain = build_leaderboard(runs, tmp_path / "b", options).read_text(encoding="utf-8")
    assert "Ranks: from the intervals" in plain


def test_a_run_in_two_folders_is_one_row(runs: tuple[Path, Path], tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    shutil.copytree(runs[0], twin)
    page = build_leaderboard([*runs, twin], tmp_path / "site").read_text(encoding="utf-8")
    tables = page.count("Ranks: paired tests")
    assert page.count('class="rank">1</td>') == page.count('class="rank">2</td>') == tables > 0
    assert "2 runs with the same answers" in page


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

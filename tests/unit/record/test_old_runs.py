"""Run folders and baselines of earlier versions.

Those in ``tests/data/old_runs`` were made by earlier commits (3c841f0, 574c0aa; the baseline
``rules-1`` by 886666c) from one script of replies. No file of a run ever changed its schema in a
way that could not be read: fields were added, with defaults. What changed are the rules of
scoring, and the hash of a request to which a field was added.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from emoreal_bench.api import build_leaderboard, check, compare, list_runs, save_baseline
from emoreal_bench.contracts.errors import NotComparableError
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.identity import request_hash
from emoreal_bench.record.finished import read_report
from emoreal_bench.record.folder import RunFolder, load_plan_items
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.running.results import load_report, score_folder, write_results
from emoreal_bench.scoring.identity import scoring_hash

OLD_RUNS = Path(__file__).resolve().parents[2] / "data" / "old_runs"
RULES_1, RULES_2 = OLD_RUNS / "rules-1", OLD_RUNS / "rules-2"
RUNS = [RULES_1, RULES_2]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Give a copy of the oldest run, to write into."""
    return shutil.copytree(RULES_1, tmp_path / "old")


def strict_accuracy(folder: Path) -> float | None:
    return load_report(folder).results.scores[Scoring.STRICT].average_accuracy


@pytest.mark.parametrize("folder", RUNS, ids=lambda folder: folder.name)
def test_an_old_run_is_scored_again_by_the_rules_of_today(folder: Path) -> None:
    written, loaded = read_report(folder).results, load_report(folder).results
    scorings = [Scoring(name) for name in written.scores]
    assert written.scoring_hash != scoring_hash(scorings)
    assert loaded.scoring_hash == scoring_hash(scorings)
    assert loaded.scores == score_folder(folder, scorings).scores
    assert list(loaded.scores) == list(written.scores)
    assert loaded.warnings[-1].startswith("scored again: ")


def test_scoring_again_mends_what_the_old_rules_could_not_read() -> None:
    written = read_report(RULES_1).results.scores[Scoring.STRICT].average_accuracy
    assert written is not None
    assert written < (strict_accuracy(RULES_1) or 0.0)
    assert strict_accuracy(RULES_1) == strict_accuracy(RULES_2)


def test_the_files_of_an_old_run_stay_as_they_are(old: Path) -> None:
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    load_report(old)
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before


def test_a_run_by_the_rules_of_today_is_read_and_not_scored(old: Path) -> None:
    write_results(old, score_folder(old))
    (old / "items.jsonl").write_text("")
    assert load_report(old).results == read_report(old).results


@pytest.mark.parametrize("missing", ["plan.jsonl", "items.jsonl"])
def test_old_scores_stay_where_there_is_nothing_to_score(old: Path, missing: str) -> None:
    (old / missing).unlink()
    assert load_report(old).results == read_report(old).results


def test_a_request_that_lacks_newer_fields_is_the_same_request() -> None:
    written = json.loads((RULES_1 / "manifest.json").read_text())["request"]["hash"]
    first, second = (load_manifest(folder).request for folder in RUNS)
    assert first == second
    assert written != first.hash == request_hash(first)
    assert load_report(RULES_1).manifest.request == first
    assert load_report(RULES_1).results.request_hash == first.hash


def test_a_hash_that_is_not_that_of_the_request_stays(old: Path) -> None:
    record = json.loads((old / "manifest.json").read_text())
    record["request"]["variant"] = "paper"
    (old / "manifest.json").write_text(json.dumps(record))
    assert load_manifest(old).request.hash == record["request"]["hash"]


def test_an_old_run_goes_on_as_the_same_run(old: Path) -> None:
    present = load_manifest(RULES_2)
    with RunFolder(old) as folder:
        items = load_plan_items(old, load_manifest(old))
        assert folder.begin(present, items) == load_manifest(RULES_1)
    write_results(old, score_folder(old))
    assert not any("scored again" in warning for warning in load_report(old).results.warnings)


def test_old_runs_are_listed_and_compared(tmp_path: Path) -> None:
    listed = list_runs(OLD_RUNS)
    assert [row["strict_average_accuracy"] for row in listed] == [strict_accuracy(RULES_1)] * 2
    (other,) = compare(RUNS).others
    assert other.scorings[Scoring.STRICT].average.difference == 0


def test_old_runs_stand_in_one_table_of_a_leaderboard(tmp_path: Path) -> None:
    runs = [load_report(folder) for folder in RUNS]
    keys = {(run.manifest.request.hash, run.results.scoring_hash) for run in runs}
    assert len(keys) == 1
    page = build_leaderboard(RUNS, tmp_path / "site").read_text(encoding="utf-8")
    assert "scored again: " in page


@pytest.mark.parametrize("name", ["rules-1", "rules-2"])
def test_a_baseline_by_other_rules_says_what_to_do(name: str, tmp_path: Path) -> None:
    with pytest.raises(NotComparableError, match="rules of strict scoring") as caught:
        check(RULES_2, OLD_RUNS / f"{name}.baseline.json")
    assert "emoreal-bench check RUN --save-baseline FILE" in str(caught.value.remedy)
    # It holds no replies to score again; the run that it was saved from does.
    save_baseline(RULES_1, tmp_path / "baseline.json")
    assert check(RULES_2, tmp_path / "baseline.json").task == "emorealm"

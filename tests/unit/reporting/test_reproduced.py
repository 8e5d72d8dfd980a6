"""Which runs count as reproduced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emoreal_bench.reporting.leaderboard.build import LeaderboardOptions, build_leaderboard
from emoreal_bench.reporting.leaderboard.reproduced import reproduced_folders
from emoreal_bench.running.results import load_report
from tests.run_factory import MadeUpRun, write_runs

ENTRY = MadeUpRun("hf/one", 0.6)


def _is_reproduced(folder: Path, mine: MadeUpRun) -> bool:
    entry, own = (load_report(place) for place in write_runs(folder, ENTRY, mine))
    return entry.folder in reproduced_folders([entry], [own])


def test_an_equal_score_of_the_same_model_bears_a_run_out(tmp_path: Path) -> None:
    assert _is_reproduced(tmp_path, replace(ENTRY, accuracy=0.605))


@pytest.mark.parametrize(
    "mine",
    [
        replace(ENTRY, model="hf/another"),
        replace(ENTRY, accuracy=0.5),
        replace(ENTRY, accuracy=0.7),
        replace(ENTRY, failed=1),
        replace(ENTRY, request_hash="d" * 64),
        replace(ENTRY, scoring_hash="d" * 64),
        # A wide interval of one's own proves nothing.
        replace(ENTRY, accuracy=0.5, half_width=0.4),
    ],
)
def test_anything_else_does_not(tmp_path: Path, mine: MadeUpRun) -> None:
    assert not _is_reproduced(tmp_path, mine)


def test_a_run_does_not_bear_out_itself(tmp_path: Path) -> None:
    (folder,) = write_runs(tmp_path, ENTRY)
    assert not reproduced_folders([load_report(folder)], [load_report(folder)])


def test_the_page_shows_the_badge(tmp_path: Path) -> None:
    entry, own = write_runs(tmp_path / "runs", ENTRY, replace(ENTRY, accuracy=0.601))
    page = build_leaderboard([entry], tmp_path / "site", LeaderboardOptions(own=[own]))
    text = page.read_text(encoding="utf-8")
    assert '<span class="badge reproduced">reproduced</span>' in text
    assert '<span class="badge measured">measured</span>' not in text

"""Ratings by judges on a leaderboard."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.probing.published import Confidence
from emoreal_bench.reporting.leaderboard.build import build_leaderboard
from emoreal_bench.reporting.leaderboard.groups import make_groups
from emoreal_bench.reporting.leaderboard.judged import JudgedTable, make_judged_tables
from emoreal_bench.running.results import load_report
from tests.unit.judging.judge_data import REPLIES, make_run, rated, write_script


def _judged_run(root: Path, ratings: int, replies: dict[str, Any], judge: str = "judge") -> Path:
    """Have a judge give one rating to all replies; it may be asked under another name."""
    run = make_run(root, replies)
    model = write_script(root.parent / f"{judge}-{ratings}.json", {}, default=rated(ratings))
    api.judge(run, model, options=api.RunOptions(out=root / "judged"))
    return root / "judged"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("judged")
    fewer = {name: reply for name, reply in REPLIES.items() if name != "clip_3"}
    return [
        _judged_run(root / "all", 6, dict(REPLIES)),
        _judged_run(root / "fewer", 6, fewer),
    ]


def _tables(*runs: Path) -> list[JudgedTable]:
    return make_judged_tables([load_report(run) for run in runs], {})


def test_models_that_one_judge_rated_stand_in_one_table(runs: list[Path]) -> None:
    (table,) = _tables(*runs)
    assert table.judge.endswith("judge-6.json")
    assert [(title, len(rows)) for title, rows in table.bodies] == [
        ("", 1),
        ("Not every description has a rating", 1),
    ]
    whole = table.bodies[0][1][0]
    assert whole.row.model.startswith("scripted/")
    assert [score.mean for score in whole.ratings] == [6, 6, 6, 6]


def test_another_judge_has_a_table_of_its_own(runs: list[Path], tmp_path: Path) -> None:
    other = _judged_run(tmp_path / "other", 9, dict(REPLIES), judge="stranger")
    assert len(_tables(*runs, other)) == 2


def test_a_judge_is_no_row_among_the_models_it_rates(runs: list[Path], tmp_path: Path) -> None:
    build_leaderboard([run.parent / "run" for run in runs] + runs, tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    models = re.findall(r'data-model="([^"]+)"', page)
    assert models
    assert not any(model.endswith("judge-6.json") for model in models)
    assert page.count("<b>EMER, judged</b>") == 1
    (path,) = tmp_path.glob("tables/*-judged.csv")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert [row["cue_overlap"] for row in rows] == ["6.0", "6.0"]
    assert [round(float(row["coverage"]), 2) for row in rows] == [1.0, 0.67]


def test_free_descriptions_have_one_table_of_what_came_back_and_no_scores(
    runs: list[Path],
) -> None:
    reports = [load_report(run.parent / "run") for run in runs]
    (group,) = make_groups(reports, [], Confidence.HIGH)
    (table,) = group.tables
    assert table.scoring is Scoring.STRICT
    assert table.chance is None
    assert not table.has_ranks
    assert [row.average for row in table.rows] == [None, None]
    assert group.findings == (
        "The answers are free text, which a judge rates: emoreal-bench judge RUN.",
    )

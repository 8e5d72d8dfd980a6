"""Scores in a notebook: a data frame, a table, a piece of HTML."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.reporting.notebook import RunReport
from tests.run_factory import SUBTASK_ITEMS, MadeUpRun

HOSTILE = '<img src=x onerror="alert(1)">\x1b[31m'


def report_of(run: MadeUpRun) -> RunReport:
    return RunReport(run.manifest(), run.results())


def test_a_data_frame_has_a_row_for_every_score_with_its_interval() -> None:
    frame = report_of(MadeUpRun(accuracy=0.6)).to_pandas()
    strict = frame[(frame["scoring"] == "strict") & (frame["kind"] == "subtask")]
    assert list(strict["name"]) == list(SUBTASK_ITEMS)
    assert (strict["accuracy_low"] < strict["accuracy"]).all()
    assert (strict["accuracy"] < strict["accuracy_high"]).all()
    average = frame[(frame["scoring"] == "official") & (frame["kind"] == "average")]
    assert average["accuracy"].tolist() == pytest.approx([0.64])


def test_the_table_is_that_of_the_headline_scoring() -> None:
    assert "strict" in str(report_of(MadeUpRun()).table().title)
    official = report_of(MadeUpRun(scorings=(Scoring.OFFICIAL,)))
    assert "official" in str(official.table().title)


def test_a_run_without_scores_has_no_table_and_still_shows() -> None:
    report = report_of(MadeUpRun(scorings=()))
    with pytest.raises(UsageError, match="no scores"):
        report.table()
    assert "<table" not in report._repr_html_()


def test_html_says_in_numbers_what_it_draws() -> None:
    text = report_of(MadeUpRun(accuracy=0.6, failed=40))._repr_html_()
    page = ET.fromstring(text)
    assert "coverage 99.0 %" in text
    rows = page.findall(".//tbody/tr")
    assert len(rows) == 1 + len(SUBTASK_ITEMS)
    first = ["".join(cell.itertext()) for cell in rows[0]]
    assert first[0] == "average accuracy"
    assert first[2] == "60.0"
    dots = {circle.get("cx") for circle in page.findall(".//circle")}
    assert "96.0" in dots


def test_names_of_others_show_as_text(tmp_path: Path) -> None:
    report = RunReport.load(MadeUpRun(model=HOSTILE, task=HOSTILE).write(tmp_path / "run"))
    text = report._repr_html_()
    assert "<img" not in text
    assert "&lt;img" in text
    assert "\x1b" not in text

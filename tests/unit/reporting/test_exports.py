"""Runs as tables, runs side by side, and runs put together."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.api import (
    PlanOptions,
    RunOptions,
    diff_runs,
    evaluate,
    export_run,
    load_run,
    merge_runs,
)
from emoreal_bench.cli.application import run as run_command
from emoreal_bench.contracts.errors import (
    MissingExtraError,
    NotComparableError,
    RunError,
    UsageError,
)
from emoreal_bench.contracts.run_record import ITEMS_FILE, RESULTS_FILE
from emoreal_bench.reporting.exports.items import safe_cell
from tests.small_emorealm import gold_answers, make_data, write_script

ITEMS = 24
FORMULA = '=HYPERLINK("http://example.org","(A)")'


class Workshop:
    """Makes runs over one data set."""

    def __init__(self, home: Path):
        self.home = home
        self.data = make_data(home / "data", ITEMS)
        self.gold = gold_answers(self.data)

    def run(self, name: str, model: str | None = None, plan: PlanOptions | None = None) -> Path:
        model = model or write_script(self.home / f"{name}.json", self.gold, None)
        options = RunOptions(plan=plan or PlanOptions(), out=self.home / name)
        evaluate(model, "emorealm", self.data, options)
        return self.home / name

    def script(self, replies: dict[str, Any]) -> str:
        path = self.home / "script.json"
        path.write_text(json.dumps({"replies": replies}), encoding="utf-8")
        return f"scripted/{path}"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="module")
def good(workshop: Workshop) -> Path:
    return workshop.run("good")


@pytest.fixture(scope="module")
def odd(workshop: Workshop) -> Path:
    """Make a run with a formula, half a character and a wrong reply among right ones."""
    replies = {**{item: f"({letter})" for item, letter in workshop.gold.items()}}
    replies |= {"q0": FORMULA, "q1": "\ud83d", "q2": "none of them"}
    return workshop.run("odd", workshop.script(replies))


def test_json_lines_hold_every_item_with_its_readings(odd: Path, tmp_path: Path) -> None:
    export_run(odd, tmp_path / "items.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [f"q{number}" for number in range(ITEMS)]
    assert rows[1]["reply"] == "\ud83d"
    assert (rows[2]["strict_outcome"], rows[2]["strict_correct"]) == ("unparsable", False)
    assert rows[3]["choices"] == ["(A) Yes", "(B) No"]
    right = sum(row["strict_correct"] for row in rows)
    scores = load_run(odd).results.scores["strict"].subtasks.values()
    assert right == sum(round((score.accuracy or 0.0) * score.n) for score in scores)


def test_csv_shows_a_formula_as_text(odd: Path, tmp_path: Path) -> None:
    export_run(odd, tmp_path / "items.csv")
    with (tmp_path / "items.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["reply"] == "'" + FORMULA
    assert json.loads(rows[0]["choices"]) == ["(A) Yes", "(B) No"]
    assert len(rows) == ITEMS


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "\uff1d1"])
def test_text_that_a_spreadsheet_would_compute_is_quoted(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["(A)", "a=b", -1.5, None, True])
def test_other_values_stay_as_they_are(value: Any) -> None:
    assert safe_cell(value) is value


def test_an_unknown_ending_is_a_wrong_use(good: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.jsonl, \.csv, \.parquet"):
        export_run(good, tmp_path / "items.xlsx")


def test_parquet_holds_the_same_or_names_the_extra(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    if importlib.util.find_spec("pyarrow") is None:
        with pytest.raises(MissingExtraError, match=r"emoreal-bench\[parquet\]"):
            export_run(good, path)
        assert not path.exists()
        return
    import pandas as pd

    export_run(good, path)
    assert pd.read_parquet(path)["strict_correct"].all()


def test_a_difference_names_the_items_that_flipped(good: Path, odd: Path) -> None:
    changes = diff_runs(good, odd)
    assert any(setting.startswith("the model") for setting in changes.settings)
    assert changes.common_items == ITEMS
    flipped = {item.id: (item.was_right, item.is_right) for item in changes.flipped}
    assert flipped["q1"] == flipped["q2"] == (True, False)
    assert changes.flipped[-1].second_reply == "none of them"


def test_a_run_differs_in_nothing_from_itself(good: Path) -> None:
    changes = diff_runs(good, good)
    assert (changes.settings, changes.flipped) == ((), ())


def test_runs_of_other_items_are_set_side_by_side_where_they_meet(
    workshop: Workshop, good: Path
) -> None:
    changes = diff_runs(good, workshop.run("fewer", plan=PlanOptions(limit=9)))
    assert (changes.first_items, changes.second_items, changes.common_items) == (ITEMS, 9, 9)
    assert any("items" in setting for setting in changes.settings)


def part_of(whole: Path, out: Path, lines: slice) -> Path:
    """Copy a run with some lines of its log, as if it had been stopped."""
    shutil.copytree(whole, out)
    kept = (whole / ITEMS_FILE).read_bytes().splitlines(keepends=True)[lines]
    (out / ITEMS_FILE).write_bytes(b"".join(kept))
    return out


def test_parts_of_a_run_make_the_whole_with_the_same_scores(good: Path, tmp_path: Path) -> None:
    parts = [
        part_of(good, tmp_path / "first", slice(0, 15)),
        part_of(good, tmp_path / "second", slice(10, None)),
    ]
    report = merge_runs(parts, tmp_path / "whole")
    assert report.is_complete
    merged = (tmp_path / "whole" / RESULTS_FILE).read_bytes()
    assert merged == (good / RESULTS_FILE).read_bytes()
    lines = (tmp_path / "whole" / ITEMS_FILE).read_bytes().splitlines()
    assert len(lines) == ITEMS


def test_an_item_that_failed_in_one_part_is_taken_from_the_other(
    workshop: Workshop, tmp_path: Path
) -> None:
    replies = {item: f"({letter})" for item, letter in workshop.gold.items()}
    path = tmp_path / "script.json"
    model = f"scripted/{path}"
    parts = []
    for name in ("first", "second"):
        failing = {"q0": {"status": "failed"}} if name == "first" else {}
        path.write_text(json.dumps({"replies": replies | failing}))
        parts.append(tmp_path / name)
        evaluate(model, "emorealm", workshop.data, RunOptions(out=parts[-1]))
    # The script's hash stands for the weights; here it must be one model that was unlucky once.
    shutil.copy(parts[0] / "manifest.json", parts[1] / "manifest.json")
    assert not load_run(parts[0]).is_complete
    assert merge_runs(parts, tmp_path / "whole").is_complete


def test_only_parts_of_one_run_are_merged(good: Path, odd: Path, tmp_path: Path) -> None:
    with pytest.raises(NotComparableError, match="the model"):
        merge_runs([good, odd], tmp_path / "whole")
    with pytest.raises(UsageError, match="two"):
        merge_runs([good], tmp_path / "whole")
    with pytest.raises(RunError, match="already holds a run"):
        merge_runs([good, good], odd)
    assert not (tmp_path / "whole").exists()


def test_the_commands_say_what_they_did(
    good: Path, odd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run_command(["runs", "diff", str(good), str(odd)]) == 0
    assert run_command(["runs", "export", str(odd), "--out", str(tmp_path / "items.csv")]) == 0
    whole = str(tmp_path / "whole")
    assert run_command(["runs", "merge", str(good), str(good), "--out", whole]) == 0
    text = capsys.readouterr().out
    assert "none of them" in text
    assert "items.csv" in text
    assert "strict: average accuracy" in text

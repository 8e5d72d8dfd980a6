"""A leaderboard's tables as files."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from emoreal_bench.reporting.leaderboard.build import build_leaderboard
from tests.run_factory import MadeUpRun, write_runs

HOSTILE = '=HYPERLINK("x")|a*b_c$d%e&f\\g{h}<i>'


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    runs = write_runs(
        root / "runs", MadeUpRun("hf/one", 0.8), MadeUpRun(HOSTILE, 0.5), MadeUpRun(failed=3)
    )
    return build_leaderboard(runs, root / "site").parent / "tables"


def _read(tables: Path, ending: str) -> str:
    (path,) = tables.glob(f"*-strict.{ending}")
    return path.read_bytes().decode()


def test_csv_holds_fractions_and_no_formula(tables: Path) -> None:
    rows = list(csv.DictReader(_read(tables, "csv").splitlines()))
    assert [row["model"] for row in rows] == ["hf/one", f"'{HOSTILE}", "hf/example/model"]
    assert float(rows[0]["average_accuracy"]) == 0.8
    assert (rows[0]["rank_best"], rows[2]["rank_best"]) == ("1", "")


def test_json_holds_what_the_table_is_about(tables: Path) -> None:
    record = json.loads(_read(tables, "json"))
    assert (record["task"], record["variant"], record["scoring"]) == (
        "EmoReAlM",
        "answer-format",
        "strict",
    )
    assert record["rows"][1]["model"] == HOSTILE
    assert record["rows"][0]["hallucination_rate"] == 0.3


def test_markdown_rows_have_as_many_cells_as_headings_whatever_a_model_is_called(
    tables: Path,
) -> None:
    lines = [line for line in _read(tables, "md").splitlines() if line.startswith("|")]
    cells = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
    assert len(lines) == 5
    assert len(cells) == 1


def test_latex_escapes_what_it_would_obey(tables: Path) -> None:
    text = _read(tables, "tex")
    assert r"a*b\_c\$d\%e\&f\textbackslash{}g\{h\}\textless{}i\textgreater{}" in text
    body = text.split("\\hline\n")[2]
    columns = text.split("{tabular}{")[1].split("}")[0]
    for line in body.splitlines():
        assert len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1


def test_every_file_is_linked_from_a_page(tables: Path) -> None:
    pages = [page.read_text(encoding="utf-8") for page in tables.parent.rglob("*.html")]
    linked = {
        name
        for page in pages
        for name in re.findall(r'href="(?:\.\./)?tables/([^"]+)" download', page)
    }
    assert linked == {path.name for path in tables.iterdir()}


def _rows(tables: Path, pattern: str) -> list[dict[str, str]]:
    (path,) = tables.glob(pattern)
    return list(csv.DictReader(path.read_bytes().decode().splitlines()))


def test_slices_are_rows_with_their_number_of_items(tables: Path) -> None:
    rows = _rows(tables, "*-strict-slices-1-emotion.csv")
    first = rows[0]
    assert (first["model"], first["emotion"], first["items"]) == ("hf/one", "anger", "1000")
    assert float(first["accuracy_lower"]) < float(first["accuracy"]) == 0.8
    assert len(rows) == 3 * 4


def test_confusion_is_counted_by_right_and_given_answer(tables: Path) -> None:
    rows = _rows(tables, "*-strict-confusion.csv")
    agreement = [row for row in rows if row["subtask"] == "modality agreement"]
    assert [row["right_answer"] for row in agreement] == ["yes", "no"] * 3
    given = [int(row[f"given.{answer}"]) for row in agreement for answer in ("yes", "no")]
    unmapped = [int(row["given.unmapped"]) for row in agreement]
    assert sum(given) + sum(unmapped) == 3 * 456
    assert {row["given.A"] for row in agreement} == {""}
    (text,) = tables.glob("*-strict-confusion.md")
    assert "hf/one, modality agreement: items by right and given answer" in text.read_text(
        encoding="utf-8"
    )


def test_a_heat_map_holds_one_row_for_a_model(tables: Path) -> None:
    rows = _rows(tables, "*-heat.csv")
    assert [row["model"] for row in rows] == ["hf/one", f"'{HOSTILE}"]
    assert float(rows[0]["reasoning basic audio"]) == pytest.approx(0.9)

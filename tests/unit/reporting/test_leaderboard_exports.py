"""A leaderboard's tables as files."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from emoreal_bench.reporting.leaderboard import build_leaderboard
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


def test_every_file_is_linked_from_the_page(tables: Path) -> None:
    page = (tables.parent / "index.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'href="tables/([^"]+)" download', page))
    assert linked == {path.name for path in tables.iterdir()}

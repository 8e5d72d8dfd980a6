"""Tables read as texts, from CSV files and Excel sheets alike."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.readers import tables
from emoreal_bench.readers.tables import read_table
from tests.unit.readers.layouts import write_workbook

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).filter(
    lambda text: text == text.strip() != ""
)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_cells_come_back_as_they_were_written(rows: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("name", "other", "label"), *((a, "", b) for a, b in rows)])
        found = read_table(path, ("name", "label"))
    assert [(row.cells["name"], row.cells["label"]) for row in found] == rows


def test_a_cell_may_be_as_long_as_a_reply_and_not_longer(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"id,reply\na,{'x' * 300_000}\n", encoding="utf-8")
    (row,) = read_table(path, ("id", "reply"))
    assert len(row.cells["reply"]) == 300_000
    path.write_text(f"id,reply\na,{'x' * (17 << 20)}\n", encoding="utf-8")
    with pytest.raises(DataError, match="field larger than field limit"):
        read_table(path, ("id", "reply"))


def test_a_sheet_and_a_csv_of_the_same_table_are_read_alike(tmp_path: Path) -> None:
    write_workbook(tmp_path, "t.xlsx", [["name", "label"], ["a", 1], ["b", 2.0], [7, "x"]])
    (tmp_path / "t.csv").write_text("name,label\na,1\nb,2\n7,x\n", encoding="utf-8")
    read = [read_table(tmp_path / name, ("label", "name")) for name in ("t.xlsx", "t.csv")]
    assert read[0] == read[1]


def test_empty_cells_at_the_end_of_a_sheets_row_are_empty_texts(tmp_path: Path) -> None:
    write_workbook(tmp_path, "t.xlsx", [["name", "label", None], ["a"], ["b", "x"]])
    cells = [dict(row.cells) for row in read_table(tmp_path / "t.xlsx", ("name", "label"))]
    assert cells == [{"name": "a", "label": ""}, {"name": "b", "label": "x"}]


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'
)
SMALL_AND_ENDLESS = {
    "a cell in the last of many rows": (
        '<sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="10000000000"><c r="A10000000000"><v>1</v></c></row></sheetData>'
    ),
    "a size that is stated": (
        '<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
        '<row r="1048577"><c r="A1048577"><v>1</v></c></row></sheetData>'
    ),
    "wide rows": (
        "<sheetData>"
        + '<row><c t="str"><v>1</v></c><c r="XFD1" t="str"><v>2</v></c></row>' * 100
        + "</sheetData>"
    ),
    "a long text": "<sheetData><row><c><v>" + "1" * (1 << 22) + "</v></c></row></sheetData>",
}


@pytest.mark.parametrize("content", SMALL_AND_ENDLESS.values(), ids=SMALL_AND_ENDLESS)
def test_a_small_workbook_does_not_stand_for_a_huge_table(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit, value in (
        ("_MOST_ROWS", 10_000),
        ("_MOST_CELLS", 1 << 20),
        ("_MOST_BYTES", 1 << 22),
    ):
        monkeypatch.setattr(tables, limit, value)
    write_workbook(tmp_path, "small.xlsx", [["name"], ["a"]])
    crafted = tmp_path / "crafted.xlsx"
    with ZipFile(tmp_path / "small.xlsx") as small, ZipFile(crafted, "w", ZIP_DEFLATED) as file:
        for name in small.namelist():
            is_sheet = name.startswith("xl/worksheets/")
            file.writestr(name, SHEET.format(content) if is_sheet else small.read(name))
    assert crafted.stat().st_size < 1_000_000
    with pytest.raises(DataError, match=r"more than 10,000 rows|unpacks to 4,"):
        read_table(crafted)


def test_empty_lines_and_a_byte_order_mark_are_let_be(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("\ufeff\r\nname,label\r\n\r\na,x\r\n\r\n".encode())
    (row,) = read_table(path, ("name", "label"))
    assert (row.line, dict(row.cells)) == (4, {"name": "a", "label": "x"})

"""Annotation tables: CSV files and Excel sheets, read row by row as texts."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

from emoreal_bench.contracts.errors import DataError, MissingExtraError

_REMEDY = "Get the file again from its owner; it may be cut off or of another data set."


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Attributes:
        line: Where it stands in the file, counted from 1.
        cells: By column, without surrounding spaces.
    """

    line: int
    cells: Mapping[str, str]


def read_table(path: Path, columns: Sequence[str] = ()) -> list[Row]:
    """Read a ``.csv`` or ``.xlsx`` file whose first row names its columns.

    Args:
        path: The file. Of a workbook, the first sheet is read.
        columns: Those that it must have; there may be others.

    Raises:
        DataError: If the file cannot be read, lacks a column or has no rows, or
            if a row has more or fewer cells than the first.
        MissingExtraError: If it is a workbook and openpyxl is not installed.
    """
    read = _workbook_rows if path.suffix.lower() == ".xlsx" else _csv_rows
    with told_errors(path):
        return _take(path, read(path), columns)


@contextmanager
def told_errors(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file is read into an error that names the file.

    Raises:
        DataError: If it cannot be read, or is not UTF-8 or a CSV table.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(
            f"The file is not UTF-8 text: {error.reason} at byte {error.start}.",
            where=str(path),
            remedy=_REMEDY,
        ) from error
    except csv.Error as error:
        raise DataError(
            f"The file is not a CSV table: {error}.", where=str(path), remedy=_REMEDY
        ) from error
    except OSError as error:
        raise DataError(
            f"The file cannot be read: {error.strerror or error}.", where=str(path), remedy=_REMEDY
        ) from error


def _take(
    path: Path, rows: Iterable[tuple[int, Sequence[str]]], columns: Sequence[str]
) -> list[Row]:
    lines = ((line, [cell.strip() for cell in cells]) for line, cells in rows)
    filled = ((line, cells) for line, cells in lines if any(cells))
    _, header = next(filled, (1, []))
    missing = [name for name in columns if name not in header]
    if missing:
        raise DataError(
            f"The first row does not name the column {', '.join(missing)}.",
            where=str(path),
            remedy=f"The columns {', '.join(columns)} are needed. {_REMEDY}",
        )
    found = []
    for line, cells in filled:
        if len(cells) != len(header):
            raise DataError(
                f"Line {line} has {len(cells)} cells; the first row has {len(header)}.",
                where=str(path),
                remedy=_REMEDY,
            )
        found.append(Row(line, dict(zip(header, cells, strict=True))))
    if not found:
        raise DataError("The table has no rows.", where=str(path), remedy=_REMEDY)
    return found


def _csv_rows(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        for cells in reader:
            yield reader.line_num, cells


def _workbook_rows(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as error:
        raise MissingExtraError(f"Reading {path.name}", "data") from error
    try:
        workbook = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError) as error:
        # SyntaxError: what the XML parser of the standard library raises.
        raise DataError(
            f"The file is not an Excel workbook: {error}.", where=str(path), remedy=_REMEDY
        ) from error
    try:
        width = 0
        sheet = workbook.worksheets[0]
        for line, values in enumerate(sheet.iter_rows(values_only=True), start=1):
            cells = [_cell_text(value) for value in values]
            while cells and not cells[-1]:
                cells.pop()
            # A sheet leaves out empty cells at the end of a row, or states more than it has.
            width = width or len(cells)
            yield line, cells + [""] * (width - len(cells))
    finally:
        workbook.close()


def _cell_text(cell: object) -> str:
    """Write a cell as a CSV file would: whole numbers without a decimal point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)

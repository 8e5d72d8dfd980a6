"""Annotation tables: CSV files and Excel sheets, read row by row as texts."""

from __future__ import annotations

import csv
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

from emoreal_bench.contracts.errors import DataError, MissingExtraError
from emoreal_bench.text_files import not_unicode, open_text

if TYPE_CHECKING:
    from openpyxl import Workbook

_LOOKED_AT = 20
"""Lines after the first, by which is told what parts the cells."""
_NAMED = 5
_COMMA = ","
_DELIMITERS = (_COMMA, ";", "\t", "|")
# A first line by which Excel is told.
_STATED_DELIMITER = re.compile(r"sep=([,;\t|])")
DAMAGED_ARCHIVE = (
    BadZipFile,
    EOFError,
    LookupError,
    RuntimeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What the standard library raises where a byte of a zip archive is wrong; RuntimeError for one
with a password, or of a kind that it does not know."""
_DAMAGED_WORKBOOK = (ArithmeticError, AttributeError, SyntaxError, TypeError, *DAMAGED_ARCHIVE)
"""SyntaxError comes from the XML parser of the standard library."""
_MOST_BYTES = 1 << 29
"""Of a workbook unpacked; that of the largest data set known here has a few million."""
_LONGEST_CELL = 1 << 24
"""As long as a reply may be; Python's own limit is less than what a looping model writes."""
_MOST_ROWS = 1 << 20
"""Of a sheet of Excel; a few bytes can place a cell in the last of a billion rows."""
_MOST_CELLS = 20_000_000
"""Of a sheet, empty ones too."""
_REMEDY = "Mend the file, or get it again from its owner; it may be cut off or of another data set."


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Attributes:
        line: Where it stands in the file, counted from 1.
        cells: By column, without surrounding spaces.
    """

    line: int
    cells: Mapping[str, str]


def read_table(path: Path, columns: Sequence[str] = (), remedy: str | None = None) -> list[Row]:
    """Read a ``.csv``, ``.tsv`` or ``.xlsx`` file whose first row names its columns.

    Args:
        path: The file. Of a workbook, the first sheet is read; cells of a text are parted by
            commas, or by semicolons, tabs or bars if its rows say so, those of a ``.tsv`` by tabs.
        columns: Those that it must have; there may be others.
        remedy: What to do if it lacks one; else its owner is to be asked.

    Raises:
        DataError: If the file cannot be read, lacks a column, names one twice or has no
            rows, or if a row has more or fewer cells than the first.
        MissingExtraError: If it is a workbook and openpyxl is not installed.
    """
    with told_errors(path):
        is_workbook = path.suffix.lower() == ".xlsx"
        rows = _workbook_rows(path) if is_workbook else _csv_rows(path, columns)
        return _take(path, rows, columns, remedy)


@contextmanager
def told_errors(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file is read into an error that names the file.

    Raises:
        DataError: If it cannot be read, or is no Unicode text or CSV table.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise not_unicode(path, error) from error
    except csv.Error as error:
        raise DataError(
            f"The file is not a CSV table: {error}.", where=str(path), remedy=_REMEDY
        ) from error
    except OSError as error:
        raise DataError(
            f"The file cannot be read: {error.strerror or error}.", where=str(path), remedy=_REMEDY
        ) from error


def _take(
    path: Path,
    rows: Iterable[tuple[int, Sequence[str]]],
    columns: Sequence[str],
    remedy: str | None,
) -> list[Row]:
    lines = ((line, [cell.strip() for cell in cells]) for line, cells in rows)
    filled = ((line, cells) for line, cells in lines if any(cells))
    _, header = next(filled, (1, []))
    missing = [name for name in columns if name not in header]
    if missing:
        named = ", ".join(filter(None, header)) or "nothing"
        raise DataError(
            f"The first row does not name the column {', '.join(missing)}; it names {named}.",
            where=str(path),
            remedy=f"The columns {', '.join(columns)} are needed. {remedy or _REMEDY}",
        )
    twice = [name for name in columns or header if name and header.count(name) > 1]
    if twice:
        raise DataError(
            f"The first row names the column {twice[0]} twice.",
            where=str(path),
            remedy="Rename one of the two, or take it out.",
        )
    found, odd = [], []
    for line, cells in filled:
        if len(cells) == len(header):
            found.append(Row(line, dict(zip(header, cells, strict=True))))
        else:
            odd.append((line, len(cells)))
    if odd:
        raise _wrong_lengths(path, odd, len(header))
    if not found:
        raise DataError("The table has no rows.", where=str(path), remedy=_REMEDY)
    return found


def _wrong_lengths(path: Path, odd: Sequence[tuple[int, int]], wanted: int) -> DataError:
    (line, cells), *others = odd
    problem = f"Line {line} has {cells} cells; the first row has {wanted}."
    if others:
        more = ", ".join(str(line) for line, _ in others[:_NAMED])
        problem += f" Other lines are wrong too ({len(others)}): {more}"
        problem += ", ..." if len(others) > _NAMED else "."
    return DataError(problem, where=str(path), remedy=_REMEDY)


def _csv_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    with open_text(path, newline="") as file:
        first = next((line for line in iter(file.readline, "") if line.strip()), "")
        stated = _STATED_DELIMITER.fullmatch(first.strip(" \r\n"))
        if stated is None:
            following = [line for _, line in zip(range(_LOOKED_AT), file, strict=False)]
            file.seek(0)
        if stated:
            delimiter = stated[1]
        elif path.suffix.lower() == ".tsv":
            delimiter = "\t"
        else:
            delimiter = _find_delimiter([first, *following], columns)
        csv.field_size_limit(_LONGEST_CELL)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        for cells in reader:
            yield reader.line_num + (stated is not None), cells


def _find_delimiter(lines: Sequence[str], columns: Sequence[str]) -> str:
    """Return what parts the cells of a table: a comma, unless its rows say otherwise.

    Args:
        lines: The first row, and some that follow.
        columns: Those that it must have.
    """
    cells = {
        delimiter: [
            [cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)
        ]
        for delimiter in _DELIMITERS
    }
    whole_row = [delimiter for delimiter in cells if set(columns) <= set(cells[delimiter][0])]
    fitting = whole_row or list(cells)  # Then the error names the columns that are there.
    parted = [delimiter for delimiter in fitting if len(cells[delimiter][0]) > 1]
    if len(parted) > 1:
        # All rows have as many cells only where they are parted by what parts them; the last
        # of those that are looked at may be cut off within quotation marks.
        whole = -1 if len(lines) > _LOOKED_AT else None
        even = [one for one in parted if len({len(row) for row in cells[one][:whole] if row}) == 1]
        parted = sorted(even or parted, key=lambda one: -len(cells[one][0]))
        if not even and _COMMA in parted:
            return _COMMA
    return parted[0] if parted else _COMMA


def _workbook_rows(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    try:
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as error:
        raise MissingExtraError(f"Reading {path.name}", "data") from error
    try:
        with ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MOST_BYTES:
            raise ValueError(f"it unpacks to {size:,} bytes")
        workbook = load_workbook(path, read_only=True, data_only=True)
        yield from _sheet_rows(workbook)
    except (InvalidFileException, *_DAMAGED_WORKBOOK) as error:
        raise DataError(
            f"The file is not an Excel workbook: {error}.", where=str(path), remedy=_REMEDY
        ) from error


def _sheet_rows(workbook: Workbook) -> Iterator[tuple[int, Sequence[str]]]:
    try:
        width, cells_left = 0, _MOST_CELLS
        sheet = workbook.worksheets[0]
        # What it states of its size is not believed: every row would be filled up to it.
        sheet.reset_dimensions()
        for line, values in enumerate(sheet.iter_rows(values_only=True), start=1):
            cells_left -= len(values)
            if line > _MOST_ROWS or cells_left < 0:
                limits = f"{_MOST_ROWS:,} rows or {_MOST_CELLS:,} cells"
                raise ValueError(f"its first sheet has more than {limits}")
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

"""A table of a site as files beside the page: CSV, JSON, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from emoreal_bench.reporting.exports.items import safe_cell
from emoreal_bench.reporting.site.pages import write_file

TABLES_FOLDER = "tables"


class ExportFormat(StrEnum):
    """A kind of file, by what the page calls it."""

    CSV = "CSV"
    JSON = "JSON"
    MARKDOWN = "Markdown"
    LATEX = "LaTeX"


_ENDINGS = {
    ExportFormat.CSV: "csv",
    ExportFormat.JSON: "json",
    ExportFormat.MARKDOWN: "md",
    ExportFormat.LATEX: "tex",
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as people read it.

    Attributes:
        caption: What it shows.
        headings: Of its columns.
        rows: Its cells, as many in each row as there are headings.
        names: How many leading columns hold names; the others hold numbers.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1


@dataclass(frozen=True, slots=True)
class TableExport:
    """Something of a site to be written in every format.

    Attributes:
        name: Of its files, without folder and ending.
        about: What it is about; precedes the rows in JSON.
        facts: What its numbers depend on, in a few words each.
        records: Plain numbers by name for programs: CSV and JSON. Fractions are in
            0..1, what a row does not have is absent or null.
        sheets: The same for people: Markdown and LaTeX.
    """

    name: str
    about: Mapping[str, str]
    facts: Sequence[str]
    records: Sequence[Mapping[str, Any]]
    sheets: Sequence[Sheet]


ExportLinks = tuple[tuple[ExportFormat, str], ...]
"""Each format, and its address relative to the site's folder."""


def write_table_files(table: TableExport, out: Path) -> ExportLinks:
    """Write a table in every format.

    Args:
        table: The table.
        out: Folder of the site.

    Raises:
        RunError: If a file cannot be written.
    """
    texts = {
        ExportFormat.CSV: _csv(table.records),
        ExportFormat.JSON: _json(table),
        ExportFormat.MARKDOWN: markdown_of(table.sheets, table.facts),
        ExportFormat.LATEX: _latex(table),
    }
    links = []
    for kind, text in texts.items():
        address = f"{TABLES_FOLDER}/{table.name}.{_ENDINGS[kind]}"
        write_file(out / address, text.encode("utf-8", "replace"))
        links.append((kind, address))
    return tuple(links)


_BREAK = "\n"


def _csv(records: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([safe_cell(name) for name in names])
    # Numbers, which are most cells, cannot be taken for a formula.
    writer.writerows(
        [safe_cell(cell) if isinstance(cell, str) else cell for cell in map(record.get, names)]
        for record in records
    )
    return text.getvalue()


def _json(table: TableExport) -> str:
    head = json.dumps({**table.about, "facts": list(table.facts)}, indent=2, ensure_ascii=True)
    # A row in a line, for differences between versions to be read.
    encode = json.JSONEncoder(allow_nan=False).encode
    rows = ",\n".join(f"    {encode(row)}" for row in table.records)
    return f'{head[:-2]},\n  "rows": [\n{rows}\n  ]\n}}\n'


def markdown_of(sheets: Sequence[Sheet], facts: Sequence[str]) -> str:
    """Write tables in Markdown, with what their numbers depend on below them."""
    lines: list[str] = []
    for sheet in sheets:
        rule = ["---"] * sheet.names + ["---:"] * (len(sheet.headings) - sheet.names)
        lines += [
            _markdown_text(sheet.caption),
            "",
            _markdown_row(sheet.headings),
            f"| {' | '.join(rule)} |",
            *map(_markdown_row, sheet.rows),
            "",
        ]
    return "\n".join([*lines, _markdown_text("; ".join(facts))]) + "\n"


def _markdown_row(cells: Sequence[str]) -> str:
    # Escaped as one text, which is quicker than cell by cell; no cell holds a line break.
    return f"| {_markdown_text(_BREAK.join(cells)).replace(_BREAK, ' | ')} |"


_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>|#~$&"})


def _markdown_text(text: str) -> str:
    return text.translate(_MARKDOWN)


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        '"': r"\textquotedbl{}",
        "\N{EN DASH}": "--",
        "\N{MINUS SIGN}": r"$-$",
        **{character: f"\\{character}" for character in "&%$#_{}"},
    }
)


def _latex(table: TableExport) -> str:
    lines = [f"% {_latex_text(', '.join(table.facts))}"]
    for sheet in table.sheets:
        alignment = "l" * sheet.names + "r" * (len(sheet.headings) - sheet.names)
        lines += [
            f"% {_latex_text(sheet.caption)}",
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\hline",
            _latex_row(sheet.headings),
            r"\hline",
            *map(_latex_row, sheet.rows),
            r"\hline",
            r"\end{tabular}",
        ]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    return _latex_text(_BREAK.join(cells)).replace(_BREAK, " & ") + r" \\"


def _latex_text(text: str) -> str:
    return text.translate(_LATEX)

"""A leaderboard's tables as files beside the page: CSV, JSON, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from emoreal_bench.reporting.exports import safe_cell
from emoreal_bench.reporting.leaderboard_groups import Group, Table, TableRow
from emoreal_bench.reporting.leaderboard_rows import Row
from emoreal_bench.reporting.pages import write_file
from emoreal_bench.reporting.text import UNDEFINED, percent, percent_interval

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


def write_exports(group: Group, out: Path) -> dict[str, list[tuple[ExportFormat, str]]]:
    """Write every table of a group in every format.

    Args:
        group: The tables.
        out: Folder of the site.

    Returns:
        By the id of a table on the page, each format and its address.
    """
    exports: dict[str, list[tuple[ExportFormat, str]]] = {}
    for table in group.tables:
        name = f"{group.anchor}-{table.scoring}"
        exports[name] = []
        for kind in ExportFormat:
            address = f"{TABLES_FOLDER}/{name}.{_ENDINGS[kind]}"
            text = _write(kind, group, table)
            write_file(out / address, text.encode("utf-8", "replace"))
            exports[name].append((kind, address))
    return exports


def _write(kind: ExportFormat, group: Group, table: Table) -> str:
    match kind:
        case ExportFormat.CSV:
            return _csv(table)
        case ExportFormat.JSON:
            return _json(group, table)
        case ExportFormat.MARKDOWN:
            return _markdown(group, table)
        case ExportFormat.LATEX:
            return _latex(group, table)


def _records(table: Table) -> Iterator[dict[str, Any]]:
    """Give each row with plain numbers: fractions in 0..1, null where there is none."""
    for row in table.rows:
        average = row.average
        lower, upper = (average.interval if average else None) or (None, None)
        record: dict[str, Any] = {
            "rank_best": row.rank[0] if row.rank else None,
            "rank_worst": row.rank[1] if row.rank else None,
            "model": row.model,
            "source": row.badge.value,
            "label": row.label,
            "coverage": float(row.coverage.sort) if row.coverage else None,
            "average_accuracy": average.value if average else None,
            "average_accuracy_lower": lower,
            "average_accuracy_upper": upper,
        }
        for (metric, subtask), number in row.numbers.items():
            record[f"{metric}.{subtask}" if subtask else metric] = number.value
        yield record


def _csv(table: Table) -> str:
    records = list(_records(table))
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([safe_cell(name) for name in names])
    for record in records:
        writer.writerow([safe_cell(record.get(name)) for name in names])
    return text.getvalue()


def _json(group: Group, table: Table) -> str:
    record = {
        "task": group.title,
        "variant": group.variant,
        "scoring": table.scoring.value,
        "facts": list(group.facts),
        "rows": list(_records(table)),
    }
    return json.dumps(record, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _headings(table: Table) -> list[str]:
    return ["Rank", "Model", "Source", "Coverage", "Average accuracy"] + [
        f"{column.family}: {column.label}" if column.family else column.label
        for column in table.columns
    ]


def _cells(table_row: TableRow) -> list[str]:
    row = table_row.row
    return [
        _rank(row),
        f"{row.model} ({row.label})" if row.label else row.model,
        row.badge.value,
        row.coverage.text if row.coverage else UNDEFINED,
        _average(row),
        *(cell.text for cell in table_row.cells),
    ]


def _rank(row: Row) -> str:
    if row.rank is None:
        return UNDEFINED
    best, worst = row.rank
    return str(best) if best == worst else f"{best}\N{EN DASH}{worst}"


def _average(row: Row) -> str:
    if row.average is None:
        return UNDEFINED
    interval = f" ({percent_interval(row.average.interval)})" if row.average.interval else ""
    caveat = f", {row.caveat}" if row.caveat else ""
    return f"{percent(row.average.value)}{interval}{caveat}"


def _markdown(group: Group, table: Table) -> str:
    headings = _headings(table)
    lines = [
        f"{_markdown_text(f'{group.title}, {group.variant}')}, {table.scoring} scoring, in percent",
        "",
        _markdown_row(headings),
        _markdown_row(["---"] * 2 + ["---"] + ["---:"] * (len(headings) - 3), escape=False),
    ]
    rows = (row for body in table.bodies for row in body.rows)
    lines += [_markdown_row(_cells(row)) for row in rows]
    lines += ["", _markdown_text("; ".join(group.facts))]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: list[str], *, escape: bool = True) -> str:
    return f"| {' | '.join(_markdown_text(cell) if escape else cell for cell in cells)} |"


def _markdown_text(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|#~$&])", r"\\\1", text)


_LATEX = {
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


def _latex(group: Group, table: Table) -> str:
    headings = _headings(table)
    lines = [
        f"% {_latex_text(', '.join(group.facts))}",
        r"\begin{tabular}{lll" + "r" * (len(headings) - 3) + "}",
        r"\hline",
        _latex_row(headings),
        r"\hline",
        *(_latex_row(_cells(row)) for body in table.bodies for row in body.rows),
        r"\hline",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(cells: list[str]) -> str:
    return " & ".join(map(_latex_text, cells)) + r" \\"


def _latex_text(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)

"""Prints what a command found: for people, or as JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


def print_json(value: Any) -> None:
    """Print one JSON value, indented, in UTF-8."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def show_lines(lines: Iterable[str]) -> None:
    """Print plain lines, each whole, as a log wants them."""
    sys.stdout.writelines(line + "\n" for line in lines)


def show(*renderables: RenderableType) -> None:
    """Print tables and texts to standard output; colours only on a terminal."""
    from rich.console import Console

    console = Console(soft_wrap=False)
    if not console.is_terminal:
        # A pipe has no width; a narrow guess would break the columns of a table.
        console = Console(width=160)
    for renderable in renderables:
        # Texts are shown as they are: what stands in square brackets is no markup here.
        console.print(renderable, highlight=False, markup=False)


def show_report(report: Any, *, as_json: bool, plain: bool = False) -> None:
    """Print a report of the API.

    Args:
        report: The report.
        as_json: Print JSON.
        plain: Print lines instead of tables.
    """
    from emoreal_bench import api

    if as_json:
        print_json(api.report_json(report))
    elif plain:
        show_lines(api.report_lines(report))
    else:
        show(*api.report_tables(report))


def show_rows(rows: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    """Print rows as a table; the keys of the first are its columns."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    show(table)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{100 * value:.1f}"
        case list():
            return ", ".join(str(part) for part in value)
    return str(value)

"""Prints what a command found: for people, or as JSON for scripts."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emoreal_bench.hiding import hide_known
from emoreal_bench.printable import make_console, printable
from emoreal_bench.resources import docs_folder, with_whole_paths

if TYPE_CHECKING:
    from rich.console import RenderableType

    from emoreal_bench.api import SiteServer

_OBEYED = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Controls of a terminal, and marks that turn text around, which JSON leaves as they are."""


def print_json(value: Any) -> None:
    """Print one JSON value, indented, in UTF-8; what a terminal would obey is escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    sys.stdout.write(_OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


def show_lines(lines: Iterable[str]) -> None:
    """Print plain lines, each whole, as a log wants them."""
    sys.stdout.writelines(printable(line) + "\n" for line in lines)


def tell(message: object) -> None:
    """Print a message for the person at the terminal, beside the output of the command.

    Pages of the documentation that it names are named where they lie on this disk.
    Whatever went wrong, no key of the environment is in it.
    """
    sys.stderr.write(f"{hide_known(printable(with_whole_paths(str(message))))}\n")
    sys.stderr.flush()


def show(*renderables: RenderableType) -> None:
    """Print tables and texts to standard output; colours only on a terminal."""
    from emoreal_bench.api.display import fitted

    console = make_console()
    if not console.is_terminal:
        # A pipe has no width; a narrow guess would break the columns of a table.
        console = make_console(width=160)
    for renderable in renderables:
        # Texts are shown as they are: what stands in square brackets is no markup here.
        console.print(fitted(renderable), highlight=False, markup=False)


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
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in rows[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    show(table)
    cells = (_cell(value) for row in rows for value in row.values())
    if any("docs/" in cell for cell in cells) and (folder := docs_folder()) is not None:
        show(f"docs/ is {folder}")  # In a column a path would be broken.


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


def show_site(server: SiteServer) -> None:
    """Serve a site until Ctrl-C."""
    with server:
        show(f"http://localhost:{server.server_port}/ (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            show("Ended.")

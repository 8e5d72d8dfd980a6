"""The table that every command prints: a name, then what is said of it."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text


def named_rows(
    title: str, headings: Iterable[str] = (), *, caption: str = "", style: str = "bold"
) -> Table:
    """Begin a table whose rows have a name and numbers.

    Args:
        title: Stands above the table.
        headings: Of the numbers, which are never broken into two lines.
        caption: Stands below the table.
        style: Of the title.
    """
    table = Table(
        title=Text(title, style=style),
        title_justify="left",
        caption=Text(caption),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def text_rows(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    """Make a table of texts by anybody, folded where they are long.

    Args:
        headings: Of its columns.
        rows: Cells, none of which is read as markup.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for cells in rows:
        table.add_row(*map(Text, cells))
    return table

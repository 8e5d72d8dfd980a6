"""The table that every command prints: a name, then what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_WIDE = 10_000
_SHORT_CELL = 40
"""Characters of a cell and its heading that may share a line where there is no table."""


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


class Fitted:
    """A table where it fits; where it would break words, each row as lines of its own.

    Args:
        table: Whose cells are texts.
    """

    def __init__(self, table: Table):
        self._table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw as wide as ``options`` allows."""
        columns = [
            [_text(column.header), *map(_text, column.cells)] for column in self._table.columns
        ]
        natural = [max(map(_line_width, cells)) for cells in columns]
        least = [
            width if column.no_wrap else max(map(_word_width, cells))
            for column, cells, width in zip(self._table.columns, columns, natural, strict=True)
        ]
        roomy = options.update(width=_WIDE)
        borders = Measurement.get(console, roomy, self._table).maximum - sum(natural)
        room = options.max_width - borders
        if sum(least) > room:
            yield from self._records(columns)
            return
        for column, width in zip(self._table.columns, _shared(room, least, natural), strict=True):
            column.width = width
        yield self._table

    def _records(self, columns: Sequence[Sequence[Text]]) -> Iterator[RenderableType]:
        if self._table.title:
            yield _text(self._table.title)
        headings = [column[0].plain for column in columns]
        for row in range(1, max(map(len, columns), default=0)):
            name, *cells = (column[row] for column in columns)
            said = [
                (heading, cell.plain.strip())
                for heading, cell in zip(headings[1:], cells, strict=True)
                if cell.plain.strip()
            ]
            yield Text(name.plain.strip() or "-", style="bold", overflow="fold")
            if said and all(len(heading) + len(cell) < _SHORT_CELL for heading, cell in said):
                lines = [", ".join(f"{heading} {cell}".strip() for heading, cell in said)]
            else:
                lines = [f"{heading}: {cell}" if heading else cell for heading, cell in said]
            for line in lines:
                yield Padding(Text(line, overflow="fold"), (0, 0, 0, 2))
        if self._table.caption:
            yield _text(self._table.caption)


def _text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))


def _line_width(text: Text) -> int:
    return max(map(cell_len, text.plain.split("\n")), default=0)


def _word_width(text: Text) -> int:
    return max(map(cell_len, text.plain.split()), default=0)


def _shared(room: int, least: Sequence[int], natural: Sequence[int]) -> list[int]:
    """Share what is left of a line among the columns that want more than their longest word."""
    widths = list(least)
    left = room - sum(widths)
    while left > 0:
        wanting = [n for n, width in enumerate(widths) if width < natural[n]]
        if not wanting:
            break
        for n in wanting[:left]:
            widths[n] += 1
        left -= min(left, len(wanting))
    return widths

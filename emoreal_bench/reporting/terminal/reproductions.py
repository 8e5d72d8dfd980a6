"""A reproduction in the terminal. Nothing here prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoreal_bench.probing.reproduction import ReproducedValue, ReproductionReport
from emoreal_bench.text import (
    percent,
    percent_interval,
    plain_text,
    points,
    words,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def reproduction_renderables(report: ReproductionReport) -> list[RenderableType]:
    """Show the verdict and why, the table, the conditions, and which nobody published."""
    from rich.text import Text

    card = report.card
    lines = [f"Not comparable: {reason}." for reason in report.reasons]
    lines.append(f"Tolerance: {card.tolerance_reason}")
    for name, value in card.conditions.model_dump().items():
        lines.append(f"{name}: {value or 'not published, as far as is known'}")
    lines.append(
        f"items: {'not published, as far as is known' if card.items is None else f'{card.items:,}'}"
    )
    lines.append(f"Whether {plain_text(report.model)} is that checkpoint is for you to know.")
    lines.append(f"Source: {card.citation}; {card.statement}.")
    heading = f"{card.title}: {report.verdict}"
    return [
        Text(plain_text(heading), style="bold"),
        reproduction_table(report),
        *(Text(plain_text(line, 500)) for line in lines),
    ]


def reproduction_table(report: ReproductionReport) -> Table:
    """Make the table of published and measured values."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    title = f"{plain_text(report.model)}, scored by {report.card.scoring}"
    table = Table(
        title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("")
    for heading in ("published", "confidence", "tolerance", "measured", "difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict")
    for value in report.values:
        table.add_row(*_cells(value))
    return table


def _cells(value: ReproducedValue) -> tuple[str, ...]:
    expected, measured = value.expected, percent(value.measured)
    if value.interval is not None:
        measured += f" [{percent_interval(value.interval)}]"
    subtask = "" if expected.subtask is None else f"{words(expected.subtask)}: "
    return (
        f"{subtask}{words(expected.metric)}",
        percent(expected.value),
        expected.confidence,
        f"\N{PLUS-MINUS SIGN}{percent(expected.tolerance)}",
        measured,
        "" if value.measured is None else points(value.measured - expected.value),
        value.verdict,
    )

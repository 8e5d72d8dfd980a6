"""The spread over repeats of a run, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoreal_bench.reporting.terminal.scores import report_lines, summary_table
from emoreal_bench.text import percent, words

if TYPE_CHECKING:
    from rich.console import RenderableType

    from emoreal_bench.probing.repeating import RepeatsReport


def repeats_renderables(report: RepeatsReport) -> list[RenderableType]:
    """Show the average of each repeat, then how they vary."""
    return [summary_table(report.runs), *_spread_lines(report)]


def repeats_lines(report: RepeatsReport) -> list[str]:
    """Write every repeat as plain lines, for logs, then how they vary."""
    return [*(line for run in report.runs for line in report_lines(run)), *_spread_lines(report)]


def _spread_lines(report: RepeatsReport) -> list[str]:
    spread = report.spread
    subtasks = ", ".join(
        f"{words(name)} {percent(value)}" for name, value in spread.subtasks.items()
    )
    return [
        f"Over {len(report.runs)} repeats, {report.scoring}: mean {percent(spread.mean)}, "
        f"standard deviation {percent(spread.standard_deviation)} ({subtasks}).",
        f"Items whose answer changed: {percent(spread.changed)} %.",
    ]

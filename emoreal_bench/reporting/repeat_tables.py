"""The spread over repeats of a run, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoreal_bench.reporting.terminal import summary_table
from emoreal_bench.reporting.text import percent

if TYPE_CHECKING:
    from rich.console import RenderableType

    from emoreal_bench.probing.repeating import RepeatsReport


def repeats_renderables(report: RepeatsReport) -> list[RenderableType]:
    """Show the average of each repeat, then how they vary."""
    spread = report.spread
    subtasks = ", ".join(f"{name} {percent(value)}" for name, value in spread.subtasks.items())
    return [
        summary_table(report.runs),
        f"Over {len(report.runs)} repeats, {report.scoring}: mean {percent(spread.mean)}, "
        f"standard deviation {percent(spread.standard_deviation)} ({subtasks}).",
        f"Items whose answer changed: {percent(spread.changed)} %.",
    ]

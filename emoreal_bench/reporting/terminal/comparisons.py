"""Comparisons in the terminal. Nothing here prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emoreal_bench.contracts.comparison import (
    AVERAGE,
    ComparedRun,
    ComparisonReport,
    Difference,
    LogLikelihoodShift,
    RunComparison,
    Shift,
)
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.text import (
    UNDEFINED,
    percent,
    percent_floor,
    plain_text,
    points,
    words,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_CAPTION = (
    "Intervals at 95 %, by drawing clips; p-values by McNemar's exact test, corrected by Holm "
    "over the subtasks. Detectable: the true difference that this test finds four times in five."
)


def comparison_renderables(report: ComparisonReport) -> list[RenderableType]:
    """Show each run against the first: who they are, and a table per scoring."""
    from rich.text import Text

    shown: list[RenderableType] = [Text(f"First: {_run_line(report.first)}")]
    for other in report.others:
        shown.append(Text(f"Against it: {_run_line(other.run)}", style="bold"))
        shown += [comparison_table(other, scoring) for scoring in other.scorings]
        if other.log_likelihood_shift is not None:
            shown += [Text(line) for line in shift_lines(other.log_likelihood_shift)]
        shown += [Text(line) for line in _note_lines(other)]
    shown.append(Text(_CAPTION))
    return shown


def comparison_table(other: RunComparison, scoring: Scoring) -> Table:
    """Make the table of one comparison: a row per subtask, then the average."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    comparison = other.scorings[scoring]
    verdict = f"{scoring}: {comparison.average.verdict} on average"
    table = Table(
        title=Text(verdict, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", overflow="fold")
    for heading in ("n", "first", "this", "difference", "p", "detectable"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict")
    for name, difference in comparison.subtasks.items():
        table.add_row(Text(words(name)), *_cells(difference))
    table.add_section()
    table.add_row(Text(AVERAGE), *_cells(comparison.average))
    return table


def change(difference: Difference) -> str:
    """Write a difference in percentage points with its interval."""
    text = points(difference.difference)
    if difference.interval is None:
        return text
    low, high = (points(bound) for bound in difference.interval)
    return f"{text} [{low} to {high}]"


def shift_lines(shift: LogLikelihoodShift) -> list[str]:
    """Say how far the right answer's log-likelihood falls, over all items and per subtask."""
    title = "Log-likelihood shift of the right answer (nats, above 0: less likely)"
    if shift.overall is None:
        return [f"{title}: not defined. {plain_text(shift.undefined or '', 300)}"]
    return [
        f"{title}: {_shift_text(shift.overall)}",
        *(f"  {words(name)}: {_shift_text(found)}" for name, found in shift.subtasks.items()),
    ]


def _shift_text(shift: Shift) -> str:
    if shift.interval is None:
        interval = ""
    else:
        low, high = shift.interval
        interval = f" [{low:+.3f} to {high:+.3f}]"
    return f"{shift.mean:+.3f}{interval}, n {shift.n:,}"


def _cells(difference: Difference) -> Iterator[str]:
    yield f"{difference.n:,}"
    yield percent(difference.first)
    yield percent(difference.second)
    yield change(difference)
    p_value = difference.adjusted_p_value
    yield "" if p_value is None else ("<0.001" if p_value < 0.001 else f"{p_value:.3f}")
    detectable = difference.smallest_detectable
    yield UNDEFINED if detectable is None else percent(detectable)
    yield difference.verdict


def _run_line(run: ComparedRun) -> str:
    line = f"{plain_text(run.model)} ({plain_text(run.folder)})"
    if run.coverage < 1:
        line += f", coverage {percent_floor(run.coverage)} %: the rest count as wrong under strict"
    if run.frames_per_item is not None and run.audio_seconds_per_item is not None:
        line += (
            f"; delivered per item: {run.frames_per_item:.1f} frames, "
            f"{run.audio_seconds_per_item:.1f} s of sound"
        )
    return line


def _note_lines(other: RunComparison) -> list[str]:
    notes = dict.fromkeys(note for found in other.scorings.values() for note in found.notes)
    return [f"Note: {plain_text(note, 300)}" for note in notes]

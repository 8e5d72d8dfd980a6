"""A probe in the terminal: one table, a row per condition. Nothing here prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emoreal_bench.contracts.comparison import AVERAGE
from emoreal_bench.contracts.probe import Accuracies, ConditionScores, ProbeReport
from emoreal_bench.reporting.terminal.comparisons import change, shift_lines
from emoreal_bench.text import UNDEFINED, percent, percent_floor, plain_text, words

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_CAPTION = (
    "Below each accuracy: the change against full in percentage points, item by item, with its "
    "interval at 95 %, by drawing clips. Blind baselines need no clip."
)


def probe_renderables(report: ProbeReport) -> list[RenderableType]:
    """Show a probe: the table, the verdicts, what was left out and what is not complete."""
    from rich.text import Text

    lines = [f"Left out: {name}, since {why}." for name, why in report.left_out.items()]
    for name, scores in report.conditions.items():
        if scores.change is not None:
            lines.append(f"{name} against full: {scores.change.average.verdict} on average")
        if scores.log_likelihood_shift is not None:
            first, *rest = shift_lines(scores.log_likelihood_shift)
            lines += [f"{name}: {first}", *rest]
        if scores.coverage < 1:
            lines.append(f"Warning: {name} covers {percent_floor(scores.coverage)} % of the items.")
    return [probe_table(report), *(Text(line) for line in lines)]


def probe_table(report: ProbeReport) -> Table:
    """Make the one table of a probe."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    title = (
        f"{plain_text(report.model)} on {plain_text(report.task)}, variant "
        f"{plain_text(report.variant)}: accuracy under {report.scoring}"
    )
    table = Table(
        title=Text(title, style="bold"),
        title_justify="left",
        caption=Text(_CAPTION),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("")
    subtasks = _subtasks(report)
    for name in (*subtasks, AVERAGE):
        table.add_column(words(name), justify="right")
    for condition, scores in report.conditions.items():
        table.add_row(condition, *_condition_cells(scores, subtasks))
    table.add_section()
    for name, accuracies in report.blind.items():
        table.add_row(plain_text(name), *_accuracy_cells(accuracies, subtasks))
    return table


def _subtasks(report: ProbeReport) -> list[str]:
    names = (name for scores in report.conditions.values() for name in scores.accuracy.subtasks)
    return list(dict.fromkeys(names))


def _condition_cells(scores: ConditionScores, subtasks: list[str]) -> Iterator[str]:
    texts = _accuracy_cells(scores.accuracy, subtasks)
    if scores.change is None:
        yield from texts
        return
    changes = [scores.change.subtasks.get(name) for name in subtasks]
    for text, difference in zip(texts, (*changes, scores.change.average), strict=True):
        yield text if difference is None else f"{text}\n{change(difference)}"


def _accuracy_cells(accuracies: Accuracies, subtasks: list[str]) -> Iterator[str]:
    for name in subtasks:
        yield percent(accuracies.subtasks[name]) if name in accuracies.subtasks else UNDEFINED
    yield percent(accuracies.average)

"""Runs against each other, in the terminal. Nothing here prints."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emoreal_bench.comparing.paired import DIFFERENCE_THAT_MATTERS
from emoreal_bench.contracts.check import DropTest
from emoreal_bench.contracts.comparison import (
    AVERAGE,
    ComparedRun,
    ComparisonReport,
    Difference,
    FlippedItem,
    LogLikelihoodShift,
    RunChanges,
    RunComparison,
    Shift,
    Verdict,
)
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, Scoring
from emoreal_bench.printable import plain_text
from emoreal_bench.reporting.terminal.tables import named_rows, text_rows
from emoreal_bench.scoring.metrics import Unit, metric_of
from emoreal_bench.statistics.paired import least_clips
from emoreal_bench.text import (
    count_of,
    percent,
    percent_of_whole,
    points,
    words,
    write_number,
)

COMPARED = ("n", "first %", "this %", "difference", "p", "detectable", "verdict")
"""Headings of a comparison's columns, after the name of each row."""
_SHOWN_ITEMS = 20
_SHOWN_REPLY = 60
COMPARISON_NOTE = (
    "Numbers in percent, differences in points, taken before rounding. Each test exchanges whole "
    "clips between the two runs; its p-value and its interval are corrected by Holm over the whole "
    "table. Detectable: the true difference that it finds four times in five; none: not even that "
    "from 0 to 100."
)


def comparison_renderables(report: ComparisonReport) -> list[RenderableType]:
    """Show each run against the first: who they are, and a table per scoring."""
    told = dict.fromkeys(filter(None, map(too_few_clips, report.others)))
    shown: list[RenderableType] = [Text(line, style="yellow") for line in told]
    shown.append(Text(f"First: {run_line(report.first)}"))
    for other in report.others:
        shown.append(Text(f"Against it: {run_line(other.run)}", style="bold"))
        shown += [comparison_table(other, scoring) for scoring in other.scorings]
        shown += [Text(line) for line in comparison_notes(other)]
    shown.append(Text(COMPARISON_NOTE))
    return shown


def too_few_clips(other: RunComparison) -> str:
    """Say that so few clips show nothing, whatever is answered, and how many could; else nothing.

    Where the average has too few clips for its test, so has every subtask.
    """
    average = other.scorings[HEADLINE_SCORING].average
    if average.verdict is Verdict.IDENTICAL or None in (average.clips, average.level):
        return ""
    least = least_clips(average.level or 1.0)
    clips = average.clips or 0
    if clips >= least:
        return ""
    return (
        f"{count_of(clips, 'clip')} can show no difference, whatever the runs answer: chance alone "
        f"would bring it too often. From {least} clips on a test can find one that all of them "
        "show."
    )


def comparison_table(other: RunComparison, scoring: Scoring) -> Table:
    """Make the table of one comparison: a row per subtask, then the average."""
    comparison = other.scorings[scoring]
    table = named_rows(f"{scoring}: {comparison.average.verdict} on average", COMPARED[:-1])
    table.add_column(COMPARED[-1])
    for name, difference in comparison.subtasks.items():
        table.add_row(Text(words(name)), *_cells(difference))
    table.add_section()
    table.add_row(Text(AVERAGE), *_cells(comparison.average))
    for metric, by_subtask in comparison.metrics.items():
        table.add_section()
        for name, difference in by_subtask.items():
            row = Text(f"{plain_text(metric_of(metric).label)}: {words(name)}")
            table.add_row(row, *_metric_cells(metric, difference))
    return table


def comparison_rows(other: RunComparison, scoring: Scoring) -> Iterator[tuple[str, ...]]:
    """Return the rows of the same table as texts: the average first, then what it is made of."""
    comparison = other.scorings[scoring]
    yield AVERAGE, *_cells(comparison.average)
    for name, difference in comparison.subtasks.items():
        yield words(name), *_cells(difference)
    for metric, by_subtask in comparison.metrics.items():
        for name, difference in by_subtask.items():
            label = f"{plain_text(metric_of(metric).label)}: {words(name)}"
            yield label, *_metric_cells(metric, difference)


def comparison_notes(other: RunComparison) -> list[str]:
    """Say what else is to be known of a comparison."""
    shift = other.log_likelihood_shift
    shifts = [] if shift is None else shift_lines(shift)
    return [*shifts, *_size_lines(other), *_note_lines(other)]


def short_p_value(value: float) -> str:
    """Write a p-value with three decimals."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def change(difference: Difference | DropTest) -> str:
    """Write a difference in percentage points with its interval."""
    text = points(difference.difference)
    if difference.interval is None:
        return text
    low, high = (points(bound) for bound in difference.interval)
    return f"{text} [{low} to {high}]"


def shift_lines(shift: LogLikelihoodShift) -> list[str]:
    """Return how far the right answer's log-likelihood falls, over all items and per subtask."""
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
    yield "" if p_value is None else short_p_value(p_value)
    detectable = difference.smallest_detectable
    # Beyond the whole scale there is nothing to find.
    yield "none" if detectable is None or detectable > 1 else percent(detectable)
    yield difference.verdict


def _metric_cells(metric: str, difference: Difference) -> Iterator[str]:
    if metric_of(metric).unit is not Unit.PLAIN:
        yield from _cells(difference)
        return
    yield f"{difference.n:,}"
    yield write_number(metric, difference.first)
    yield write_number(metric, difference.second)
    interval = difference.interval
    bounds = "" if interval is None else f" [{interval[0]:+.3f} to {interval[1]:+.3f}]"
    yield f"{difference.difference:+.3f}{bounds}"
    p_value = difference.adjusted_p_value
    yield "" if p_value is None else short_p_value(p_value)
    yield write_number(metric, difference.smallest_detectable)
    yield difference.verdict


def run_line(run: ComparedRun) -> str:
    """Say which run it is, how much of it there is, and what reached the model."""
    line = f"{plain_text(run.model)} ({plain_text(run.folder)})"
    if run.coverage < 1:
        line += (
            f", coverage {percent_of_whole(run.coverage)} %: the rest count as wrong under strict"
        )
    if run.frames_per_item is not None and run.audio_seconds_per_item is not None:
        line += (
            f"; delivered per item: {run.frames_per_item:.1f} frames, "
            f"{run.audio_seconds_per_item:.1f} s of sound"
        )
    if run.tokens_per_item:
        tokens = (f"{count:.1f} {words(name)}" for name, count in run.tokens_per_item.items())
        line += f"; tokens per item: {', '.join(tokens)}"
    return line


def _size_lines(other: RunComparison) -> Iterator[str]:
    """Return with how many items a test that is too small would find a difference that matters."""
    average = other.scorings[HEADLINE_SCORING].average
    if average.items_needed is not None and average.clips_needed is not None:
        yield (
            f"The {AVERAGE} is {average.verdict} for {percent(DIFFERENCE_THAT_MATTERS)} points: "
            f"about {count_of(average.items_needed, 'item')} on "
            f"{count_of(average.clips_needed, 'clip')} like these would do."
        )


def _note_lines(other: RunComparison) -> list[str]:
    notes = dict.fromkeys(note for found in other.scorings.values() for note in found.notes)
    if other.delivery_differences:
        differences = ", ".join(other.delivery_differences)
        notes[f"The models were not given the same per item: {differences}."] = None
    return [f"Note: {plain_text(note, 300)}" for note in notes]


def changes_renderables(changes: RunChanges) -> list[RenderableType]:
    """Show what changed: settings, counts by subtask, the first of the items."""
    lines = [f"Different: {plain_text(setting, 300)}" for setting in changes.settings]
    lines = lines or ["Different: nothing that is asked, and not the model."]
    lines.append(
        f"{count_of(changes.common_items, 'item')} in common, of {changes.first_items:,} and "
        f"{changes.second_items:,}. {count_of(len(changes.flipped), 'item')} flipped under strict."
    )
    shown: list[RenderableType] = [Text(line) for line in lines]
    if changes.flipped:
        headings = ("item", "subtask", "gold", "now", "first reply", "second reply")
        shown.append(text_rows(headings, map(_flipped_cells, changes.flipped[:_SHOWN_ITEMS])))
    if len(changes.flipped) > _SHOWN_ITEMS:
        shown.append(Text(f"The first {_SHOWN_ITEMS} are shown; --json gives all."))
    return shown


def _flipped_cells(item: FlippedItem) -> Iterator[str]:
    yield plain_text(item.id)
    yield words(item.subtask)
    yield plain_text(item.gold, _SHOWN_REPLY)
    yield "right" if item.is_right else "wrong"
    yield plain_text(item.first_reply, _SHOWN_REPLY)
    yield plain_text(item.second_reply, _SHOWN_REPLY)

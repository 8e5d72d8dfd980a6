"""Probes, sweeps, repeats and reproductions in the terminal. Nothing here prints."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emoreal_bench.comparing.paired import DIFFERENCE_THAT_MATTERS
from emoreal_bench.contracts.comparison import AVERAGE, Verdict
from emoreal_bench.contracts.probe import Accuracies, Condition, ConditionScores, ProbeReport
from emoreal_bench.contracts.sweep import SweepReport, SweepRow
from emoreal_bench.printable import plain_text
from emoreal_bench.probing.repeating import RepeatsReport
from emoreal_bench.probing.reproduction import ReproducedValue, ReproductionReport
from emoreal_bench.reporting.terminal.comparisons import change, shift_lines
from emoreal_bench.reporting.terminal.scores import report_lines, summary_table
from emoreal_bench.reporting.terminal.tables import named_rows
from emoreal_bench.text import (
    UNDEFINED,
    count_of,
    percent,
    percent_interval,
    percent_of_whole,
    points,
    words,
)

_WITHOUT_THE_CLIP = {
    Condition.TEXT_ONLY: "without the clip",
    Condition.SWAPPED_CLIPS: "with another clip",
}
_SWAPPED_DAMAGE = (
    "Which clips are swapped is the same for every model, so it is settled before one is decoded: "
    "a clip that cannot be read costs the items in whose place it was to stand, too."
)
PROBE_NOTE = (
    "Below each accuracy: the change against full in percentage points, item by item, with its "
    "interval at 95 %, by drawing clips. Blind baselines need no clip."
)


def probe_renderables(report: ProbeReport) -> list[RenderableType]:
    """Show a probe: the table, the verdicts, what was left out and what is not complete."""
    verdict = what_answers_rest_on(report)
    first = [Text(verdict, style="bold")] if verdict else []
    return [*first, probe_table(report), *map(Text, probe_lines(report))]


def probe_lines(report: ProbeReport) -> list[str]:
    """Say the verdicts of a probe, what was left out and what is not complete."""
    lines = [f"Left out: {name}, since {why}." for name, why in report.left_out.items()]
    for name, scores in report.conditions.items():
        if scores.change is not None:
            lines.append(f"{name} against full: {scores.change.average.verdict} on average")
        if scores.log_likelihood_shift is not None:
            first, *rest = shift_lines(scores.log_likelihood_shift)
            lines += [f"{name}: {first}", *rest]
        if scores.coverage < 1:
            lines.append(
                f"Warning: {name} covers {percent_of_whole(scores.coverage)} % of the items. "
                + " ".join(scores.lacking)
            )
            if name is Condition.SWAPPED_CLIPS and scores.coverage < _coverage_in_full(report):
                lines.append(_SWAPPED_DAMAGE)
    return lines


def _coverage_in_full(report: ProbeReport) -> float:
    return report.conditions[Condition.FULL].coverage


def what_answers_rest_on(report: ProbeReport) -> str:
    """Say in words whether the answers rest on the clip, or that this test cannot tell.

    An answer rests on the clip if others come without it or with another one in its place.
    """
    changes = {
        name: scores.change.average
        for name, scores in report.conditions.items()
        if name in _WITHOUT_THE_CLIP and scores.change is not None
    }
    if not changes:
        return ""
    telling = {name: one for name, one in changes.items() if one.verdict is Verdict.WORSE}
    if telling:
        told = " and ".join(
            f"{_WITHOUT_THE_CLIP[name]} falls by {percent(-one.difference)} points"
            for name, one in telling.items()
        )
        return f"The answers rest on the clip: the average accuracy {told}."
    if all(one.verdict is Verdict.IDENTICAL for one in changes.values()):
        ways = " or ".join(_WITHOUT_THE_CLIP[name] for name in changes)
        return f"The answers do not rest on the clip: {ways}, every item is as right or wrong."
    unsure = [one for one in changes.values() if one.verdict is Verdict.TOO_SMALL]
    if unsure:
        items = max(one.n for one in unsure)
        needed = [one.items_needed for one in unsure if one.items_needed is not None]
        enough = f"; about {count_of(max(needed), 'item')} like these could" if needed else ""
        return (
            f"{count_of(items, 'item')} cannot tell whether the answers rest on the clip{enough}, "
            f"if it is worth {percent(DIFFERENCE_THAT_MATTERS)} points or more."
        )
    return (
        "Nothing shows that the answers rest on the clip: without it, or with another, the average "
        f"accuracy does not fall, and a fall of {percent(DIFFERENCE_THAT_MATTERS)} points would "
        "probably have shown."
    )


def probe_rows(report: ProbeReport) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return the headings and the rows of a probe's table as texts."""
    subtasks = _subtasks(report)
    rows = [
        (name, *_condition_cells(scores, subtasks)) for name, scores in report.conditions.items()
    ]
    blind = [
        (plain_text(name), *_accuracy_cells(accuracies, subtasks))
        for name, accuracies in report.blind.items()
    ]
    return ["condition", *map(words, (*subtasks, AVERAGE))], [*rows, *blind]


def probe_table(report: ProbeReport) -> Table:
    """Make the one table of a probe."""
    title = (
        f"{plain_text(report.model)} on {plain_text(report.task)}, variant "
        f"{plain_text(report.variant)}: accuracy under {report.scoring}"
    )
    table = named_rows(title, caption=PROBE_NOTE)
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


def sweep_renderables(report: SweepReport) -> list[RenderableType]:
    """Show a sweep: a row for each run, the settings that vary, and what went wrong."""
    names = [name for name in report.rows[0].settings if _varies(report, name)]
    several = [key for key in ("task",) if len({row.task for row in report.rows}) > 1]
    is_run = any(row.coverage is not None for row in report.rows)
    title, caption = (
        ("Average accuracy under strict", "intervals at 95 %, clustered by clip")
        if is_run
        else (f"{count_of(len(report.rows), 'run')} that the sweep asks for", "")
    )
    table = named_rows(title, caption=caption)
    for heading in (*several, *map(words, names)):
        table.add_column(heading, overflow="fold")
    for heading in ("coverage", "accuracy") if is_run else ("state",):
        table.add_column(heading, justify="right")
    for row in report.rows:
        told = [row.task for _ in several] + [_setting(row, name) for name in names]
        table.add_row(*map(plain_text, (row.model, *told)), *_sweep_cells(row, is_run=is_run))
    # Combinations of one model mostly fail alike: each reason is told once.
    problems = dict.fromkeys((row.model, row.problem) for row in report.rows if row.problem)
    return [table, *(Text(f"{model}: {problem}") for model, problem in problems)]


def _varies(report: SweepReport, name: str) -> bool:
    return len({repr(row.settings[name]) for row in report.rows}) > 1


def _setting(row: SweepRow, name: str) -> str:
    value = row.settings[name]
    return "as it is" if value is None else str(value)


def _sweep_cells(row: SweepRow, *, is_run: bool) -> Iterator[str]:
    if row.coverage is None:
        yield "cannot run" if row.problem else "not run"
        if is_run:
            yield UNDEFINED
        return
    yield percent_of_whole(row.coverage)
    average = percent(row.average_accuracy)
    yield average + (f" [{percent_interval(row.interval)}]" if row.interval else "")


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


def reproduction_renderables(report: ReproductionReport) -> list[RenderableType]:
    """Show the verdict and why, the table, the conditions, and which nobody published."""
    card = report.card
    lines = [f"Not comparable: {reason}." for reason in report.reasons]
    lines.append(f"Tolerance: {card.tolerance_reason}")
    unknown = "not published, as far as is known"
    lines += [f"{name}: {value or unknown}" for name, value in card.conditions.model_dump().items()]
    lines.append(f"items: {unknown if card.items is None else f'{card.items:,}'}")
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
    title = f"{plain_text(report.model)}, scored by {report.card.scoring}"
    headings = ("published", "confidence", "tolerance", "measured", "difference")
    table = named_rows(title, headings, style="")
    table.add_column("verdict")
    for value in report.values:
        table.add_row(*_reproduced_cells(value))
    return table


def _reproduced_cells(value: ReproducedValue) -> tuple[str, ...]:
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

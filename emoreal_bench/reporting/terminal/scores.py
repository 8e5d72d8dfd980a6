"""Scores in the terminal: tables for people, and plain lines for logs.

Nothing here prints. Colour and weight only repeat what the words say, so the
tables read the same with ``NO_COLOR`` and in a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emoreal_bench.contracts.scores import (
    NOT_COVERED,
    DeliverySummary,
    Results,
    ScoringReport,
    SubtaskScores,
)
from emoreal_bench.contracts.task import DEFAULT_METRICS
from emoreal_bench.contracts.vocabulary import (
    HEADLINE_SCORING,
    JUDGED_SCORING,
    DeliveryStatus,
    Outcome,
    Scoring,
)
from emoreal_bench.printable import plain_text
from emoreal_bench.record.departures import departures, task_metrics
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.terminal.judged import judged_lines, judged_renderables
from emoreal_bench.reporting.terminal.tables import named_rows
from emoreal_bench.running.reasons import reason_lines, what_lacks
from emoreal_bench.scoring.metrics import has_something_to_say, lacks_clips, metric_of, note_on
from emoreal_bench.text import (
    UNDEFINED,
    count_of,
    percent,
    percent_interval,
    percent_of_whole,
    points,
    words,
    write_number,
)

RowKind = Literal["subtask", "question type"]
RowKey = tuple[RowKind, str]

_LONG_ENOUGH = 1.0
"""Seconds of a run of which it is worth saying what held it up."""
_FEW_CLIPS = "\N{DAGGER} "


def report_renderables(report: FinishedRun) -> list[RenderableType]:
    """Show a run: who was asked what, the headline table, a line for each other scoring."""
    results = report.results
    headline, others = _scorings(results)[:1], _scorings(results)[1:]
    return [
        Text(_heading(report), style="bold"),
        *_renderables(results, headline, task_metrics(report.manifest.task_definition)),
        *(Text(_title(results, scoring)) for scoring in others),
        # The notes explain definitions; whoever asks for every table gets them too.
        *map(Text, _time_lines(report)),
        *_deliveries_and_warnings(results, _never_asked(report)),
    ]


def summary_table(reports: Sequence[FinishedRun]) -> Table:
    """Set the average accuracies of several runs side by side, in the order they were run."""
    table = named_rows("Average accuracy", caption="intervals at 95 %, clustered by clip")
    table.add_column("coverage", justify="right")
    scorings = list(dict.fromkeys(name for report in reports for name in _scorings(report.results)))
    for name in scorings:
        table.add_column(name, justify="right")
    for report in reports:
        coverage, scores = report.results.coverage, report.results.scores
        table.add_row(
            _model_name(report),
            percent_of_whole(coverage.fraction),
            *(_average(scores[name]) if name in scores else "" for name in scorings),
        )
    return table


def _average(report: ScoringReport) -> str:
    average, interval = report.average_accuracy, report.average_accuracy_interval
    if average is None:
        return UNDEFINED
    return percent(average) + (f" [{percent_interval(interval)}]" if interval else "")


def results_renderables(results: Results) -> list[RenderableType]:
    """Show scores: coverage first, then the tables of every scoring, the headline first."""
    return [
        *_renderables(results, _scorings(results), _metrics_in(results)),
        *(Text(line) for line in _note_lines(results, _metrics_in(results))),
        *_deliveries_and_warnings(results),
    ]


def _metrics_in(results: Results) -> tuple[str, ...]:
    """Name the metrics to show of results without their task: usual and asked for."""
    rows = [scores for report in results.scores.values() for _, _, scores in _rows(report)]
    asked_for = (name for scores in rows for name in scores.model_extra or ())
    return tuple(dict.fromkeys((*DEFAULT_METRICS, *asked_for)))


def _with_something_to_say(results: Results, metrics: Sequence[str]) -> tuple[str, ...]:
    rows = [scores for report in results.scores.values() for _, _, scores in _rows(report)]
    return tuple(metric for metric in metrics if has_something_to_say(metric, rows))


def _renderables(
    results: Results, scorings: Sequence[str], metrics: Sequence[str]
) -> list[RenderableType]:
    style = "" if results.counted.is_full else "bold yellow"
    shown: list[RenderableType] = [Text(_coverage_line(results), style=style)]
    for scoring in scorings:
        shown.append(score_table(results, scoring))
        if rates := rate_table(results, scoring, metrics):
            shown.append(rates)
    return [*shown, *judged_renderables(results)]


def _time_lines(report: FinishedRun) -> list[str]:
    """Return how long a run took and what held it up, the most first; nothing of a short one."""
    timings = report.timings
    if timings is None or timings.held_up is None or timings.wall_seconds < _LONG_ENOUGH:
        return []
    shares = timings.held_up.model_dump()
    most_first = sorted(shares, key=lambda name: -shares[name])
    named = (f"{name} {100 * shares[name]:.0f} %" for name in most_first if round(shares[name], 2))
    return [f"Took {timings.wall_seconds:.1f} s: {', '.join(named)}"]


def _never_asked(report: FinishedRun) -> int:
    """Return how many items are of other shards, and count as missing without being so."""
    shard = report.manifest.shard
    return 0 if shard is None else report.manifest.data.items - shard.items


def _deliveries_and_warnings(results: Results, never_asked: int = 0) -> list[RenderableType]:
    lacks = what_lacks(results, never_asked=never_asked)
    missing = [lack for lack in lacks if lack.status is DeliveryStatus.MISSING]
    return [
        *(Text(f"{lack.problem}\n  {lack.remedy}", style="yellow") for lack in missing),
        *(Text(line) for line in _delivery_lines(results, clips=False)),
        *(Text(line, style="yellow") for line in _warning_lines(results)),
    ]


def report_lines(report: FinishedRun) -> list[str]:
    """Write a run as plain lines, for logs."""
    metrics = task_metrics(report.manifest.task_definition)
    return [
        _heading(report),
        *results_lines(report.results, metrics),
        *_time_lines(report),
    ]


def results_lines(results: Results, metrics: Sequence[str] = DEFAULT_METRICS) -> list[str]:
    """Write scores as plain lines, for logs: one line per row, names before numbers."""
    lines = [_coverage_line(results)]
    metrics = _with_something_to_say(results, metrics)
    for scoring in _scorings(results):
        lines.append(_title(results, scoring))
        lines += [
            f"  {plain_text(name)}: {_row_line(scores, metrics)}"
            for _, name, scores in _rows(results.scores[scoring])
        ]
    return [
        *lines,
        *judged_lines(results),
        *_note_lines(results, metrics),
        *_delivery_lines(results),
        *_warning_lines(results),
    ]


def score_table(results: Results, scoring: str) -> Table:
    """Make the table of accuracies under one scoring: subtasks, then question types.

    Under the headline scoring the official accuracy and the gap stand beside.

    Args:
        results: Scores of a run.
        scoring: One of those that the results hold.
    """
    report = results.scores[scoring]
    gaps = _gaps(results) if scoring == HEADLINE_SCORING else {}
    headings = ("n", "coverage", "accuracy", "chance", *(("official", "gap") if gaps else ()))
    table = named_rows(_title(results, scoring), headings, caption=_outcome_line(report))
    for kind, name, scores in _rows(report):
        if kind == "question type" and scores.accuracy is None:
            continue
        _add_row(
            table,
            (kind, name),
            f"{scores.n:,}",
            _coverage(scores),
            _accuracy(scores),
            _chance(scores),
            *gaps.get((kind, name), ()),
        )
    return table


def rate_table(
    results: Results, scoring: str, metrics: Sequence[str] = DEFAULT_METRICS
) -> Table | None:
    """Make the table of metrics beside accuracy under one scoring; None where no row has any.

    A cell is empty where a number does not apply, and a dash where it is not defined.
    """
    beside = [key for key in _with_something_to_say(results, metrics) if key != "accuracy"]
    rows = [row for row in _rows(results.scores[scoring]) if any(map(row[2].has, beside))]
    rates = [key for key in beside if any(scores.has(key) for *_, scores in rows)]
    if not rates:
        return None
    unsure = [key for key in rates if any(lacks_clips(scores, key) for *_, scores in rows)]
    caption = f"{_FEW_CLIPS}too few clips of a class for intervals of " + ", ".join(unsure)
    table = named_rows(f"{scoring}: recalls and rates", caption=caption if unsure else "")
    for key in rates:
        metric = metric_of(key)
        table.add_column(plain_text(metric.heading or metric.label), justify="right")
    for kind, name, scores in rows:
        mark = _FEW_CLIPS if any(lacks_clips(scores, key) for key in unsure) else ""
        _add_row(table, (kind, mark + name), *(_number(scores, key) for key in rates))
    return table


def _add_row(table: Table, kind_and_name: RowKey, *cells: str) -> None:
    """Add a row, with a line above the first question type."""
    kind, name = kind_and_name
    if kind == "question type" and table.rows and not any(row.end_section for row in table.rows):
        table.add_section()
    table.add_row(Text(words(name)), *cells)


def _scorings(results: Results) -> list[str]:
    order = dict.fromkeys([HEADLINE_SCORING.value, JUDGED_SCORING, *map(str, Scoring)])
    return [scoring for scoring in order if scoring in results.scores]


def _rows(report: ScoringReport) -> Iterator[tuple[RowKind, str, SubtaskScores]]:
    for name, scores in report.subtasks.items():
        yield "subtask", name, scores
    for name, scores in report.question_types.items():
        # A type of one subtask of the same name would only say everything twice.
        if name not in report.subtasks:
            yield "question type", name, scores


def _heading(report: FinishedRun) -> str:
    manifest = report.manifest
    return (
        f"{_model_name(report)} on {plain_text(manifest.task)}, "
        f"variant {plain_text(manifest.request.variant)}, "
        + ", ".join((_item_count(report), *departures(manifest)))
        + (f", shard {manifest.shard}" if manifest.shard else "")
    )


def _item_count(report: FinishedRun) -> str:
    """Return how many items there are, and how many the task has where these are others."""
    if report.manifest.judged is not None:
        return count_of(report.manifest.data.items, "judgement")
    items = count_of(report.manifest.data.items, "item")
    subtasks = report.manifest.task_definition.get("subtasks", {}).values()
    sizes = [subtask.get("size") for subtask in subtasks]
    if not sizes or None in sizes or sum(sizes) == report.manifest.data.items:
        return items
    return f"{items} of {sum(sizes)} published"


def _model_name(report: FinishedRun) -> str:
    model = report.manifest.model
    return plain_text(model.name) + (f" ({plain_text(model.label)})" if model.label else "")


def _coverage_line(results: Results) -> str:
    coverage = results.coverage
    line = (
        f"Coverage {percent_of_whole(coverage.fraction)} %: "
        f"{coverage.covered:,} of {count_of(coverage.items, 'item')} "
        f"({_counts(coverage.statuses)})"
    )
    if coverage.covered < coverage.items and results.counted.is_full:
        line += "; only open questions are without a reply, which count in no score"
    return line


def _counts(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)


def _title(results: Results, scoring: str) -> str:
    report = results.scores[scoring]
    interval = report.average_accuracy_interval
    title = f"{scoring}: average accuracy {percent(report.average_accuracy)}"
    if interval is not None:
        title += f" [{percent_interval(interval)}]"
    if not results.counted.is_full:
        title += f" at {percent_of_whole(results.counted.fraction)} % coverage"
    official = results.scores.get(Scoring.OFFICIAL)
    if (
        scoring == HEADLINE_SCORING
        and official is not None
        and official.average_accuracy is not None
        and report.average_accuracy is not None
    ):
        gap = points(official.average_accuracy - report.average_accuracy)
        title += f", official {percent(official.average_accuracy)} (gap {gap})"
    return title


def _gaps(results: Results) -> dict[RowKey, tuple[str, str]]:
    official = results.scores.get(Scoring.OFFICIAL)
    if official is None:
        return {}
    theirs = {(kind, name): scores.accuracy for kind, name, scores in _rows(official)}
    gaps: dict[RowKey, tuple[str, str]] = {}
    for kind, name, scores in _rows(results.scores[HEADLINE_SCORING]):
        other = theirs.get((kind, name))
        if scores.accuracy is not None and other is not None:
            gaps[kind, name] = (percent(other), points(other - scores.accuracy))
    return gaps


def _number(scores: SubtaskScores, metric: str) -> str:
    return write_number(metric, scores.number(metric)) if scores.has(metric) else ""


def _chance(scores: SubtaskScores) -> str:
    return percent(scores.chance) if scores.has("chance") else ""


def _accuracy(scores: SubtaskScores) -> str:
    interval = scores.intervals.get("accuracy")
    if scores.accuracy is None or interval is None:
        return _number(scores, "accuracy")
    return f"{percent(scores.accuracy)} [{percent_interval(interval)}]"


def _coverage(scores: SubtaskScores) -> str:
    planned = sum(scores.outcomes.values())
    if planned == 0:
        return UNDEFINED
    lost = sum(scores.outcomes.get(outcome, 0) for outcome in NOT_COVERED)
    return percent_of_whole((planned - lost) / planned)


def _row_line(scores: SubtaskScores, metrics: Sequence[str]) -> str:
    numbers = {"n": str(scores.n), "coverage": _coverage(scores), "accuracy": _accuracy(scores)}
    numbers["chance"] = _chance(scores)
    numbers |= {name: _number(scores, name) for name in metrics if name != "accuracy"}
    return ", ".join(f"{name} {text}" for name, text in numbers.items() if text)


def _outcome_line(report: ScoringReport) -> str:
    return f"Replies: {_counts(count_outcomes(report.subtasks))}"


def count_outcomes(subtasks: Mapping[str, SubtaskScores]) -> dict[Outcome, int]:
    """Count what became of the items of subtasks."""
    totals = dict.fromkeys(Outcome, 0)
    for scores in subtasks.values():
        for outcome, number in scores.outcomes.items():
            totals[outcome] += number
    return totals


def _note_lines(results: Results, metrics: Sequence[str]) -> list[str]:
    """Return the notes of the first scoring, each once, with its rows unless it is about all.

    Notes on metrics that are not shown are left out.
    """
    scorings = _scorings(results)
    if not scorings:
        return []
    report = results.scores[scorings[0]]
    shown = {"accuracy", *_with_something_to_say(results, metrics)}
    rows_by_note: dict[str, list[str]] = {note: [] for note in report.notes}
    for _, name, scores in _rows(report):
        for note in filter(None, (note_on(note, shown) for note in scores.notes)):
            rows_by_note.setdefault(note, []).append(name)
    lines = []
    for note, names in rows_by_note.items():
        about = "" if report.subtasks.keys() <= set(names) else ", ".join(map(words, names))
        lines.append(f"Note: {about}{': ' if about else ''}{plain_text(note, 300)}")
    if JUDGED_SCORING in results.scores:
        told = results.scores[JUDGED_SCORING].notes
        lines += [
            f"Note: {JUDGED_SCORING}: {plain_text(note, 300)}"
            for note in told
            if note not in report.notes
        ]
    return lines


def _delivery_lines(results: Results, *, clips: bool = True) -> list[str]:
    delivery = results.delivery
    if delivery is None:
        return []
    tokens = "".join(
        f", {number:.0f} {plain_text(modality)} tokens"
        for modality, number in delivery.tokens_per_item.items()
    )
    return [
        f"Delivered per item: {delivery.frames_per_item:.1f} frames, "
        f"{delivery.audio_seconds_per_item:.1f} s of sound{tokens}",
        *(
            f"  {plain_text(note)}: {count_of(items, 'item')}"
            for note, items in delivery.notes.items()
        ),
        *_reason_lines(delivery, clips=clips),
    ]


def _reason_lines(delivery: DeliverySummary, *, clips: bool) -> list[str]:
    reasons = dict(delivery.reasons)
    if not clips:
        reasons.pop(DeliveryStatus.MISSING, None)
    lines = [f"  {line}" for line in reason_lines(reasons)]
    return ["Why items have no answer:", *lines] if lines else []


def _warning_lines(results: Results) -> list[str]:
    return [f"Warning: {plain_text(warning, 500)}" for warning in results.warnings]

"""A run as the API gives it: its scores as a table, a data frame, and HTML for a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from emoreal_bench.contracts.comparison import AVERAGE
from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.contracts.scores import Interval, Results, SubtaskScores
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, Scoring
from emoreal_bench.printable import plain_text
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.terminal.scores import score_table
from emoreal_bench.running.results import load_report
from emoreal_bench.text import (
    UNDEFINED,
    count_of,
    percent,
    percent_interval,
    percent_of_whole,
    words,
)

if TYPE_CHECKING:
    import pandas as pd
_BAR_WIDTH, _BAR_HEIGHT = 160, 14
_NOT_NUMBERS = ("n", "outcomes", "intervals", "notes", "per_class", "confusion")


@dataclass(frozen=True, slots=True)
class RunReport(FinishedRun):
    """What a run says, for who asked for it: a notebook shows it as it is."""

    @classmethod
    def load(cls, folder: Path) -> RunReport:
        """Read a finished run.

        Raises:
            RunError: If the folder holds no finished run.
        """
        run = load_report(folder)
        return cls(run.manifest, run.results, run.timings, run.folder)

    def to_pandas(self) -> pd.DataFrame:
        """Return every score as a row of a data frame, numbers in 0..1.

        Raises:
            MissingExtraError: If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("A data frame", "pandas") from error
        return pd.DataFrame(list(score_rows(self.results)))

    def table(self) -> Table:
        """Return the headline scores as a table to print with rich; a notebook shows it as is.

        Raises:
            UsageError: If the run has no scores, as that of a judge.
        """
        for scoring in (HEADLINE_SCORING, *Scoring):
            if scoring in self.results.scores:
                return score_table(self.results, scoring)
        raise UsageError("This run has no scores; the run of a judge has judgements instead.")

    def _repr_html_(self) -> str:
        """Show the run in a notebook."""
        return report_html(self)


def score_rows(results: Results) -> Iterator[dict[str, Any]]:
    """Return every score as a row: scoring, kind, name, then numbers and their intervals.

    Kinds are ``average``, ``subtask``, ``question_type`` and ``slice``. A number
    that does not apply is absent; one that is not defined is None.
    """
    for scoring, report in results.scores.items():
        average = {"accuracy": report.average_accuracy}
        bounds = _bounds("accuracy", report.average_accuracy_interval)
        yield {"scoring": scoring, "kind": "average", "name": AVERAGE} | average | bounds
        groups = {"subtask": report.subtasks, "question_type": report.question_types}
        for kind, group in groups.items():
            for name, scores in group.items():
                yield {"scoring": scoring, "kind": kind, "name": name} | _numbers(scores)
        for key, parts in report.slices.items():
            for value, scores in parts.items():
                place = {"scoring": scoring, "kind": "slice", "name": f"{key}: {value}"}
                yield place | _numbers(scores)


def report_html(report: FinishedRun) -> str:
    """Write a run as a piece of HTML: who was asked what, and the headline scores.

    Everything that others named is escaped. Numbers stand beside every bar.
    """
    manifest, results = report.manifest, report.results
    coverage = results.coverage
    heading = f"{plain_text(manifest.model.name)} on {plain_text(manifest.task)}"
    facts = (
        f"Variant {plain_text(manifest.request.variant)}, "
        f"coverage {percent_of_whole(coverage.fraction)} %: {coverage.covered:,} of "
        f"{count_of(coverage.items, 'item')}"
        f"{f', shard {manifest.shard}' if manifest.shard else ''}."
    )
    scoring = HEADLINE_SCORING if HEADLINE_SCORING in results.scores else None
    rows = [
        row
        for row in score_rows(results)
        if row["scoring"] == scoring and row["kind"] in ("average", "subtask")
    ]
    body = "".join(_row_html(row) for row in rows)
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("", "n", "accuracy, %", "at 95 %", "0 to 100 %")
    )
    table = (
        f"<table><caption>{escape(str(scoring))} scoring</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        if rows
        else ""
    )
    return f"<div><strong>{escape(heading)}</strong><p>{escape(facts)}</p>{table}</div>"


def _numbers(scores: SubtaskScores) -> dict[str, Any]:
    named = scores.model_dump(exclude_unset=True, exclude=set(_NOT_NUMBERS))
    numbers: dict[str, Any] = {"n": scores.n} | named
    for metric, interval in scores.intervals.items():
        numbers |= _bounds(metric, interval)
    return numbers


def _bounds(metric: str, interval: Interval | None) -> dict[str, float]:
    if interval is None:
        return {}
    return {f"{metric}_low": interval[0], f"{metric}_high": interval[1]}


def _row_html(row: dict[str, Any]) -> str:
    accuracy: float | None = row.get("accuracy")
    low, high = row.get("accuracy_low"), row.get("accuracy_high")
    interval = None if low is None or high is None else (float(low), float(high))
    cells = (
        f"{row['n']:,}" if "n" in row else "",
        percent(accuracy),
        UNDEFINED if interval is None else percent_interval(interval),
    )
    return (
        f'<tr><th scope="row">{escape(words(row["name"]))}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + f"<td>{_bar(accuracy, interval)}</td></tr>"
    )


def _bar(value: float | None, interval: Interval | None) -> str:
    """Draw an accuracy as a dot on its interval; the numbers beside it say the same."""
    if value is None:
        return ""
    middle = _BAR_HEIGHT / 2
    line = ""
    if interval is not None:
        low, high = (_BAR_WIDTH * bound for bound in interval)
        line = f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="currentColor" stroke-width="3"/>'
    return (
        f'<svg width="{_BAR_WIDTH}" height="{_BAR_HEIGHT}" aria-hidden="true">'
        f'<path d="M0 {middle}H{_BAR_WIDTH}" stroke="currentColor" opacity="0.25"/>{line}'
        f'<circle cx="{_BAR_WIDTH * value:.1f}" cy="{middle}" r="2.5" fill="currentColor"/></svg>'
    )

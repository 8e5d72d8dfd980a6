"""One table of a leaderboard: the rows of a group under one scoring, ranked and aligned."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from emoreal_bench.comparing.paired import ClipSums
from emoreal_bench.contracts.scores import Interval
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.leaderboard.breakdowns import Breakdown, make_breakdown
from emoreal_bench.reporting.leaderboard.columns import (
    Cell,
    Column,
    NumberKey,
    choose_columns,
    write_cell,
)
from emoreal_bench.reporting.leaderboard.rows import (
    Badge,
    Row,
    measured_row,
    merge_identical,
    sort_rows,
    tell_apart,
    with_ranks,
)


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row with its cells in the order of the table's columns."""

    row: Row
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """Rows that are sorted among themselves; those of another body never mix with them."""

    title: str
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """All rows under one scoring.

    Attributes:
        scoring: Which.
        columns: Columns after rank, model, coverage and average.
        families: Headings over neighbouring columns, and how many each spans.
        bodies: Ranked rows first, then those below full coverage, fine-tuned ones, and
            reported ones.
        blind_band: Lowest and highest average that needs no clip, as far as known.
        chance: Average accuracy of guessing.
        ranks_are_paired: Whether ranks come from paired tests rather than from intervals.
        breakdown: Slices and confusion tables of the rows; None if no run has any.
    """

    scoring: Scoring
    columns: tuple[Column, ...]
    families: tuple[tuple[str, int], ...]
    bodies: tuple[Body, ...]
    blind_band: Interval | None
    chance: float | None
    ranks_are_paired: bool = False
    breakdown: Breakdown | None = None

    @property
    def has_ranks(self) -> bool:
        """Return whether any row holds a rank."""
        return any(row.rank for row in self.rows)

    @property
    def rows(self) -> list[Row]:
        """All rows in the order shown."""
        return [table_row.row for body in self.bodies for table_row in body.rows]


@dataclass(frozen=True, slots=True)
class RunExtras:
    """What a leaderboard knows of runs beyond their results.

    Attributes:
        pages: Address of a run's page by run folder.
        scores: What each clip adds to the score, by run folder, for paired tests.
        reproduced: Folders of the runs that the publisher has reproduced.
    """

    pages: Mapping[Path, str] = field(default_factory=dict)
    scores: Mapping[Path, Mapping[Scoring, ClipSums]] = field(default_factory=dict)
    reproduced: frozenset[Path] = frozenset()

    def scores_under(self, scoring: Scoring) -> dict[Path, ClipSums]:
        """Return the scores of the runs that have some under a scoring."""
        return {
            folder: by_scoring[scoring]
            for folder, by_scoring in self.scores.items()
            if scoring in by_scoring
        }


def make_table(
    runs: Sequence[FinishedRun], scoring: Scoring, reported: Sequence[Row], extras: RunExtras
) -> Table:
    """Make the table of one scoring.

    Args:
        runs: Of one group; those without this scoring are left out.
        scoring: Which.
        reported: Rows of publications that stand beside.
        extras: What is known beyond the results.
    """
    scored = [run for run in runs if scoring in run.results.scores]
    scores = extras.scores_under(scoring)
    rows = sort_rows([_linked(measured_row(run, scoring), extras) for run in scored])
    measured = tell_apart(merge_identical(rows, scores))
    zero_shot = [row for row in measured if not row.is_fine_tuned]
    clips = max((run.manifest.data.clips for run in scored), default=0)
    full, are_paired = with_ranks([row for row in zero_shot if row.is_full], scores, clips)
    partial = [row for row in zero_shot if not row.is_full]
    fine_tuned = [row for row in measured if row.is_fine_tuned]
    chances = chances_of(scored, scoring)
    columns = choose_columns(list(chances), [row.numbers for row in (*measured, *reported)])
    bodies = (
        ("", full),
        ("Below full coverage: not ranked", partial),
        ("Fine-tuned on this data set: not ranked with zero-shot rows", fine_tuned),
        ("Reported by others: not ranked, beside the measured rows only for orientation", reported),
    )
    return Table(
        scoring=scoring,
        columns=tuple(column for _, column in columns),
        families=_families([column for _, column in columns]),
        bodies=tuple(
            Body(title, tuple(_table_row(row, columns) for row in rows))
            for title, rows in bodies
            if rows
        ),
        blind_band=_blind_band(full),
        # Where nothing is scored, as of free descriptions, there is nothing to guess either.
        chance=_average(chances.values()) if any(row.average for row in measured) else None,
        ranks_are_paired=are_paired,
        breakdown=make_breakdown(measured),
    )


def _blind_band(rows: Sequence[Row]) -> Interval | None:
    """Span what needs no clip: blind models, and always the most frequent right answer."""
    blind = [row.average.value for row in rows if row.is_blind and row.average]
    for row in rows[:1]:  # The most frequent answer is a property of the items, whoever was asked.
        subtasks = row.report.scored_subtasks.values() if row.report else ()
        commonest = _average([scores.majority_baseline for scores in subtasks])
        blind += [] if commonest is None else [commonest]
    return (min(blind), max(blind)) if blind else None


def _linked(row: Row, extras: RunExtras) -> Row:
    if row.folder is None:
        return row
    badge = Badge.REPRODUCED if row.folder in extras.reproduced else row.badge
    return replace(row, page=extras.pages.get(row.folder, ""), badge=badge)


def _table_row(row: Row, columns: Sequence[tuple[NumberKey, Column]]) -> TableRow:
    return TableRow(row, tuple(write_cell(key, row.numbers.get(key)) for key, _ in columns))


def _families(columns: Sequence[Column]) -> tuple[tuple[str, int], ...]:
    families: list[tuple[str, int]] = []
    for column in columns:
        if families and families[-1][0] == column.family:
            families[-1] = (column.family, families[-1][1] + 1)
        else:
            families.append((column.family, 1))
    return tuple(families)


def chances_of(runs: Sequence[FinishedRun], scoring: Scoring) -> dict[str, float | None]:
    """Return the accuracy of guessing by subtask that is scored, in the order of the task."""
    return {
        name: scores.chance
        for run in runs
        if scoring in run.results.scores
        for name, scores in run.results.scores[scoring].scored_subtasks.items()
    }


def _average(values: Collection[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None

"""A closer look at the rows of a table: accuracy by slice, and right answers by given ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from emoreal_bench.contracts.scores import Interval, ScoringReport, SubtaskScores
from emoreal_bench.identity import hash_text, short
from emoreal_bench.printable import plain_text
from emoreal_bench.reporting.confusion import HEAT_LEVELS, Confusion, make_confusions
from emoreal_bench.reporting.leaderboard.rows import Row
from emoreal_bench.text import words


@dataclass(frozen=True, slots=True)
class SliceCell:
    """What a model reaches on one group of items.

    Attributes:
        accuracy: 0..1.
        interval: At 95 percent, if there is one.
        uar: Unweighted average recall, where the answers are labels.
        n: Items that the accuracy speaks of.
        level: Shade by the accuracy, 0 to :data:`HEAT_LEVELS`.
    """

    accuracy: float
    interval: Interval | None
    uar: float | None
    n: int
    level: int


@dataclass(frozen=True, slots=True)
class SliceTable:
    """Models by the values of one metadata key.

    Attributes:
        name: Of the key.
        groups: The values, and how many items have each.
        rows: Of the table, in its order; None where a model has no accuracy.
        notes: Which groups are too small to be shown.
    """

    name: str
    groups: tuple[tuple[str, int], ...]
    rows: tuple[tuple[Row, tuple[SliceCell | None, ...]], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelConfusions:
    """The tables of right and given answers of one row, and where they stand on the page."""

    anchor: str
    row: Row
    confusions: tuple[Confusion, ...]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Everything that a table's page of details shows."""

    slices: tuple[SliceTable, ...]
    models: tuple[ModelConfusions, ...]


def make_breakdown(rows: Sequence[Row]) -> Breakdown | None:
    """Gather the slices and the confusion tables of rows; None if they have neither."""
    reports = [(row, row.report) for row in rows if row.report is not None]
    keys = dict.fromkeys(key for _, report in reports for key in report.slices)
    slices = tuple(table for key in keys if (table := _slice_table(key, reports)).groups)
    models = _confusions(reports)
    return Breakdown(slices, models) if slices or models else None


def _slice_table(key: str, reports: Sequence[tuple[Row, ScoringReport]]) -> SliceTable:
    sizes: dict[str, int] = {}
    for _, report in reports:
        for value, scores in report.slices.get(key, {}).items():
            sizes.setdefault(value, sum(scores.outcomes.values()))
    notes = dict.fromkeys(
        plain_text(note, 500)
        for _, report in reports
        for note in report.notes
        if note.startswith(f"{key}: ")
    )
    return SliceTable(
        name=words(key),
        groups=tuple((words(value), items) for value, items in sizes.items()),
        rows=tuple(
            (row, tuple(_slice_cell(report.slices.get(key, {}).get(value)) for value in sizes))
            for row, report in reports
        ),
        notes=tuple(notes),
    )


def _slice_cell(scores: SubtaskScores | None) -> SliceCell | None:
    if scores is None or scores.accuracy is None:
        return None
    interval = scores.intervals.get("accuracy")
    level = round(HEAT_LEVELS * scores.accuracy)
    return SliceCell(scores.accuracy, interval, scores.uar, scores.n, level)


def _confusions(reports: Sequence[tuple[Row, ScoringReport]]) -> tuple[ModelConfusions, ...]:
    seen: Counter[str] = Counter()
    models = []
    for row, report in reports:
        if confusions := make_confusions(report):
            anchor = f"run-{short(hash_text(row.run_key))}"
            seen[anchor] += 1
            if seen[anchor] > 1:
                anchor = f"{anchor}-{seen[anchor]}"
            models.append(ModelConfusions(anchor, row, confusions))
    return tuple(models)

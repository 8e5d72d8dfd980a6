"""Which tables of a leaderboard are files beside its pages, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from emoreal_bench.reporting.exports.table_files import (
    ExportLinks,
    Sheet,
    TableExport,
    write_table_files,
)
from emoreal_bench.reporting.leaderboard.breakdowns import ModelConfusions, SliceTable
from emoreal_bench.reporting.leaderboard.conditions import ConditionCell, ConditionTable
from emoreal_bench.reporting.leaderboard.figures import HeatMap
from emoreal_bench.reporting.leaderboard.groups import Group, slug
from emoreal_bench.reporting.leaderboard.rows import Row
from emoreal_bench.reporting.leaderboard.tables import Table, TableRow
from emoreal_bench.text import UNDEFINED, percent, percent_interval, points


def write_exports(group: Group, out: Path) -> dict[str, ExportLinks]:
    """Write every table of a group in every format.

    Args:
        group: The tables.
        out: Folder of the site.

    Returns:
        By the id of a table on its page, each format and its address.

    Raises:
        RunError: If a file cannot be written.
    """
    return {export.name: write_table_files(export, out) for export in _exports(group)}


def slice_id(table_id: str, position: int, slices: SliceTable) -> str:
    """Name a table of slices, the ``position``-th of its page."""
    return f"{table_id}-slices-{position}-{slug(slices.name)}"


def _exports(group: Group) -> Iterator[TableExport]:
    for condition in group.under_conditions:
        yield from _exports(condition)
    about = {"task": group.title, "variant": group.how_asked}
    if group.conditions is not None:
        yield _condition_export(group.conditions_id, about, group.facts, group.conditions)
    if group.heat_map.rows:
        yield heat_map_export(f"{group.anchor}-heat", about, group.facts, group.heat_map)
    for table in group.tables:
        name, scored = group.table_id(table), {**about, "scoring": table.scoring.value}
        yield TableExport(
            name, scored, group.facts, list(_score_records(table)), [_score_sheet(group, table)]
        )
        if table.breakdown is None:
            continue
        for position, slices in enumerate(table.breakdown.slices, start=1):
            part = {**scored, "slices": slices.name}
            yield TableExport(
                slice_id(name, position, slices),
                part,
                group.facts,
                list(_slice_records(slices)),
                [_slice_sheet(slices, ", ".join(part.values()))],
            )
        if table.breakdown.models:
            models = table.breakdown.models
            yield TableExport(
                f"{name}-confusion",
                scored,
                group.facts,
                list(_confusion_records(models)),
                list(_confusion_sheets(models)),
            )


def _score_records(table: Table) -> Iterator[dict[str, Any]]:
    for row in table.rows:
        average = row.average
        lower, upper = (average.interval if average else None) or (None, None)
        record: dict[str, Any] = {
            "rank_best": row.rank[0] if row.rank else None,
            "rank_worst": row.rank[1] if row.rank else None,
            "model": row.model,
            "source": row.badge.value,
            "label": row.label,
            "coverage": float(row.coverage.sort) if row.coverage else None,
            "average_accuracy": average.value if average else None,
            "average_accuracy_lower": lower,
            "average_accuracy_upper": upper,
        }
        for (metric, subtask), number in row.numbers.items():
            record[f"{metric}.{subtask}" if subtask else metric] = number.value
        yield record


def _score_sheet(group: Group, table: Table) -> Sheet:
    headings = ["Rank", "Model", "Source", "Coverage", "Average accuracy"] + [
        f"{column.family}: {column.label}" if column.family else column.label
        for column in table.columns
    ]
    caption = f"{group.title}, {group.how_asked}, {table.scoring} scoring, in percent"
    rows = [_score_cells(row) for body in table.bodies for row in body.rows]
    return Sheet(caption, headings, rows, names=3)


def _score_cells(table_row: TableRow) -> list[str]:
    row = table_row.row
    return [
        _rank(row),
        named(row),
        row.badge.value,
        row.coverage.text if row.coverage else UNDEFINED,
        _average(row),
        *(cell.text for cell in table_row.cells),
    ]


def named(row: Row) -> str:
    """Name a model with what stands beside its name."""
    return f"{row.model} ({row.label})" if row.label else row.model


def _rank(row: Row) -> str:
    if row.rank is None:
        return UNDEFINED
    best, worst = row.rank
    return str(best) if best == worst else f"{best}\N{EN DASH}{worst}"


def _average(row: Row) -> str:
    if row.average is None:
        return UNDEFINED
    interval = f" ({percent_interval(row.average.interval)})" if row.average.interval else ""
    caveat = f", {row.caveat}" if row.caveat else ""
    return f"{percent(row.average.value)}{interval}{caveat}"


def heat_map_export(
    name: str, about: Mapping[str, str], facts: Sequence[str], heat_map: HeatMap
) -> TableExport:
    """Make the files of a heat map, which shows accuracies by model and column."""
    records: list[dict[str, Any]] = []
    rows = []
    for row, cells in heat_map.rows:
        values = zip(heat_map.columns, cells, strict=True)
        records.append(
            {"model": row.model, "label": row.label}
            | {column: cell.accuracy if cell else None for column, cell in values}
        )
        rows.append([named(row), *(percent(cell.accuracy if cell else None) for cell in cells)])
    caption = f"{', '.join(about.values())}: accuracy, strict scoring, in percent"
    return TableExport(
        name, about, facts, records, [Sheet(caption, ["Model", *heat_map.columns], rows)]
    )


def _condition_export(
    name: str, about: Mapping[str, str], facts: Sequence[str], table: ConditionTable
) -> TableExport:
    records: list[dict[str, Any]] = []
    rows = []
    for row, cells in table.rows:
        average = row.average.value if row.average else None
        record: dict[str, Any] = {"model": row.model, "label": row.label, "full": average}
        for condition, cell in zip(table.conditions, cells, strict=True):
            lower, upper = (cell.interval if cell else None) or (None, None)
            record |= {
                condition: cell.accuracy if cell else None,
                f"{condition}: change": cell.change if cell else None,
                f"{condition}: change_lower": lower,
                f"{condition}: change_upper": upper,
            }
        records.append(record)
        rows.append([named(row), percent(average), *map(_condition_text, cells)])
    caption = f"{', '.join(about.values())}: average accuracy under strict by condition, in percent"
    sheet = Sheet(caption, ["Model", "In full", *table.conditions], rows)
    return TableExport(name, about, facts, records, [sheet])


def _condition_text(cell: ConditionCell | None) -> str:
    if cell is None:
        return UNDEFINED
    more = cell.caveat if cell.change is None else points(cell.change)
    return f"{percent(cell.accuracy)} ({more})" if more else percent(cell.accuracy)


def _slice_records(slices: SliceTable) -> Iterator[dict[str, Any]]:
    for row, cells in slices.rows:
        for (value, items), cell in zip(slices.groups, cells, strict=True):
            if cell is not None:
                lower, upper = cell.interval or (None, None)
                yield {
                    "model": row.model,
                    "label": row.label,
                    "coverage": float(row.coverage.sort) if row.coverage else None,
                    slices.name: value,
                    "items": items,
                    "scored_items": cell.n,
                    "accuracy": cell.accuracy,
                    "accuracy_lower": lower,
                    "accuracy_upper": upper,
                    "uar": cell.uar,
                }


def _slice_sheet(slices: SliceTable, about: str) -> Sheet:
    headings = ["Model", *(f"{value} ({items})" for value, items in slices.groups)]
    rows = [
        [_with_caveat(row), *(percent(cell.accuracy if cell else None) for cell in cells)]
        for row, cells in slices.rows
    ]
    return Sheet(f"{about}: accuracy in percent (items)", headings, rows)


def _confusion_records(models: Sequence[ModelConfusions]) -> Iterator[dict[str, Any]]:
    for model in models:
        for confusion in model.confusions:
            for gold, cells in confusion.rows:
                yield {
                    "model": model.row.model,
                    "label": model.row.label,
                    "subtask": confusion.name,
                    "right_answer": gold,
                    **{
                        f"given.{answer}": cell.count
                        for answer, cell in zip(confusion.answers, cells, strict=True)
                    },
                }


def _confusion_sheets(models: Sequence[ModelConfusions]) -> Iterator[Sheet]:
    for model in models:
        for confusion in model.confusions:
            yield Sheet(
                f"{_with_caveat(model.row)}, {confusion.name}: items by right and given answer",
                ["Right answer", *confusion.answers],
                [[gold, *(str(cell.count) for cell in cells)] for gold, cells in confusion.rows],
            )


def _with_caveat(row: Row) -> str:
    return f"{named(row)}, {row.caveat}" if row.caveat else named(row)

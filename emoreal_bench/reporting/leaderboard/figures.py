"""The figures of a leaderboard: task and subtask by model, and accuracy against hallucination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emoreal_bench.reporting.confusion import HEAT_LEVELS
from emoreal_bench.reporting.leaderboard.columns import Number
from emoreal_bench.reporting.leaderboard.rows import Row
from emoreal_bench.text import words


@dataclass(frozen=True, slots=True)
class HeatCell:
    """Accuracy in one column, shaded by how far it is above chance."""

    accuracy: float
    level: int
    is_below_chance: bool


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Accuracies by model and subtask, or by model and task."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Row, tuple[HeatCell | None, ...]], ...]


@dataclass(frozen=True, slots=True)
class ScatterPoint:
    """One model: how often it hallucinates, and how often it is right."""

    number: int
    row: Row
    rate: float
    accuracy: float


def make_heat_map(rows: Sequence[Row], chances: Mapping[str, float | None]) -> HeatMap:
    """Shade every accuracy by its way from chance to 1.

    Args:
        rows: Rows of full coverage, in the order to be shown.
        chances: Accuracy of guessing by subtask; None counts as 0.
    """
    return HeatMap(
        columns=tuple(words(subtask) for subtask in chances),
        rows=tuple(
            (
                row,
                tuple(
                    _heat_cell(row.numbers.get(("accuracy", subtask)), chance)
                    for subtask, chance in chances.items()
                ),
            )
            for row in rows
        ),
    )


def make_overview(
    columns: Sequence[tuple[str, Sequence[Row], float | None]],
) -> HeatMap:
    """Set the average accuracies of every model on every task side by side.

    Rows of several tasks are one model's if their weights, or else their names,
    and their settings are the same. Models come in the order of their names.

    Args:
        columns: For each task its name, its rows of full coverage, and the accuracy
            of guessing.
    """
    first: dict[str, Row] = {}
    cells: list[dict[str, HeatCell | None]] = []
    for _, rows, chance in columns:
        # Of several runs of one model the last, lowest one counts: nobody gains by asking again.
        by_model = {row.model_key: row for row in rows}
        first = by_model | first
        cells.append({key: _heat_cell(row.average, chance) for key, row in by_model.items()})
    ordered = sorted(first.items(), key=lambda pair: (pair[1].model, pair[0]))
    return HeatMap(
        columns=tuple(name for name, _, _ in columns),
        rows=tuple((row, tuple(column.get(key) for column in cells)) for key, row in ordered),
    )


def _heat_cell(number: Number | None, chance: float | None) -> HeatCell | None:
    if number is None:
        return None
    chance = chance or 0.0
    above = (number.value - chance) / (1 - chance) if chance < 1 else 0.0
    return HeatCell(
        accuracy=number.value,
        level=round(HEAT_LEVELS * max(0.0, above)),
        is_below_chance=number.value < chance,
    )


def make_scatter(rows: Sequence[Row]) -> tuple[ScatterPoint, ...]:
    """Number the rows that have both an average accuracy and a hallucination rate.

    Args:
        rows: Rows of full coverage, in the order to be numbered.
    """
    pairs = [
        (row, row.numbers["hallucination_rate", ""].value, row.average.value)
        for row in rows
        if row.average and ("hallucination_rate", "") in row.numbers
    ]
    return tuple(
        ScatterPoint(number, row, rate, accuracy)
        for number, (row, rate, accuracy) in enumerate(pairs, start=1)
    )

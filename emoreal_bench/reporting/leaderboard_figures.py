"""The two figures of a leaderboard: subtask by model, and accuracy against hallucination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emoreal_bench.reporting.confusion import HEAT_LEVELS
from emoreal_bench.reporting.leaderboard_rows import Row
from emoreal_bench.reporting.text import percent, words


@dataclass(frozen=True, slots=True)
class HeatCell:
    """Accuracy on one subtask, shaded by how far it is above chance."""

    text: str
    level: int
    is_below_chance: bool


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Subtask by model."""

    subtasks: tuple[str, ...]
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
        subtasks=tuple(words(subtask) for subtask in chances),
        rows=tuple(
            (row, tuple(_heat_cell(row, name, chance or 0.0) for name, chance in chances.items()))
            for row in rows
        ),
    )


def _heat_cell(row: Row, subtask: str, chance: float) -> HeatCell | None:
    number = row.numbers.get(("accuracy", subtask))
    if number is None:
        return None
    above = (number.value - chance) / (1 - chance) if chance < 1 else 0.0
    return HeatCell(
        text=percent(number.value),
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

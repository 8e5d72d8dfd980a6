"""Right answers against given ones as pages show them: counts, shares of the row, shades."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup

from emoreal_bench.contracts.scores import ScoringReport
from emoreal_bench.text import percent, words

HEAT_LEVELS = 10
"""Shades of a cell above none."""


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """How often one gold class got one answer.

    Attributes:
        count: Items.
        share: Of the items of the gold class, in percent; undefined where it has none.
        level: Shade by the share, 0 to :data:`HEAT_LEVELS`.
        is_right: Whether the answer is the gold class.
    """

    count: int
    share: str
    level: int
    is_right: bool


@dataclass(frozen=True, slots=True)
class Confusion:
    """Gold classes by answers, of one subtask under one scoring."""

    name: str
    answers: tuple[str, ...]
    rows: tuple[tuple[str, tuple[ConfusionCell, ...]], ...]


def make_confusions(report: ScoringReport) -> tuple[Confusion, ...]:
    """Lay out the table of every subtask that has one, in the order of the task."""
    return tuple(
        _make_confusion(name, scores.confusion)
        for name, scores in report.subtasks.items()
        if scores.confusion
    )


def _make_confusion(name: str, counts: Mapping[str, Mapping[str, int]]) -> Confusion:
    answers = list(dict.fromkeys(answer for row in counts.values() for answer in row))
    return Confusion(
        name=words(name),
        answers=tuple(words(answer) for answer in answers),
        rows=tuple((words(gold), _cells(gold, row, answers)) for gold, row in counts.items()),
    )


def _cells(gold: str, row: Mapping[str, int], answers: list[str]) -> tuple[ConfusionCell, ...]:
    total = sum(row.values())
    return tuple(_cell(row.get(answer, 0), total, answer == gold) for answer in answers)


@lru_cache(maxsize=16384)
def _cell(count: int, total: int, is_right: bool) -> ConfusionCell:
    share = count / total if total else None
    return ConfusionCell(count, percent(share), round(HEAT_LEVELS * (share or 0.0)), is_right)


def confusion_cells(cells: Iterable[ConfusionCell]) -> Markup:
    """Write the cells of a row in HTML.

    A site has tens of thousands of them, which a template takes seconds for.
    """
    # Markup: numbers and words of ours, nothing that a run says.
    return Markup("".join(map(_cell_html, cells)))  # noqa: S704


@lru_cache(maxsize=4096)
def _cell_html(cell: ConfusionCell) -> str:
    frame = " right-answer" if cell.is_right else ""
    share = f"<small>{cell.share} %</small>" if cell.count else ""
    return f'<td class="heat-{cell.level}{frame}">{cell.count:,}{share}</td>'

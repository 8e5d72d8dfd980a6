"""Which questions all models fail, and on which they disagree: many models per question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emoreal_bench.comparing.ranks import has_items
from emoreal_bench.comparing.runs import load_answers
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, AnswerKind
from emoreal_bench.printable import plain_text
from emoreal_bench.reporting.leaderboard.rows import Row
from emoreal_bench.reporting.leaderboard.tables import Table
from emoreal_bench.text import words

MOST_QUESTIONS = 300
"""Of each kind; more would be a file to compute with, not a page to read."""
MOST_MODELS = 20
_FEWEST_MODELS = 2


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question, and which of the models have it right, in the order of the columns."""

    id: str
    subtask: str
    question: str
    gold: str
    right: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class QuestionTable:
    """Models by question, under strict scoring.

    Attributes:
        models: The best first, blind baselines apart.
        left_out: How many models more there are.
        counts: Of all questions: all models fail, they disagree, all are right.
        failed: Those that all models fail.
        disputed: Those on which they disagree, most failed first.
    """

    models: tuple[Row, ...]
    left_out: int
    counts: tuple[int, int, int]
    failed: tuple[QuestionRow, ...]
    disputed: tuple[QuestionRow, ...]


def make_question_table(table: Table) -> QuestionTable | None:
    """Set models side by side on every question; None if fewer than two can be.

    Only complete runs count, since a question that never reached a model tells nothing.

    Args:
        table: The headline table of a group.

    Raises:
        RunError: If the plan of a run is damaged.
    """
    rows = [row for row in table.rows if row.is_full and not row.is_blind and has_items(row.folder)]
    runs = [
        load_answers(row.folder, [HEADLINE_SCORING]) for row in rows[:MOST_MODELS] if row.folder
    ]
    if len(runs) < _FEWEST_MODELS:
        return None
    first = runs[0]
    scored = [
        place
        for place, item in enumerate(first.items)
        if first.task.subtasks[item.subtask].answer is not AnswerKind.OPEN
    ]
    # One column per run; runs of one table have the same items in the same order.
    right = np.stack([run.right(HEADLINE_SCORING) for run in runs], axis=1)
    able = right.sum(axis=1)
    failed = [place for place in scored if able[place] == 0]
    disputed = [place for place in scored if 0 < able[place] < len(runs)]
    disputed.sort(key=lambda place: (int(able[place]), place))

    def question_rows(places: Sequence[int]) -> tuple[QuestionRow, ...]:
        return tuple(
            _question_row(first.items[place], tuple(map(bool, right[place])))
            for place in places[:MOST_QUESTIONS]
        )

    return QuestionTable(
        models=tuple(rows[: len(runs)]),
        left_out=len(rows) - len(runs),
        counts=(len(failed), len(disputed), len(scored) - len(failed) - len(disputed)),
        failed=question_rows(failed),
        disputed=question_rows(disputed),
    )


def _question_row(item: Item, right: tuple[bool, ...]) -> QuestionRow:
    gold = next((one for one in item.choices if one.startswith(f"({item.answer})")), item.answer)
    return QuestionRow(
        id=plain_text(item.id),
        subtask=words(item.subtask),
        question=plain_text(item.question, 500),
        gold=plain_text(gold),
        right=right,
    )

"""Tables of right answers against given ones, for every kind of answer that has classes."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from sklearn.metrics import confusion_matrix

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.score import score
from tests.unit.scoring.scoring_data import (
    EMOTIONS,
    SEVEN,
    label_item,
    label_task,
    make_item,
    make_task,
    replies,
)

UNREADABLE = "a mix of everything"


def _yes_no(gold: int, number: int) -> Item:
    return make_item(str(number), "AB"[gold])


def _choice(gold: int, number: int) -> Item:
    return make_item(str(number), "ABCD"[gold], "reasoning_basic_audio", choices=EMOTIONS)


def _label(gold: int, number: int) -> Item:
    return label_item(str(number), SEVEN[gold])


@pytest.mark.parametrize(
    ("task", "make", "classes", "texts"),
    [
        (make_task(), _yes_no, ("yes", "no"), ("(A)", "(B)")),
        (make_task(), _choice, ("A", "B", "C", "D"), ("(A)", "(B)", "(C)", "(D)")),
        (label_task(), _label, SEVEN, SEVEN),
    ],
    ids=["yes or no", "choice", "label"],
)
def test_the_table_is_that_of_scikit_learn(
    task: Task,
    make: Callable[[int, int], Item],
    classes: tuple[str, ...],
    texts: tuple[str, ...],
) -> None:
    source = random.Random(7)
    gold = [source.randrange(len(classes)) for _ in range(200)]
    answers = [source.randrange(len(classes) + 1) for _ in gold]
    items = [make(right, number) for number, right in enumerate(gold)]
    given = replies(
        (item.id, (*texts, UNREADABLE)[answer]) for item, answer in zip(items, answers, strict=True)
    )
    report = score(task, items, given, scorings=[Scoring.STRICT]).scores["strict"]
    table = report.subtasks[items[0].subtask].confusion
    assert table is not None
    columns = (*classes, "unmapped")
    assert list(table) == list(classes)
    assert all(tuple(row) == columns for row in table.values())
    counts = [[row[column] for column in columns] for row in table.values()]
    oracle = confusion_matrix(gold, answers, labels=range(len(columns)))[: len(classes)]
    assert counts == oracle.tolist()

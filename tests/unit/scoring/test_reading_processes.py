"""Replies of large runs are read in two processes, and nobody can tell from the scores."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Scoring
from emoreal_bench.scoring import collect
from emoreal_bench.scoring.collect import Reply
from emoreal_bench.scoring.reading_processes import PlacedReply, SecondProcess, read_replies
from emoreal_bench.scoring.score import results_json, score

TASK = find_task("emorealm").task
CHOICES = ("(A) a smile", "(B) a frown", "(C) a shrug", "(D) a nod")
TEXTS = ("A", "(B)", "The answer is C.", "A or B", "", "not A but D", "I cannot say.")


def _items(count: int) -> list[Item]:
    return [
        Item(f"{n}", "reasoning_basic_video", "?", CHOICES, "ABCD"[n % 4], f"{n // 2}")
        for n in range(count)
    ]


def _replies(items: Sequence[Item], seed: int) -> list[Reply]:
    source = random.Random(seed)
    order = [item for item in items for _ in range(2)]
    source.shuffle(order)
    return [Reply(item.id, DeliveryStatus.OK, source.choice(TEXTS)) for item in order]


def _placed(items: Sequence[Item]) -> list[PlacedReply]:
    return [
        PlacedReply(n, item, DeliveryStatus.OK, TEXTS[n % len(TEXTS)])
        for n, item in enumerate(items)
    ]


def test_a_second_process_changes_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    items = _items(200)
    replies = _replies(items, seed=0)
    alone = results_json(score(TASK, items, replies))
    monkeypatch.setattr(collect, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr("emoreal_bench.scoring.reading_processes.BATCH", 30)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert results_json(score(TASK, items, replies)) == alone


def test_another_process_reads_as_this_one_does() -> None:
    replies = _placed(_items(20))
    with SecondProcess(TASK, [Scoring.STRICT]) as second:
        there = second.read(replies).result()
    here = [
        readings for _, readings in read_replies(TASK, [Scoring.STRICT], replies, are_many=False)
    ]
    assert there == here


def test_a_process_that_is_killed_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "emoreal_bench.scoring.reading_processes._PROGRAM", ("python3", "-c", "raise SystemExit(9)")
    )
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    replies = _placed(_items(20))
    alone = dict(read_replies(TASK, list(Scoring), replies, are_many=False))
    assert dict(read_replies(TASK, list(Scoring), replies, are_many=True)) == alone


def test_a_caller_that_stops_early_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(subprocess, "Popen", Recorded)
    with closing(
        read_replies(TASK, [Scoring.STRICT], _placed(_items(4)), are_many=True)
    ) as readings:
        next(readings)
    (process,) = started
    assert process.returncode is not None

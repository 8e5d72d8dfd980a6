"""What the harness holds per item: little, and no reply."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from benchmarks.overhead import MEMORY_BUDGET_BYTES, measure_all
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.running.runner import run_task
from tests.unit.running.fakes import FakeModel, plan_of

LONG_REPLY = "It is hard to say what the person feels here, but I think: (A). " * 20


class Forgetful(FakeModel):
    """Replies at length and, unlike the other fakes, remembers nothing."""

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        for request in requests:
            yield Result(request.id, DeliveryStatus.OK, LONG_REPLY)


def peak_bytes(tmp_path: Path, items: int) -> int:
    """Measure the most that a run holds at a time beyond its plan."""
    plan = plan_of(tmp_path, items=items, per_clip=100)
    # Where much else is held, as after other tests, Python seldom looks for old garbage.
    gc.collect()
    gc.freeze()
    gc.collect()
    tracemalloc.start()
    try:
        run_task(plan, Forgetful(), tmp_path / f"run-{items}")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.unfreeze()


def test_a_run_holds_no_replies(tmp_path: Path) -> None:
    peak_bytes(tmp_path, 1_000)  # What is made once, such as compiled rules, is made here.
    few, many = peak_bytes(tmp_path, 200), peak_bytes(tmp_path, 1_200)
    assert (many - few) / 1_000 < len(LONG_REPLY) / 2


def test_a_finished_item_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    write = os.write

    def note_and_write(file: int, data: bytes) -> int:
        written.append(data)
        return write(file, data)

    plan = plan_of(tmp_path, items=40)
    monkeypatch.setattr("emoreal_bench.record.files.os.write", note_and_write)
    run_task(plan, FakeModel(), tmp_path / "run")
    lines = [data for data in written if data.startswith(b'{"id":')]
    assert len(lines) == 40
    assert all(line.endswith(b"}\n") for line in lines)


@pytest.mark.long
def test_a_further_item_of_a_large_run_costs_at_most_a_kilobyte() -> None:
    few, many = measure_all([20_000, 60_000])
    assert (many.peak_bytes - few.peak_bytes) / 40_000 <= MEMORY_BUDGET_BYTES

"""Prints the most bytes that a run of each number of items holds beyond its plan.

Usage: python -m tests.unit.running.memory_of_runs FOLDER ITEMS [ITEMS ...]

A process of its own, so that nothing else allocates while it measures.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

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


def peak_bytes(folder: Path, items: int) -> int:
    """Measure the most that a run holds at a time beyond its plan."""
    plan = plan_of(folder, items=items, per_clip=100)
    gc.collect()
    tracemalloc.start()
    try:
        run_task(plan, Forgetful(), folder / f"run-{items}")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    root = Path(sys.argv[1])
    peak_bytes(root, 1_000)  # What is made once, such as compiled rules, is made here.
    sys.stdout.write(" ".join(str(peak_bytes(root, int(items))) for items in sys.argv[2:]))

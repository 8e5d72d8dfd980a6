"""What the harness holds per item: little, and no reply."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.overhead import MEMORY_BUDGET_BYTES, measure_all
from emoreal_bench.running.runner import run_task
from tests.unit.running.fakes import FakeModel, plan_of
from tests.unit.running.memory_of_runs import LONG_REPLY


def test_a_run_holds_no_replies(tmp_path: Path) -> None:
    module = "tests.unit.running.memory_of_runs"
    command = [sys.executable, "-m", module, str(tmp_path), "200", "1200"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    few, many = map(int, printed.split())
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

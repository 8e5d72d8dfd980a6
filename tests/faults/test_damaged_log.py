"""A log damaged anywhere is found and mended by asking again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emoreal_bench.contracts.run_record import ITEMS_FILE, RESULTS_FILE
from emoreal_bench.record.log import read_log
from emoreal_bench.running.runner import run_task
from tests.unit.running.fakes import FakeModel, plan_of

POSITIONS = 25


def ids_in(log: Path) -> set[str]:
    return {record["id"] for record in read_log(log)}


def resume(tmp_path: Path, damaged: bytes) -> tuple[set[str], set[str], bytes]:
    """Continue a run with a damaged log; give what was left, what was asked, and the results."""
    folder = tmp_path / "run"
    (folder / ITEMS_FILE).write_bytes(damaged)
    left = ids_in(folder / ITEMS_FILE)
    model = FakeModel()
    run_task(plan_of(tmp_path), model, folder)
    return left, set(model.asked), (folder / RESULTS_FILE).read_bytes()


def finished_run(tmp_path: Path) -> tuple[bytes, bytes]:
    run_task(plan_of(tmp_path), FakeModel(), tmp_path / "run")
    folder = tmp_path / "run"
    return (folder / ITEMS_FILE).read_bytes(), (folder / RESULTS_FILE).read_bytes()


def test_a_flipped_bit_is_mended_by_asking_again_and_nothing_else_is_asked(
    tmp_path: Path,
) -> None:
    sound, expected = finished_run(tmp_path)
    generator = np.random.default_rng(7)
    for position in generator.choice(len(sound), POSITIONS, replace=False):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << int(generator.integers(8))
        left, asked, results = resume(tmp_path, bytes(damaged))
        assert asked, position
        assert not asked & left, position
        assert len(asked) + len(left) == 6, position
        assert results == expected, position


def test_a_log_torn_anywhere_is_mended_by_asking_again(tmp_path: Path) -> None:
    sound, expected = finished_run(tmp_path)
    for length in np.random.default_rng(8).choice(len(sound), POSITIONS, replace=False):
        left, asked, results = resume(tmp_path, sound[:length])
        assert len(left) == sound[:length].count(b"\n"), length
        assert asked == {f"item-{number}" for number in range(6)} - left, length
        assert results == expected, length

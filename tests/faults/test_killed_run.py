"""A run that is killed, doubled or starved of disk loses nothing that was finished."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.run_record import ITEMS_FILE, PLAN_FILE, RESULTS_FILE
from emoreal_bench.running.merging import merge_runs
from tests.faults.killed_runs import ITEMS, ScriptedRun, make_scripted_run

KILLS = 10


def unbroken_results(tmp_path: Path) -> bytes:
    run = make_scripted_run(tmp_path / "unbroken")
    run.finish()
    return run.results()


def log_size(run: ScriptedRun) -> int:
    return run.log.stat().st_size if run.log.exists() else 0


def wait_for_log(run: ScriptedRun, size: int) -> None:
    """Wait until the log of a run that is under way has a size, in bytes."""
    patience = time.monotonic() + 60
    while log_size(run) < size:
        assert time.monotonic() < patience, "the run does not go on"
        time.sleep(0.0005)


def test_a_run_killed_at_ten_random_moments_ends_as_if_it_never_was(tmp_path: Path) -> None:
    # The delay is part of the script and so of the model: equal for both runs.
    run = make_scripted_run(tmp_path / "broken", delay=0.002)
    moments = np.sort(np.random.default_rng(20).uniform(0.02, 0.95, KILLS))
    unbroken = make_scripted_run(tmp_path / "unbroken", delay=0.002)
    unbroken.finish()
    for moment in moments:
        finished, asked_before = run.finished(), len(run.asked())
        process = run.start()
        # Where the log has this size already, the kill falls into the start.
        wait_for_log(run, int(moment * log_size(unbroken)))
        process.kill()
        process.communicate()
        assert not (run.folder / RESULTS_FILE).exists()
        assert not finished & set(run.asked()[asked_before:])
    assert len(run.finished()) < ITEMS, "the last kill came too late to prove anything"
    finished, asked_before = run.finished(), len(run.asked())
    run.finish()
    assert not finished & set(run.asked()[asked_before:])
    assert run.results() == unbroken.results()


def test_a_killed_shard_goes_on_and_joins_the_others(tmp_path: Path) -> None:
    unbroken = make_scripted_run(tmp_path / "unbroken", delay=0.002)
    unbroken.finish()
    run = make_scripted_run(tmp_path / "shards", delay=0.002)
    other = tmp_path / "other"
    run.finish(("--shard", "1/2", "--out", str(other)))
    asked_by_other = set(run.asked())
    process = run.start(more=("--shard", "2/2"))
    wait_for_log(run, log_size(unbroken) // 5)
    process.kill()
    process.communicate()
    finished, asked_before = run.finished(), len(run.asked())
    assert 0 < len(finished) < ITEMS - len(asked_by_other)
    run.finish(("--shard", "2/2"))
    assert not (finished | asked_by_other) & set(run.asked()[asked_before:])
    merge_runs([run.folder, other], tmp_path / "whole")
    assert (tmp_path / "whole" / RESULTS_FILE).read_bytes() == unbroken.results()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_says_how_to_continue(
    tmp_path: Path, number: signal.Signals
) -> None:
    run = make_scripted_run(tmp_path / "home", delay=0.01)
    process = run.start()
    wait_for_log(run, 1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert f"{len(run.finished())} of {ITEMS} items are finished" in errors
    assert "Continue with: emoreal-bench run --model scripted/" in errors
    assert "Traceback" not in errors
    run.finish()
    assert len(run.finished()) == ITEMS


def test_a_second_writer_is_refused_and_told_who_holds_the_run(tmp_path: Path) -> None:
    run = make_scripted_run(tmp_path / "home", delay=0.01)
    first = run.start()
    wait_for_log(run, 1)
    # On a busy machine it might else be done before the second has started.
    first.send_signal(signal.SIGSTOP)
    second = run.start()
    _, errors = second.communicate(timeout=60)
    assert second.returncode == ExitCode.INCOMPLETE
    assert f"Process {first.pid} is writing this run." in errors
    first.kill()
    first.communicate()
    run.finish()
    assert len(run.finished()) == ITEMS


def test_a_full_disk_stops_the_run_with_a_clear_error_and_it_can_go_on(tmp_path: Path) -> None:
    expected = unbroken_results(tmp_path)
    run = make_scripted_run(tmp_path / "home")
    plan_bytes = (tmp_path / "unbroken" / "run" / PLAN_FILE).stat().st_size
    log_bytes = (tmp_path / "unbroken" / "run" / ITEMS_FILE).stat().st_size
    limit = (plan_bytes + log_bytes) // 2
    assert plan_bytes < limit < log_bytes, "the plan has to fit and the log must not"
    process = run.start(largest_file=limit)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INCOMPLETE
    assert "items.jsonl: The file cannot be written: File too large." in errors
    assert "Traceback" not in errors
    assert 0 < len(run.finished()) < ITEMS
    assert run.log.read_bytes().endswith(b"}\n"), "half a line was left"
    run.finish()
    assert run.results() == expected

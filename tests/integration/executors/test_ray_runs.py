"""A run on a real Ray cluster: equal to the local one, whatever is killed while it goes on."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import ExitCode
from tests.faults.killed_runs import ITEMS, ScriptedRun, make_scripted_run
from tests.integration.executors.ray_processes import kill, processes_called, wait_until

COPY = "ray::ModelCopy"
BATCH = 4
"""Items that the scripted model takes at once, so that a copy has at most these with it."""


def _options(cluster: Any, copies: int = 2, *more: str) -> list[str]:
    return ["--executor", "ray", "--address", cluster.address, "--copies", str(copies), *more]


def _logged(run: ScriptedRun) -> dict[str, dict[str, Any]]:
    """Return the log by item, without what time tells."""
    lines = [json.loads(line) for line in run.log.read_text().splitlines()]
    assert len(lines) == len({line["id"] for line in lines}), "an item is recorded twice"
    left_out = ("seconds", "crc32", "attempts")
    return {
        line["id"]: {key: value for key, value in line.items() if key not in left_out}
        for line in lines
    }


def _unbroken(home: Path, delay: float) -> ScriptedRun:
    run = make_scripted_run(home, delay, failing=False)
    run.finish()
    return run


def _wait_for_items(run: ScriptedRun, number: int) -> None:
    wait_until(lambda: len(run.asked()) >= number, f"question {number}")


def test_a_run_by_copies_equals_the_run_of_this_process(cluster: Any, tmp_path: Path) -> None:
    local = _unbroken(tmp_path / "local", 0.0)
    spread = make_scripted_run(tmp_path / "spread")  # Two copies fail once each, of three tries.
    spread.finish(_options(cluster))
    assert spread.results() == local.results()
    assert _logged(spread) == _logged(local)
    assert not processes_called(COPY)


def test_a_copy_that_is_killed_is_replaced_and_only_its_items_are_asked_again(
    cluster: Any, tmp_path: Path
) -> None:
    delay = 0.02
    run = make_scripted_run(tmp_path / "run", delay, failing=False)
    process = run.start(more=_options(cluster))
    _wait_for_items(run, ITEMS // 4)
    kill(processes_called(COPY)[0])
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Copy" in errors
    assert "is lost" in errors
    again = Counter(run.asked()) - Counter({f"item-{number}": 1 for number in range(ITEMS)})
    # The script lets one item fail once, and a batch was with the copy.
    assert sum(again.values()) <= BATCH + 1
    assert run.results() == _unbroken(tmp_path / "unbroken", delay).results()


def test_a_machine_that_is_removed_costs_no_item(cluster: Any, tmp_path: Path) -> None:
    delay = 0.02
    third = cluster.add_node(num_cpus=2)
    run = make_scripted_run(tmp_path / "run", delay, failing=False)
    # As many copies as all machines hold, so that some are on the one that goes.
    process = run.start(more=_options(cluster, 4, "--per-copy", "cpus=1"))
    _wait_for_items(run, ITEMS // 4)
    cluster.remove_node(third)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert run.results() == _unbroken(tmp_path / "unbroken", delay).results()


def test_a_driver_that_is_killed_leaves_a_run_that_goes_on_and_no_copy(
    cluster: Any, tmp_path: Path
) -> None:
    delay = 0.02
    run = make_scripted_run(tmp_path / "run", delay, failing=False)
    process = run.start(more=_options(cluster))
    _wait_for_items(run, ITEMS // 4)
    process.kill()
    process.communicate()
    wait_until(lambda: not processes_called(COPY), "the end of the copies")
    finished, asked = run.finished(), len(run.asked())
    assert 0 < len(finished) < ITEMS
    run.finish(_options(cluster))
    assert not finished & set(run.asked()[asked:])
    assert run.results() == _unbroken(tmp_path / "unbroken", delay).results()


def test_ctrl_c_ends_the_copies_and_says_how_to_go_on(cluster: Any, tmp_path: Path) -> None:
    run = make_scripted_run(tmp_path / "run", 0.02, failing=False)
    process = run.start(more=_options(cluster))
    _wait_for_items(run, ITEMS // 4)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Continue with: emoreal-bench" in errors
    assert "Traceback" not in errors
    wait_until(lambda: not processes_called(COPY), "the end of the copies")


def test_copies_without_room_end_the_command_with_what_there_is(
    cluster: Any, tmp_path: Path
) -> None:
    run = make_scripted_run(tmp_path / "run", failing=False)
    more = ("--per-copy", "cpus=1,gpus=1", "--wait-for-copies", "3")
    process = run.start(more=_options(cluster, 1, *more))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == ExitCode.INCOMPLETE
    assert "has found no room in 3 s: it asks for 1 CPU and 1 GPU" in errors
    assert "0 GPU" in errors
    assert "Traceback" not in errors
    assert run.asked() == []


def test_a_cluster_of_its_own_ends_with_the_run(tmp_path: Path) -> None:
    run = make_scripted_run(tmp_path / "run", failing=False)
    run.finish(["--executor", "ray", "--copies", "2", "--per-copy", "cpus=0.5"])
    assert len(run.finished()) == ITEMS
    assert not processes_called(COPY)


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    run = make_scripted_run(tmp_path / "run", failing=False)
    process = run.start(more=["--executor", "ray", "--address", "127.0.0.1:1"])
    _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INCOMPLETE
    assert "127.0.0.1:1" in errors
    assert "Traceback" not in errors

"""Copies that are started once for all runs of one command, and end with it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.run_record import Timings
from emoreal_bench.executors.cluster import Actor, Cluster
from emoreal_bench.running.observer import RunObserver
from tests.integration.executors.ray_processes import kill, processes_called, wait_until
from tests.small_emorealm import gold_answers, make_data, write_script

COPY, DECODER = "ray::ModelCopy", "ray::ClipDecoder"
COPIES = 2
DECODERS = 4
"""On two machines; more than a clip may bring down."""
ITEMS = 12
MODALITIES = ("video", "audio", "text")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many processes of each kind this process has started on the cluster."""
    counted: Counter[str] = Counter()
    start = Cluster.start

    def start_and_count(self: Cluster, kind: type, *arguments: object, **options: object) -> Actor:
        counted[kind.__name__] += 1
        return start(self, kind, *arguments, **options)

    monkeypatch.setattr(Cluster, "start", start_and_count)
    return counted


def _model(home: Path) -> str:
    data = make_data(home / "data", items=ITEMS, per_clip=3, real=True)
    return write_script(home / "script.json", gold_answers(data), 3, MODALITIES)


def _options(cluster: Any, home: Path) -> api.RunOptions:
    ray = api.RayOptions(cluster.address, copies=COPIES)
    return api.RunOptions(runs=home / "runs", policy=api.RunPolicy(decode_workers=2), ray=ray)


def _probe(
    cluster: Any, home: Path, observe: Callable[[str], RunObserver] | None = None
) -> api.ProbeReport:
    options = _options(cluster, home)
    return api.probe(_model(home), "emorealm", home / "data", options, observe=observe)


def test_samples_are_drawn_from_copies_that_are_started_once(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: Counter[str]
) -> None:
    # The cluster was started elsewhere; relative paths are those of the command.
    monkeypatch.chdir(tmp_path)
    model, options = _model(Path()), _options(cluster, Path())
    folders = api.sample_answers(model, "emorealm", Path("data"), samples=3, options=options)
    reports = [api.load_run(folder) for folder in folders]
    assert [report.results.coverage.fraction for report in reports] == [1.0] * 3
    first, *later = (_loading_seconds(report.timings) for report in reports)
    assert first > 2 * max(later)
    assert started == {"ModelCopy": COPIES, "ClipDecoder": DECODERS}
    wait_until(lambda: not processes_called(COPY), "the end of the copies")


def _loading_seconds(timings: Timings | None) -> float:
    assert timings is not None
    assert timings.held_up is not None
    return timings.wall_seconds * timings.held_up.loading


def test_a_probe_starts_copies_and_decoders_once_and_again_only_those_that_die(
    cluster: Any, tmp_path: Path, started: Counter[str]
) -> None:
    def end_all_before_the_second(name: str) -> RunObserver:
        if "sound" in name:
            for process in processes_called(COPY) + processes_called(DECODER):
                kill(process)
        return RunObserver()

    report = _probe(cluster, tmp_path, end_all_before_the_second)
    assert len(report.conditions) > 2
    assert all(scores.coverage == 1.0 for scores in report.conditions.values())
    assert started == {"ModelCopy": 2 * COPIES, "ClipDecoder": 2 * DECODERS}
    wait_until(lambda: not processes_called(COPY) + processes_called(DECODER), "their end")


def test_ctrl_c_between_two_conditions_ends_the_copies(cluster: Any, tmp_path: Path) -> None:
    def interrupt_the_second(name: str) -> RunObserver:
        if "sound" in name:
            assert processes_called(COPY)
            raise KeyboardInterrupt
        return RunObserver()

    with pytest.raises(KeyboardInterrupt):
        _probe(cluster, tmp_path, interrupt_the_second)
    wait_until(lambda: not processes_called(COPY) + processes_called(DECODER), "their end")


def test_ctrl_c_in_a_later_condition_ends_the_copies_and_says_how_to_go_on(
    cluster: Any, tmp_path: Path
) -> None:
    model, asked = _model(tmp_path), tmp_path / "asked"
    script = tmp_path / "script.json"
    script.write_text(script.read_text().replace("{", '{"delay": 0.2, ', 1))
    command = [
        *(sys.executable, "-m", "emoreal_bench", "probe", "--model", model, "--quiet"),
        *("--task", "emorealm", "--data", str(tmp_path / "data"), "--runs", str(tmp_path / "runs")),
        *("--executor", "ray", "--address", cluster.address, "--copies", str(COPIES)),
        *("--model-arg", f"record={asked}"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: asked.exists() and len(asked.read_text().split()) > ITEMS, "the second")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Continue with: emoreal-bench probe" in errors
    assert "Traceback" not in errors
    wait_until(lambda: not processes_called(COPY) + processes_called(DECODER), "their end")

"""The job arrays of the examples: their command lines, as a scheduler would run them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.run_record import RESULTS_FILE
from tests.small_emorealm import gold_answers, make_data, write_script

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "clusters"
KUBERNETES = yaml.safe_load((FOLDER / "kubernetes.yaml").read_text(encoding="utf-8"))
CONTAINER = KUBERNETES["spec"]["template"]["spec"]["containers"][0]
SHARDS = 8


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the variables of the examples for a small data set, and the whole run beside it."""
    home = tmp_path_factory.mktemp("cluster")
    data = make_data(home / "data", 24)
    model = write_script(home / "model.json", gold_answers(data), 5)
    words = ["--model", model, "--task", "emorealm", "--data", str(data), "--quiet"]
    assert run(["run", *words, "--out", str(home / "unsharded")]) == ExitCode.DONE
    return {"MODEL": model, "TASK": "emorealm", "DATA": str(data), "HOME_OF_ALL": str(home)}


def perform(command: Sequence[str], surroundings: Mapping[str, str], folder: Path) -> int:
    """Run a command of an example; give the exit code of the ``emoreal-bench`` in it.

    The shell is real and notes what it would call, which is then called in this process:
    to start Python for each task of each array would take minutes.
    """
    programs, called = folder / "bin", folder / "called"
    programs.mkdir(exist_ok=True)
    program = programs / "emoreal-bench"
    program.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" > '{called}'\n")
    program.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    surroundings = {**os.environ, **surroundings, "PATH": path}
    subprocess.run(command, env=surroundings, cwd=folder, check=True)
    return run(called.read_text(encoding="utf-8").split("\0")[:-1])


def slurm(index: int) -> tuple[list[str], dict[str, str]]:
    return ["bash", str(FOLDER / "slurm.sh")], {"SLURM_ARRAY_TASK_ID": str(index + 1)}


def kubernetes(index: int) -> tuple[list[str], dict[str, str]]:
    own = {entry["name"]: entry["value"] for entry in CONTAINER["env"]}
    own["JOB_COMPLETION_INDEX"] = str(index)
    return [*CONTAINER["command"], *CONTAINER["args"]], {"SHARDS": own["SHARDS"], **own}


def aws_batch(index: int) -> tuple[list[str], dict[str, str]]:
    own = {"AWS_BATCH_JOB_ARRAY_INDEX": str(index), "AWS_BATCH_JOB_ARRAY_SIZE": str(SHARDS)}
    return ["bash", str(FOLDER / "aws-batch.sh")], own


@pytest.mark.parametrize("scheduler", [slurm, kubernetes, aws_batch])
def test_the_tasks_of_an_array_make_the_whole_run(
    scheduler: object, given: dict[str, str], tmp_path: Path
) -> None:
    assert callable(scheduler)
    out = {**given, "OUT": str(tmp_path / "run")}
    # The last task first: schedulers promise no order.
    for index in reversed(range(SHARDS)):
        command, own = scheduler(index)
        assert perform(command, own | out, tmp_path) == ExitCode.DONE
    assert perform(["bash", str(FOLDER / "merge.sh")], out, tmp_path) == ExitCode.DONE
    merged = (tmp_path / "run" / "whole" / RESULTS_FILE).read_bytes()
    assert merged == (Path(given["HOME_OF_ALL"]) / "unsharded" / RESULTS_FILE).read_bytes()


def test_an_array_with_a_gap_is_not_merged(
    given: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = {**given, "OUT": str(tmp_path / "run")}
    command, own = slurm(3)
    assert perform(command, own | out, tmp_path) == ExitCode.DONE
    assert perform(["bash", str(FOLDER / "merge.sh")], out, tmp_path) == ExitCode.INCOMPLETE
    said = capsys.readouterr().err
    assert "Shards 1/8, 2/8, 3/8, 5/8, 6/8 and 2 more are missing" in said


def kubernetes_paths() -> tuple[str, list[str]]:
    (mount,) = CONTAINER["volumeMounts"]
    own = {entry["name"]: entry["value"] for entry in CONTAINER["env"]}
    return mount["mountPath"], [own["DATA"], own["OUT"]]


def aws_batch_paths() -> tuple[str, list[str]]:
    script = (FOLDER / "aws-batch.sh").read_text(encoding="utf-8")
    mount = re.search(r"mounts a file system .* as (/\S+),", script)
    assert mount is not None
    return mount[1], re.findall(r"^(?:DATA|OUT)=\$\{\w+:-(.*)\}$", script, re.MULTILINE)


@pytest.mark.parametrize("paths", [kubernetes_paths, aws_batch_paths])
def test_what_a_container_reads_and_writes_lies_below_its_mount(
    paths: Callable[[], tuple[str, list[str]]],
) -> None:
    mount, named = paths()
    assert len(named) == 2
    for path in named:
        assert Path(path).is_relative_to(mount)
    # All examples name the same places, so that merge.sh finds the parts.
    merge = (FOLDER / "merge.sh").read_text(encoding="utf-8")
    assert f"OUT=${{OUT:-{named[1]}}}" in merge


def test_the_arrays_are_as_long_as_their_shards() -> None:
    script = (FOLDER / "slurm.sh").read_text(encoding="utf-8")
    assert f"#SBATCH --array=1-{SHARDS}\n" in script
    assert f"\nSHARDS={SHARDS} " in script
    spec = KUBERNETES["spec"]
    assert (spec["completionMode"], spec["completions"]) == ("Indexed", SHARDS)
    assert {"name": "SHARDS", "value": str(SHARDS)} in CONTAINER["env"]

"""The GitHub Action of the examples, its steps run as a runner would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from emoreal_bench.cli.application import run
from tests.small_emorealm import gold_answers, make_data, write_script

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "check-action"
ACTION = yaml.safe_load((FOLDER / "action.yml").read_text(encoding="utf-8"))


def perform(inputs: dict[str, str], workplace: Path) -> int:
    """Run the steps of the action until one fails.

    Returns:
        The exit code of the last.
    """
    given = {name: field.get("default", "") for name, field in ACTION["inputs"].items()} | inputs
    commands = Path(sys.executable).parent
    surroundings = os.environ | {
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(workplace / "summary.md"),
    }
    for step in ACTION["runs"]["steps"]:
        own = {name: fill(text, given) for name, text in step["env"].items()}
        # How GitHub starts a step whose shell is bash.
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        code = subprocess.run(
            command, cwd=workplace, env=surroundings | own, check=False
        ).returncode
        if code:
            return code
    return 0


def fill(text: str, inputs: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], text)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the inputs for a model that is as good as the baseline."""
    home = tmp_path_factory.mktemp("action")
    data = make_data(home / "data", 120)
    model = write_script(home / "good.json", gold_answers(data), 10)
    common = {"model": model, "task": "emorealm", "data": str(data)}
    arguments = [word for name, value in common.items() for word in (f"--{name}", value)]
    assert run(["run", *arguments, "--out", str(home / "run"), "--quiet"]) == 0
    baseline = home / "baseline.json"
    assert run(["check", str(home / "run"), "--save-baseline", str(baseline)]) == 0
    return common | {"baseline": str(baseline)}


def test_an_unchanged_model_passes_and_the_report_is_in_the_summary(
    inputs: dict[str, str], tmp_path: Path
) -> None:
    assert perform(inputs, tmp_path) == 0
    assert "### Passed" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    written = {path.name for path in (tmp_path / "emoreal-bench-check").iterdir()}
    assert written == {"run", "check.md", "check.xml", "check.json"}


def test_a_worse_model_ends_with_10_and_its_report_is_in_the_summary_too(
    inputs: dict[str, str], tmp_path: Path
) -> None:
    model = write_script(tmp_path / "poor.json", gold_answers(Path(inputs["data"])), 2)
    assert perform(inputs | {"model": model}, tmp_path) == 10
    assert "### Failed" in (tmp_path / "summary.md").read_text(encoding="utf-8")


def test_a_model_that_does_not_exist_is_not_called_worse(
    inputs: dict[str, str], tmp_path: Path
) -> None:
    assert perform(inputs | {"model": "scripted/nowhere.json"}, tmp_path) == 2


def test_no_input_can_become_part_of_a_script(inputs: dict[str, str], tmp_path: Path) -> None:
    assert all("${{" not in step["run"] for step in ACTION["runs"]["steps"])
    perform(inputs | {"model": '"; touch escaped; "'}, tmp_path)
    assert not (tmp_path / "escaped").exists()


def test_the_workflow_gives_the_action_only_inputs_that_it_has() -> None:
    workflow: dict[str, Any] = yaml.safe_load((FOLDER / "workflow.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["check"]["steps"]
    given = next(step["with"] for step in steps if step.get("id") == "check")
    required = {name for name, field in ACTION["inputs"].items() if field.get("required")}
    assert required <= given.keys() <= ACTION["inputs"].keys()

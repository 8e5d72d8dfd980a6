"""The GitHub Action of the examples, its steps run as a runner would."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from emoreal_bench.api.data import DEFAULT_SYNTH_SETTINGS
from emoreal_bench.cli.application import run
from emoreal_bench.synth.build import ANNOTATIONS, VIDEOS, emorealm_record
from emoreal_bench.synth.questions import make_items
from emoreal_bench.synth.settings import SynthSettings
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


GH = """
import os, pathlib, sys
place = pathlib.Path(sys.argv[0]).parent
arguments = sys.argv[1:]
body = next((one for one in arguments if one.startswith("body=@")), None)
mark, me = os.environ.get("MARK", ""), os.environ.get("ME", "")
if arguments[1] == "user":
    print("not for the token of a workflow")
    sys.exit(1)
elif body is None:
    # Somebody else has copied the mark.
    comments = [("stranger", mark, "66")]
    if (place / "comment").exists():
        comments.append(("github-actions[bot]", (place / "comment").read_text(), "77"))
    asks_who = "select(.user.login == env.ME and (.body | contains(env.MARK)))" in arguments[-1]
    for author, text, number in comments:
        if mark in text and (author == me or not asks_who):
            print(number)
else:
    text = pathlib.Path(body.removeprefix("body=@")).read_text()
    with (place / "calls").open("a") as file:
        print(arguments[arguments.index("--method") + 1], arguments[4], file=file)
    (place / "comment").write_text(text)
"""


def test_one_comment_of_the_pull_request_is_kept_up_to_date(
    inputs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "gh.py").write_text(GH, encoding="utf-8")
    # No path of an interpreter stands behind "#!", since it may hold a space.
    run_it = f'#!/bin/sh\nexec "{sys.executable}" "$(dirname "$0")/gh.py" "$@"\n'
    (tools / "gh").write_text(run_it, encoding="utf-8")
    (tools / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/12/merge")
    monkeypatch.setenv("GITHUB_REPOSITORY", "me/model")
    assert perform(inputs, tmp_path) == 0
    assert not (tools / "calls").exists(), "nobody asked for a comment"
    for _ in range(2):
        assert perform(inputs | {"comment": "true"}, tmp_path) == 0
    assert (tools / "calls").read_text().splitlines() == [
        "POST repos/me/model/issues/12/comments",
        "PATCH repos/me/model/issues/comments/77",
    ]
    comment = (tools / "comment").read_text(encoding="utf-8")
    assert comment.startswith("### Passed")
    assert re.fullmatch("<!-- emoreal-bench check [0-9a-f]{12} -->", comment.splitlines()[-1])


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the inputs for the example as it ships: its default task and its own rules.

    The questions are those of the default benchmark; nobody looks at the clips.
    """
    home = tmp_path_factory.mktemp("shipped")
    items = make_items(SynthSettings(**DEFAULT_SYNTH_SETTINGS))
    records = [emorealm_record(item) for item in items]
    (home / "data").mkdir()
    (home / "data" / ANNOTATIONS).write_text(json.dumps(records), encoding="utf-8")
    for item in items:
        clip = home / "data" / VIDEOS / item.clip
        clip.parent.mkdir(parents=True, exist_ok=True)
        clip.write_bytes(item.clip.encode())
    inputs = {"data": str(home / "data"), "rules": str(FOLDER / "rules.yaml")}
    model = imperfect(home, "before", wrong=range(65))
    run_folder, baseline = home / "run", home / "baseline.json"
    task = ACTION["inputs"]["task"]["default"]
    arguments = ["--model", model, "--task", task, "--data", inputs["data"], "--quiet"]
    assert run(["run", *arguments, "--out", str(run_folder)]) == 0
    assert run(["check", str(run_folder), "--save-baseline", str(baseline)]) == 0
    return inputs | {"model": model, "baseline": str(baseline)}


def imperfect(home: Path, name: str, wrong: range, data: Path | None = None) -> str:
    """Write a model of the default benchmark that misses some of its items, in a drawn order."""
    gold = gold_answers(data or home / "data")
    order = list(gold)
    random.Random(3).shuffle(order)
    missed = {order[place] for place in wrong}
    replies = {item: "" if item in missed else f"({letter})" for item, letter in gold.items()}
    path = home / f"{name}.json"
    path.write_text(json.dumps({"replies": replies, "modalities": ["text"]}), encoding="utf-8")
    return f"scripted/{path}"


@pytest.mark.parametrize(
    ("wrong", "code", "heading"),
    [
        # Of 240 items the baseline misses 65 (72.9 % right).
        pytest.param(range(30, 81), 0, "### Passed", id="better by 5.8 points"),
        pytest.param(range(5, 105), 10, "### Failed", id="worse by 14.6 points"),
    ],
)
def test_as_it_ships_it_passes_better_models_and_fails_a_planted_regression(
    shipped: dict[str, str], tmp_path: Path, wrong: range, code: int, heading: str
) -> None:
    model = imperfect(tmp_path, "after", wrong, Path(shipped["data"]))
    assert perform(shipped | {"model": model}, tmp_path) == code
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith(heading)
    suite = ET.parse(tmp_path / "emoreal-bench-check" / "check.xml").getroot()[0]
    assert (suite.get("failures") == "0") is (code == 0)
    report = json.loads((tmp_path / "emoreal-bench-check" / "check.json").read_text())
    assert summary.count("| cannot tell |") == sum(rule["undecided"] for rule in report["rules"])


def test_where_the_rules_say_so_what_cannot_be_told_fails_the_job(
    shipped: dict[str, str], tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    own = (FOLDER / "rules.yaml").read_text(encoding="utf-8")
    assert "undecided: pass" in own
    rules.write_text(own.replace("undecided: pass", "undecided: fail"), encoding="utf-8")
    model = imperfect(tmp_path, "after", range(60, 120), Path(shipped["data"]))
    assert perform(shipped | {"model": model, "rules": str(rules)}, tmp_path) == 11
    assert "| CANNOT TELL |" in (tmp_path / "summary.md").read_text(encoding="utf-8")


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

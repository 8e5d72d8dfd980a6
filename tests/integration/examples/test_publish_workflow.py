"""The workflow that publishes a leaderboard: its shell steps, run in a repository of entries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from emoreal_bench import api
from tests.sealed_files import edit_sealed
from tests.small_emorealm import gold_answers, make_data, write_script

WORKFLOW = Path(__file__).parents[3] / "examples" / "publish-leaderboard.yml"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return loaded


def _command(workflow: dict[str, Any], job: str, part: str) -> str:
    (command,) = [
        step["run"] for step in workflow["jobs"][job]["steps"] if part in step.get("run", "")
    ]
    return str(command)


def _shell(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    # The shell of GitHub's runners: it stops at the first command that fails.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def _commit(folder: Path) -> str:
    author = "-c user.name=A -c user.email=a@example.org"
    _shell(f"git init -q; git add .; git {author} commit -qm entries", folder)
    return _shell("git rev-parse HEAD", folder).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    data = make_data(tmp_path / "data", items=30)
    gold = gold_answers(data)
    for name, wrong_every in (("first", 3), ("second", 5)):
        model = write_script(tmp_path / f"{name}.json", gold, wrong_every=wrong_every)
        options = api.RunOptions(out=tmp_path / "runs" / name)
        api.evaluate(model=model, task="emorealm", data=data, options=options)
    entries = tmp_path / "repository" / "entries"
    shutil.copytree(tmp_path / "runs" / "first", entries / "first")
    return tmp_path / "repository"


def test_an_honest_entry_passes_the_check_and_is_published(
    repository: Path, workflow: dict[str, Any]
) -> None:
    base = _commit(repository)
    shutil.copytree(repository.parent / "runs" / "second", repository / "entries" / "second")
    _commit(repository)
    checked = _shell(_command(workflow, "check", "leaderboard add"), repository, BASE=base)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count("Every score was computed again.") == 1
    built = _shell(_command(workflow, "publish", "leaderboard build"), repository)
    assert built.returncode == 0, built.stderr
    assert (repository / "site" / "index.html").is_file()


def test_an_entry_with_a_better_score_than_its_items_fails_the_check(
    repository: Path, workflow: dict[str, Any]
) -> None:
    base = _commit(repository)
    entry = repository / "entries" / "second"
    shutil.copytree(repository.parent / "runs" / "second", entry)
    edit_sealed(
        entry / "results.json",
        lambda record: record["scores"]["strict"].update(average_accuracy=0.99),
    )
    _commit(repository)
    checked = _shell(_command(workflow, "check", "leaderboard add"), repository, BASE=base)
    assert checked.returncode == 3
    assert "do not follow from its items" in checked.stderr


def test_only_the_job_that_publishes_may_write(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in workflow["jobs"]["check"]

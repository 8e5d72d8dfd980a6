"""Paths that lead nowhere, folders that are no runs, and folders that stand for their task."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode, UsageError
from tests.run_factory import MadeUpRun

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a good run, what is left of another, and a task."""
    monkeypatch.chdir(tmp_path)
    MadeUpRun().write(tmp_path / "runs" / "good")
    left = tmp_path / "runs" / "left"
    left.mkdir()
    shutil.copy(tmp_path / "runs" / "good" / "results.json", left)
    shutil.copytree(ROOT / "tasks" / "prompts", tmp_path / "my-task" / "prompts")
    shutil.copy(ROOT / "tasks" / "emorealm.yaml", tmp_path / "my-task" / "my-task.yaml")
    (tmp_path / "clips").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("command", "near"),
    [
        ("compare rns/good runs/good", "runs/good"),
        ("view runs/godo", "runs/good"),
        ("runs show runs/nothing-like-it", None),
        ("score rns", "runs"),
        ("leaderboard build rns", "runs"),
        ("runs verify rns", "runs"),
        ("leaderboard add rns/good --to entries", "runs/good"),
        ("run -m baseline/random -t my-tsk/my-task.yaml", "my-task/my-task.yaml"),
        ("run -m baseline/random -t my-task -d clps", "clips"),
        ("run -m baseline/random -t my-tsk", "my-task"),
        ("sweep my-task/my-tsk.yaml", "my-task/my-task.yaml"),
    ],
)
def test_what_is_not_there_is_told_with_what_may_be_meant(
    home: Path, command: str, near: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command.split()) in (ExitCode.USAGE, ExitCode.INCOMPLETE)
    said = capsys.readouterr().err
    assert "not a run folder" not in said
    assert (f"Did you mean {near}?" in said) if near else ("Did you mean" not in said)


@pytest.mark.parametrize("command", ["compare {} runs/good", "view {}", "runs show {}"])
def test_a_file_in_the_place_of_a_run_is_told(
    home: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = "my-task/my-task.yaml"
    assert run(command.format(file).split()) == ExitCode.INCOMPLETE
    assert f"{file}: This is a file, not a folder." in capsys.readouterr().err


def test_what_is_left_of_a_run_stops_no_page(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["leaderboard", "build", "runs", "--out", "site"]) == ExitCode.DONE
    assert Path("site/index.html").is_file()
    said = capsys.readouterr().err
    assert "runs/left: This is not a run folder" in said
    assert "left out" in said
    assert run(["view", "runs", "--out", "page"]) == ExitCode.DONE
    assert "runs/left: This is not a run folder" in capsys.readouterr().err
    assert "left" in Path("page/index.html").read_text("utf-8")
    assert run(["runs", "list", "runs"]) == ExitCode.DONE
    assert "runs/left: This is not a run folder" in capsys.readouterr().out


def test_a_page_of_nothing_but_remains_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree("runs/good")
    assert run(["leaderboard", "build", "runs", "--out", "site"]) == ExitCode.INCOMPLETE
    assert "runs/left: This is not a run folder" in capsys.readouterr().err
    assert not Path("site").exists()


def test_the_folder_of_one_task_stands_for_it(home: Path) -> None:
    assert find_task("my-task").path == Path("my-task/my-task.yaml")
    assert find_task("./my-task/").task.name == find_task("emorealm").task.name
    Path("emorealm").mkdir()  # A name is a name, whatever lies here.
    assert find_task("emorealm").path.name == "emorealm.yaml"
    shutil.copy("my-task/my-task.yaml", "my-task/other.yml")
    with pytest.raises(UsageError, match="2 YAML files") as caught:
        find_task("my-task")
    assert "my-task/my-task.yaml, my-task/other.yml" in str(caught.value)
    with pytest.raises(UsageError, match="holds no task file"):
        find_task("clips")

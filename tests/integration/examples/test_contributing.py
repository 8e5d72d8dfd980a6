"""The worked examples of CONTRIBUTING.md, written to files as they are printed and run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.cli.application import run
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters import PROVIDERS, Provider, built_in, providers
from tests.media_files import Picture, Sound, make_clip

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
TASK, METRIC, INSIDE, OUTSIDE = (
    "Add a task",
    "Add a metric",
    "Add a model provider, in this repository",
    "Add a model provider, in your own package",
)
# Soft, and louder than the 0.05 that the page gives as the threshold.
CLIPS = {"2.mp4": 0.01, "1.mp4": 0.5}


def _files(section: str) -> dict[str, str]:
    """Return the files that a section prints, by the path it says to write them to."""
    return dict(re.findall(r"^In `([^`]+)`:\n\n```\w+\n(.*?)^```$", SECTIONS[section], re.M | re.S))


def _follow(section: str) -> None:
    """Run the commands of a section in the working directory."""
    commands = re.findall(r"^emoreal-bench .+$", SECTIONS[section], flags=re.MULTILINE)
    assert commands
    for line in commands:
        assert run(shlex.split(line)[1:]) == 0, line


def _stress_scores(model: str) -> dict[str, Any]:
    (folder,) = Path("runs").glob(f"*{model}*")
    scores = json.loads((folder / "results.json").read_text(encoding="utf-8"))["scores"]
    subtask: dict[str, Any] = scores["strict"]["reasoning_stress_audio"]
    return subtask


def _accuracy(model: str) -> float:
    accuracy: float = _stress_scores(model)["accuracy"]
    return accuracy


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with this repository's tasks, the task of the page and its data."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "tasks", "tasks")
    for name, level in CLIPS.items():
        path = Path("park/clips") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make_clip(path, Picture(frames=8, size=(64, 48)), Sound(0.5, level=level))
    for name, text in _files(TASK).items():
        Path(name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("place")
def test_a_task_is_one_file() -> None:
    assert [name for name in _files(TASK) if name.startswith("tasks/")] == ["tasks/park.yaml"]
    _follow(TASK)
    assert _accuracy("first-choice") == 0.5


def test_a_metric_is_a_function_and_a_line(place: Path) -> None:
    _install("emoreal-youden", _files(METRIC))
    (line,) = re.findall(r"^metrics: .*$", SECTIONS[METRIC], flags=re.MULTILINE)
    with Path("tasks/park.yaml").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    _follow_installed(METRIC)
    assert _stress_scores("last-choice")["informedness"] == 0.0


def test_a_provider_inside_is_a_file_and_an_entry(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file, adapter), (table, entry) = _files(INSIDE).items()
    folder = place / "built_in"
    folder.mkdir()
    (folder / Path(file).name).write_text(adapter, encoding="utf-8")
    monkeypatch.setattr(built_in, "__path__", [*built_in.__path__, str(folder)])
    assert (ROOT / table).samefile(providers.__file__)
    assert (ROOT / file).parent.samefile(built_in.__path__[0])
    added = eval(entry, {"Provider": Provider, "Modality": Modality})
    monkeypatch.setattr(providers, "PROVIDERS", {**PROVIDERS, added.name: added})
    _follow(INSIDE)
    assert _accuracy("loudness") == 1.0


def test_a_provider_outside_is_two_files(place: Path) -> None:
    (adapter, _entry) = _files(INSIDE).values()
    files = _files(OUTSIDE)
    assert len(files) == 2
    _install("emoreal-loudness", files, before=adapter)
    _follow_installed(OUTSIDE)
    assert _accuracy("loudness") == 1.0


def _install(package: str, files: dict[str, str], before: str = "") -> None:
    """Install a package of the page below the working directory, ``before`` heading its module."""
    for name, text in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(before + text if name.endswith(".py") else text, encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation")
    _do(*pip, "--target", "installed", f"./{package}")


def _follow_installed(section: str) -> None:
    """Run the commands of a section where its package is installed."""
    commands = re.findall(r"^emoreal-bench (.+)$", SECTIONS[section], flags=re.MULTILINE)
    assert commands
    program = "import sys; sys.path.insert(0, 'installed'); import emoreal_bench.cli as c; c.main()"
    for command in commands:
        _do(sys.executable, "-c", program, *shlex.split(command))


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout

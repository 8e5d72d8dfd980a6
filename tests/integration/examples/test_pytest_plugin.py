"""The pytest plug-in of the examples, run on its own example."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.small_emorealm import gold_answers, make_data, write_script

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "pytest-plugin"


@dataclass(frozen=True)
class Example:
    """The example in a place of its own, with data in it."""

    home: Path

    def pytest(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the example's tests with the plug-in, as if it were installed."""
        command = [sys.executable, "-m", "pytest", "-p", "pytest_emoreal_bench", "-rs", *options]
        found = filter(None, (str(FOLDER), os.environ.get("PYTHONPATH")))
        paths = os.environ | {"PYTHONPATH": os.pathsep.join(found)}
        return subprocess.run(
            command, cwd=self.home, env=paths, capture_output=True, text=True, check=False
        )

    def model(self, name: str, wrong_every: int) -> str:
        """Write a model that knows all answers but one of so many."""
        gold = gold_answers(self.home / "data")
        return write_script(self.home / f"{name}.json", gold, wrong_every)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """Give the example with the baseline of a good model."""
    home = tmp_path_factory.mktemp("plugin") / "example"
    shutil.copytree(FOLDER / "example", home)
    (home / "pytest.ini").write_text("[pytest]\n")
    make_data(home / "data", 120)
    example = Example(home)
    saved = example.pytest("--emoreal-model", example.model("good", 10), "--save-baselines")
    assert saved.returncode == 0, saved.stdout
    assert "wrote" in saved.stdout
    assert (home / "baseline.json").is_file()
    return example


def test_an_unchanged_checkpoint_passes(example: Example) -> None:
    done = example.pytest("--emoreal-model", example.model("same", 10))
    assert "1 passed" in done.stdout


def test_a_checkpoint_that_cannot_be_told_from_its_baseline_passes_with_a_warning(
    example: Example,
) -> None:
    done = example.pytest("--emoreal-model", example.model("better", 12))
    assert "1 passed, 1 warning" in done.stdout
    assert "it cannot be told, which passes by these rules" in done.stdout


def test_a_worse_checkpoint_fails_and_says_by_what(example: Example) -> None:
    done = example.pytest("--emoreal-model", example.model("poor", 2))
    assert done.returncode == 1
    assert "average accuracy:" in done.stdout
    assert "worse, and chance does not explain it" in done.stdout


def test_without_a_baseline_no_model_is_asked(example: Example) -> None:
    baseline = example.home / "baseline.json"
    aside = baseline.rename(example.home / "aside.json")
    try:
        done = example.pytest("--emoreal-model", "nobody/never-asked")
    finally:
        aside.rename(baseline)
    assert done.returncode == 1
    assert "--save-baselines writes it" in done.stdout
    assert "nobody" not in done.stdout


def test_without_a_model_the_test_is_skipped(example: Example) -> None:
    done = example.pytest()
    assert "1 skipped" in done.stdout
    assert "--emoreal-model" in done.stdout

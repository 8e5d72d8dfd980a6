"""The examples of docs/tasks.md and CONTRIBUTING.md work as they stand there."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.readers import _BUILT_IN, READER_ENTRY_POINTS, load_items
from tests.foreign_package import install
from tests.media_files import Picture, Sound, make_clip

ROOT = Path(__file__).resolve().parents[3]


def blocks(page: str, heading: str) -> dict[str, list[str]]:
    """Give the examples of a section, by the language of each."""
    text = (ROOT / page).read_text(encoding="utf-8")
    section = re.split(r"^## ", text.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]
    found: dict[str, list[str]] = {}
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", section, re.MULTILINE | re.DOTALL):
        found.setdefault(language, []).append(block)
    return found


def write_clips(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("1.mp4", "2.mp4"):
        make_clip(folder / name, Picture(frames=5, size=(32, 32)), Sound(seconds=0.2))


def test_own_questions_are_checked_and_run_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clips(Path("my-data/clips"))
    example = blocks("docs/tasks.md", "Your own questions")
    Path("my-data/questions.csv").write_text(example["csv"][0], encoding="utf-8")
    Path("my-task.yaml").write_text(example["yaml"][0], encoding="utf-8")
    prompt = blocks("docs/tasks.md", "Every part of a task")[""][0]
    Path("ask.j2").write_text(prompt, encoding="utf-8")
    commands = [shlex.split(line) for line in example[""][0].splitlines()]
    assert len(commands) == 2
    for program, *arguments in commands:
        assert program == "emoreal-bench"
        assert run(arguments) == ExitCode.DONE, arguments
    assert "The data is complete." in capsys.readouterr().out
    assert Path("my-run/results.json").is_file()
    items = load_items(find_task("my-task.yaml").task, Path("my-data"), {}).items
    assert [item.answer for item in items] == ["A", "B", "A", "A"]
    assert items[0].choices == ("(A) a shout", "(B) a laugh", "(C) a sob")
    assert items[2].choices == ("(A) Yes", "(B) No")


@pytest.mark.parametrize("place", ["another package", "this package"])
def test_a_reader_is_one_file_and_one_line(
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    example = blocks("CONTRIBUTING.md", "Add a reader")
    site, data = tmp_path / "site", tmp_path / "data"
    write_clips(data)
    (data / "answers.txt").write_text("1.mp4 joy\n2.mp4 fear\n", encoding="utf-8")
    site.mkdir()
    (site / "toy_reader.py").write_text(example["python"][0], encoding="utf-8")
    if place == "another package":
        install(site, monkeypatch, tomllib.loads(example["toml"][0])["project"]["entry-points"])
    else:
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.setitem(_BUILT_IN, "toy", "toy_reader:read")
    (tmp_path / "ask.j2").write_text("{{ question }}", encoding="utf-8")
    (tmp_path / "toy.yaml").write_text(example["yaml"][0], encoding="utf-8")
    arguments = ["data", "check", "--task", str(tmp_path / "toy.yaml"), "--data", str(data)]
    assert run(arguments) == ExitCode.DONE
    assert "The data is complete." in capsys.readouterr().out


def test_the_line_of_the_page_belongs_to_the_group_of_readers() -> None:
    example = blocks("CONTRIBUTING.md", "Add a reader")
    points = tomllib.loads(example["toml"][0])["project"]["entry-points"]
    assert points == {READER_ENTRY_POINTS: {"toy": "toy_reader:read"}}

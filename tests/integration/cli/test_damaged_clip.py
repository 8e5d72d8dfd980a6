"""One damaged clip among good ones: told with its name and problem wherever items are lacking."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode
from tests.media_files import Picture, Sound, cut_bytes, make_clip

CLIPS = ("a", "b", "c")
PROBLEM = "damaged.mp4: ends early: "


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A task of own clips, one of which is damaged, and a run of a model that looks at them."""
    home = tmp_path_factory.mktemp("damaged")
    (home / "clips").mkdir()
    for name in CLIPS:
        make_clip(home / f"clips/{name}.mp4", Picture(frames=5, size=(32, 32)), Sound(seconds=0.2))
        with (home / f"clips/{name}.mp4").open("ab") as file:  # Or they would be one clip.
            file.write(b"\0\0\0\x09free" + name.encode())
    whole = make_clip(home / "whole.mp4")
    cut_bytes(whole, home / "clips/damaged.mp4", 0.6)
    rows = "".join(f"{name}.mp4,Is there a tone?,Yes,No,yes\n" for name in (*CLIPS, "damaged"))
    (home / "q.csv").write_text(f"clip,question,A,B,answer\n{rows}")
    script = {"default": "(A)", "modalities": ["video", "audio", "text"]}
    (home / "script.json").write_text(json.dumps(script))
    before = Path.cwd()
    os.chdir(home)
    try:
        assert run(["data", "new", "q.csv", "--clips", "clips", "--out", "task"]) == 0
        asked = ["-m", "scripted/script.json", "-t", "task", "-d", "clips", "-q"]
        assert run(["run", *asked, "--out", "run"]) == ExitCode.INCOMPLETE
    finally:
        os.chdir(before)
    return SimpleNamespace(root=home, asked=asked, run=str(home / "run"))


@pytest.fixture(autouse=True)
def in_home(home: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.root)


def test_the_summary_names_the_clip_and_what_to_do(
    home: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runs", "show", "run"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"1 item has no clip that can be read: clips/{PROBLEM}" in shown
    assert "of its bytes are not there. Copy or download the file again." in shown
    assert "To ask the same again does not help" in shown
    assert "gives the data another hash" in shown
    assert run(["runs", "show", "run", "--plain"]) == 0
    assert f"missing 1: clips/{PROBLEM}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        "check run --save-baseline baseline.json",
        "runs card run --out card.md",
        "runs export run --to eval-results --dataset a/b --out repository",
    ],
)
def test_what_wants_a_whole_run_says_what_lacks_and_does_not_advise_to_go_on(
    home: SimpleNamespace, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command.split()) in (ExitCode.INCOMPLETE, ExitCode.USAGE)
    said = capsys.readouterr().err
    assert PROBLEM in said
    assert "mend or replace the file, or take its questions out" in said
    assert "to finish it" not in said


def test_a_run_that_was_stopped_is_advised_to_go_on(
    home: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("manifest.json", "plan.jsonl"):
        (tmp_path / name).write_bytes((home.root / "run" / name).read_bytes())
    lines = (home.root / "run" / "items.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "items.jsonl").write_bytes(b"".join(lines[:2]))
    command = ["check", str(tmp_path), "--save-baseline", "baseline.json"]
    assert run(command) == ExitCode.INCOMPLETE
    said = capsys.readouterr().err
    assert "2 items have no answer in the log." in said
    assert "Give the run command again to finish it." in said


def test_the_list_of_items_says_why_a_cell_holds_no_answer(home: SimpleNamespace) -> None:
    assert run(["view", "run", "--out", "page"]) == 0
    text = Path("page/items/index.js").read_text("ascii")
    index = json.loads(text[text.index(",") + 1 : text.rindex(")")])
    (answers,) = (column for column in index["columns"] if column["name"] == "answer")
    assert "(missing)" in answers["values"]
    page = Path("page/index.html").read_text("utf-8")
    assert " UTC</li>" in page
    assert "+00:00" not in page


def test_a_probe_says_in_words_what_it_found_and_why_items_lack(
    home: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["probe", *home.asked, "--runs", "probed", "--html", "probe-page"]
    assert run(command) == ExitCode.INCOMPLETE
    shown = " ".join(capsys.readouterr().out.split())
    page = " ".join(Path("probe-page/index.html").read_text("utf-8").split())
    first = shown.partition("scripted/")[0]
    assert "rest on the clip" in first
    for text in (shown, page):
        assert "Warning: swapped-clips covers 50.0 % of the items. 2 items have no clip" in text
        assert PROBLEM in text
        assert "costs the items in whose place it was to stand" in text

"""``emoreal-bench`` alone greets with three commands that work as they stand."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from emoreal_bench.cli import application
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import install_command


def greeted(capsys: pytest.CaptureFixture[str]) -> tuple[str, list[list[str]]]:
    assert run([]) == 0
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if line.startswith("  emoreal-bench ")]
    return said, [shlex.split(line)[1:] for line in lines]


def test_its_three_commands_work_in_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    _, commands = greeted(capsys)
    assert len(commands) == 3
    for arguments in commands:
        assert run(arguments) == 0, arguments
    said = capsys.readouterr().out
    assert "60 items" in said
    assert "(A) low growl" in said
    assert "What reached the model" in said


def test_it_says_what_the_commands_lack(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(application, "find_spec", lambda _: None)
    assert f"They need: {install_command('hf,synth')}\n" in greeted(capsys)[0]


def test_help_still_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    for command in ("ask", "serve-model", "run", "leaderboard"):
        assert command in said

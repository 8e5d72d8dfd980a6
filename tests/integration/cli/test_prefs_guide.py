"""The first commands of docs/preferences.md do what the page says, as they stand there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run

PAGE = Path(__file__).resolve().parents[3] / "docs" / "preferences.md"


def test_the_commands_of_the_page_follow_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = PAGE.read_text(encoding="utf-8").split("```")[1]
    commands = [shlex.split(line) for line in block.strip().splitlines()]
    assert len(commands) == 5
    monkeypatch.chdir(tmp_path)
    for program, *arguments in commands:
        assert program == "emoreal-bench"
        assert run(arguments) == 0, arguments
    assert (tmp_path / "audit" / "index.html").is_file()

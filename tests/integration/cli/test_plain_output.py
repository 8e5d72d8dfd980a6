"""Plain output: lines for logs, the same numbers as the tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from tests.run_factory import MadeUpRun, write_runs


def test_a_run_is_shown_as_lines_without_frames_or_colours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder,) = write_runs(tmp_path, MadeUpRun(model="hf/example/model"))
    assert run(["runs", "show", str(folder), "--plain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("hf/example/model")
    assert any(line.startswith("  modality_agreement: n ") for line in lines)
    assert not any(mark in line for line in lines for mark in "─│\x1b")

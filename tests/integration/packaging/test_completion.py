"""A shell completes commands and options, asked as a real shell asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home with the command on the path, and nothing else."""
    command = tmp_path / "bin" / "emoreal-bench"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m emoreal_bench "$@"\n')
    command.chmod(0o755)
    return tmp_path


def bash(script: str, home: Path) -> str:
    path = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        # Bash would hand over to a last command, and then be nobody's parent.
        ["bash", "--noprofile", "--norc", "-c", f"{script}\n:"],
        env={**os.environ, "HOME": str(home), "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


COMPLETE = """
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_emoreal_bench_completion emoreal-bench; echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("emoreal-bench lea", {"leaderboard"}),
        ("emoreal-bench runs exp", {"export"}),
        ("emoreal-bench run --mod", {"--model", "--model-arg", "--modalities"}),
        ("emoreal-bench list m", {"models", "metrics"}),
    ],
)
def test_bash_completes(words: str, found: set[str], home: Path) -> None:
    shown = bash(
        f'eval "$(emoreal-bench --show-completion; true)"\n{COMPLETE.format(words=words)}', home
    )
    assert set(shown.split()) == found


def test_completion_is_installed_into_the_home_of_the_user(home: Path) -> None:
    assert ".bash_completions" in bash("emoreal-bench --install-completion", home)
    installed = home / ".bash_completions" / "emoreal-bench.sh"
    assert str(installed) in (home / ".bashrc").read_text()
    shown = bash(f". ~/.bashrc\n{COMPLETE.format(words='emoreal-bench lea')}", home)
    assert shown.split() == ["leaderboard"]

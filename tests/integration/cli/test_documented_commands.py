"""Every command that a page or ``--help`` shows is one that the program understands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from docs.building.commands import PROGRAM, all_commands
from emoreal_bench.cli.application import build, run
from emoreal_bench.contracts.errors import ExitCode

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands_in(text: str) -> list[str]:
    """Find the commands in the blocks of a page, each as one line."""
    shell = [block for language, block in _BLOCK.findall(text) if language in ("", "bash", "sh")]
    lines = "\n".join(shell).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith(f"{PROGRAM} ")]


def understand(command: str) -> None:
    """Parse a command and check every option; run nothing."""
    parser: Any = get_command(build())
    words = shlex.split(command, comments=True)[1:]
    while hasattr(parser, "commands") and words and words[0] in parser.commands:
        parser = parser.commands[words.pop(0)]
    if not {"--help", "--version", "--show-completion", "--install-completion"} & set(words):
        assert not hasattr(parser, "commands"), command
        parser.make_context("command", words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_are_understood(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    commands = commands_in(text)
    assert len(commands) == len(re.findall(rf"^{PROGRAM} ", text, re.MULTILINE))
    for command in commands:
        understand(command)


def test_the_examples_of_the_help_are_understood() -> None:
    epilogs = [context.command.epilog or "" for _, context in all_commands()]
    examples = [one for text in epilogs for one in re.findall(rf"`({PROGRAM}[^`]*)`", text)]
    assert len(examples) > 30
    for command in examples:
        understand(command)


def test_a_command_that_there_is_not_would_be_found() -> None:
    text = f"```\n{PROGRAM} run --modle x\n```\n"
    with pytest.raises(Exception, match="--modle"):
        understand(commands_in(text)[0])


def test_the_first_steps_work_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("PIL")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "first-steps.md").read_text(encoding="utf-8")
    first = commands_in(text.partition("\n## Your model")[0])
    named = [command.split()[1] for command in first]
    assert named == [
        "data",
        "run",
        "leaderboard",
        "runs",
        "view",
    ]
    for command in first:
        # A small number of questions shows as much.
        words = shlex.split(command.replace("--items 60", "--items 6"))
        name = next(iter(sorted(Path("runs").glob("*"))), None)
        words = [word.replace("runs/NAME", str(name)) for word in words]
        assert run(words[1:]) == ExitCode.DONE, command
    assert "tiny/omni" in capsys.readouterr().out
    assert Path("site/index.html").is_file()
    assert Path("page/index.html").is_file()

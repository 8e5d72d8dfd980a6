"""What others wrote reaches the terminal as text: no colour, no cursor, no title, no turn."""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

import emoreal_bench
from emoreal_bench.cli import application
from emoreal_bench.cli.output import print_json, show, show_lines, tell
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.printable import make_console
from emoreal_bench.reporting.terminal.progress import make_observer
from emoreal_bench.training.observer import ShownTraining

HOSTILE = (
    "red \x1b[31mred\x1b[0m",
    "title \x1b]0;owned\x07",
    "link \x1b]8;;https://elsewhere.example\x1b\\",
    "clear \x1b[2J\x1b[H",
    "one byte \x9b31m",
    "bell \x07 back \x08",
    "over\rwritten",
    "turned \u202etxt.exe",
)
OBEYED = ("\x1b", "\x07", "\x08", "\x9b", "\r", "\u202e")


def is_safe(text: str) -> bool:
    return not any(mark in text for mark in OBEYED)


@pytest.mark.parametrize("text", HOSTILE)
def test_an_error_is_printed_without_them(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise DataError(text, where=text, remedy=text)

    monkeypatch.setattr(application, "build", fail)
    assert application.run([]) == DataError.exit_code
    printed = capsys.readouterr().err
    assert is_safe(printed)
    assert printed.startswith(f"error: {text[:3]}")
    assert len(printed.splitlines()) == 2


@pytest.mark.parametrize("text", HOSTILE)
def test_tables_lines_and_json_are_printed_without_them(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table("name", title=Text(text))
    table.add_row(Text(text))
    show(table, text, Text(text))
    show_lines([text])
    tell(text)
    shown = capsys.readouterr()
    assert is_safe(shown.out + shown.err)
    print_json({text: text})
    printed = capsys.readouterr().out
    assert is_safe(printed)
    assert json.loads(printed) == {text: text}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_progress_is_shown_without_them(text: str, stream: type[io.StringIO]) -> None:
    shown, plain = stream(), stream()
    for words, written in ((text, shown), ("words", plain)):
        observer = make_observer(stream=written)
        observer.on_start(2, 0)
        observer.on_notice(words)
        observer.on_retry(1, 2.0, words)
        observer.on_item(Result("1", DeliveryStatus.FAILED, detail=words))
        ShownTraining(stream=written).on_lines([words])
    # A bar moves the cursor itself; nothing that it was told adds to that.
    assert "owned" not in shown.getvalue()
    for mark in ("\x9b", "\x07", "\x08", "\u202e", "\x1b[31m", "\x1b[2J", "\x1b]"):
        assert mark not in shown.getvalue()


def test_colours_of_our_own_are_kept() -> None:
    stream = Terminal()
    console = make_console(stream)
    console.print(Text("\x1b[31mforeign", style="bold"))
    assert ("\x1b[1m" in stream.getvalue()) == (console.color_system is not None)
    assert "\x1b[31m" not in stream.getvalue()


def test_a_name_between_colons_is_no_picture() -> None:
    stream = io.StringIO()
    make_console(stream).print("gone_module:X: cannot be imported")
    assert stream.getvalue() == "gone_module:X: cannot be imported\n"


def test_nothing_is_printed_past_the_one_place() -> None:
    """Whatever prints goes through ``printable``, or through a console of ``make_console``."""
    root = Path(emoreal_bench.__file__).parent
    allowed = {"printable.py", "cli/output.py"}
    found = []
    for path in root.rglob("*.py"):
        name = path.relative_to(root).as_posix()
        if name in allowed:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                written = ast.unparse(node)
                if called in ("print", "Console", "secho") or (
                    called.endswith((".echo", "stdout.write", "stderr.write", "_stream.write"))
                    and "printable(" not in written
                    and "__version__" not in written
                ):
                    found.append(f"{name}: {written}")
    assert found == []

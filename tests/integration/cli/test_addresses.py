"""An address in the place of a path is refused before anything is made or done."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer

from emoreal_bench import api
from emoreal_bench.cli.application import build, run
from emoreal_bench.contracts.errors import ExitCode, UsageError
from emoreal_bench.record.files import new_folder, write_atomically

ADDRESSES = ["https://h.example/x", "s3://bucket/x", "file:///tmp/x", "HTTP://h.example/x/y"]


def commands(application: typer.Typer) -> Iterator[Callable[..., Any]]:
    yield from (one.callback for one in application.registered_commands if one.callback)
    for group in application.registered_groups:
        if group.typer_instance is not None:
            yield from commands(group.typer_instance)


def paths_of(command: Callable[..., Any]) -> Iterator[str]:
    hints = get_type_hints(command)
    for name in inspect.signature(command).parameters:
        if hints[name] in (Path, Path | None):
            yield name


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def test_no_command_takes_an_address_for_a_path() -> None:
    tried = 0
    for command in commands(build()):
        for name in paths_of(command):
            tried += 1
            with pytest.raises(UsageError, match="It is an address"):
                command(**{name: Path(ADDRESSES[tried % len(ADDRESSES)])})
    assert tried > 40


def test_a_command_says_so_with_the_code_of_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["run", "--model", "baseline/random", "--limit", "2", "--out", "https://h.example/x"]
    assert run(given) == ExitCode.USAGE
    assert "https:/h.example/x: It is an address" in capsys.readouterr().err


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_written_for_whoever_calls_the_api(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="It is an address"):
        write_atomically(Path(address), [b"x"])
    with pytest.raises(UsageError, match="It is an address"), new_folder(Path(address)):
        pass
    with pytest.raises(UsageError, match="It is an address"):
        api.evaluate("baseline/random", options=api.RunOptions(out=Path(address)))


def test_a_folder_that_is_really_called_so_is_written_by_its_whole_path(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("odd") / "notes:"
    write_atomically(folder / "x", [b"x"])
    assert (folder / "x").read_bytes() == b"x"

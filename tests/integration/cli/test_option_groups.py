"""A command takes its options in groups, which people never see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import pytest
import typer
from typer.main import get_command

from emoreal_bench.cli import options
from emoreal_bench.cli.application import run as run_command


@dataclass(frozen=True)
class Place:
    """Where a thing goes."""

    shelf: Annotated[int, typer.Option("--shelf", "-s", min=1)] = 3
    tags: Annotated[list[str], typer.Option()] = field(default_factory=lambda: ["new"])


@dataclass(frozen=True)
class OwnedPlace(Place):
    """Where a thing goes, and whose it is."""

    owner: Annotated[str, typer.Option()] = "nobody"


def parse(*arguments: str) -> tuple[str, OwnedPlace, bool]:
    seen = []

    @options.grouped
    def store(
        *,
        thing: str = typer.Argument(...),
        place: OwnedPlace,
        fast: bool = typer.Option(False, "--fast"),
    ) -> None:
        """Store a thing."""
        seen.append((thing, place, fast))

    application = typer.Typer()
    application.command()(store)
    get_command(application).main(list(arguments), standalone_mode=False)
    return seen[0]


def test_a_group_holds_its_defaults() -> None:
    assert parse("cup") == ("cup", OwnedPlace(), False)


def test_each_field_of_a_group_and_of_its_bases_is_an_option() -> None:
    place = OwnedPlace(shelf=5, tags=["a", "b"], owner="me")
    given = parse("cup", "-s", "5", "--tags", "a", "--tags", "b", "--owner", "me", "--fast")
    assert given == ("cup", place, True)


def test_a_field_is_checked_like_an_option() -> None:
    with pytest.raises(Exception, match="greater than or equal to 1"):
        parse("cup", "--shelf", "0")


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("judge",),
        ("probe",),
        ("reproduce",),
        ("prefs", "build", "sampled"),
        ("prefs", "build", "captions"),
    ],
)
def test_every_command_that_asks_models_bounds_its_waits(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    run_command([*command, "--help"])
    shown = capsys.readouterr().out
    assert "--max-wait" in shown
    assert "--give-up-after" in shown

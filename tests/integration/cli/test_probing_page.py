"""``docs/probing.md`` says what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from emoreal_bench.cli.application import build
from emoreal_bench.contracts.probe import Condition
from emoreal_bench.contracts.vocabulary import Alteration, Factor
from emoreal_bench.probing.cards import card_paths

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "probing.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^emoreal-bench (.+)$", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_is_understood(command: str) -> None:
    name, *arguments = shlex.split(command)
    application = get_command(build())
    assert isinstance(application, TyperGroup)
    # Parses and checks every option; runs nothing.
    application.commands[name].make_context(name, arguments)


def test_the_page_has_commands_of_all_kinds() -> None:
    assert {command.split()[0] for command in COMMANDS} == {"probe", "run", "compare", "reproduce"}


def test_the_page_names_every_condition_factor_alteration_and_card() -> None:
    named = set(re.findall(r"`([^`\n]+)`", PAGE))
    there_is = {*Condition, *Factor, *(set(Alteration) - {Alteration.NONE}), *card_paths()}
    assert {str(word) for word in there_is} <= named

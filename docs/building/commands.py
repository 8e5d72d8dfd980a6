"""One reference page for each command, made from the program's own parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from emoreal_bench.cli.application import build

PROGRAM = "emoreal-bench"
_EXAMPLE = re.compile(rf"`({PROGRAM}[^`]*)`")


def command_pages() -> dict[str, str]:
    """Return the pages by path, in the order of ``--help``."""
    return {f"commands/{'-'.join(name)}.md": _page(context) for name, context in all_commands()}


def all_commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Find every command, with its words after the program's name and its context."""
    root = get_command(build())
    yield from _below(root, root.context_class(root, info_name=PROGRAM), ())


def _below(
    group: Any, context: Any, name: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for word, command in group.commands.items():
        own = command.context_class(command, info_name=word, parent=context)
        if hasattr(command, "commands"):
            yield from _below(command, own, (*name, word))
        else:
            yield (*name, word), own


def _page(context: Any) -> str:
    command = context.command
    parts = [
        f"# {context.command_path.removeprefix(PROGRAM).strip()}",
        command.help,
        f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```",
        *_examples(command.epilog or ""),
    ]
    arguments = [one for one in command.get_params(context) if one.param_type_name == "argument"]
    options = [one for one in command.get_params(context) if one.param_type_name == "option"]
    parts += _table("Arguments", "argument", arguments, context)
    parts += _table("Options", "option", options, context)
    return "\n\n".join(parts) + "\n"


def _examples(epilog: str) -> list[str]:
    commands = _EXAMPLE.findall(epilog)
    if not commands:
        return [epilog] if epilog else []
    rest = epilog.rpartition("`")[2].strip(" .")
    shown = "## Examples\n\n```\n" + "\n".join(commands) + "\n```"
    return [shown, f"{rest}."] if rest else [shown]


def _table(title: str, column: str, parameters: list[Any], context: Any) -> list[str]:
    rows = [one.get_help_record(context) for one in parameters]
    if not rows:
        return []
    lines = [f"| `{_cell(names)}` | {_cell(help_text)} |" for names, help_text in rows]
    return [f"## {title}", "\n".join([f"| {column} | what it does |", "|---|---|", *lines])]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

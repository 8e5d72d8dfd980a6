"""``emoreal-bench list``: which tasks and models there are."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import typer

from emoreal_bench.cli.output import print_json, show


class Listed(StrEnum):
    """What can be listed."""

    TASKS = "tasks"
    MODELS = "models"


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command(
        "list", epilog="Examples: `emoreal-bench list tasks`, `list models --json`"
    )(list_command)


def list_command(
    what: Listed = typer.Argument(Listed.TASKS, help="What to list."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the tasks that can be run, or the models and how to get them."""
    from rich.table import Table

    from emoreal_bench import api

    rows = api.list_tasks() if what is Listed.TASKS else api.list_models()
    if as_json:
        print_json(rows)
        return
    if what is Listed.MODELS:
        rows = [_model_row(row) for row in rows]
    table = Table(title=what.value, title_justify="left")
    for column in rows[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    show(table)


def _model_row(row: dict[str, Any]) -> dict[str, Any]:
    """Give what fits beside each other on a screen."""
    abilities = {"scores_choices": "score letters", "lora": "LoRA", "deferred": "batches"}
    return {
        "provider": row["provider"],
        "what": row["what"],
        "example": row["example"],
        "takes": ["text", *row["takes"]],
        "can": [words for key, words in abilities.items() if row[key]],
        "needs": row["needs"],
        "install": "is installed" if row["installed"] else row["install"],
    }


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return "" if value is None else str(value)

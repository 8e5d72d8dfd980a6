"""``emoreal-bench list``: which tasks, models, metrics and readers there are."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import typer

from emoreal_bench.cli.output import print_json, show_rows

EXAMPLES = "Examples: `emoreal-bench list tasks`, `list models --json`, `list metrics`"


class Listed(StrEnum):
    """What can be listed."""

    TASKS = "tasks"
    MODELS = "models"
    METRICS = "metrics"
    READERS = "readers"


def list_command(
    what: Listed = typer.Argument(Listed.TASKS, help="What to list."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List tasks you can run, model providers and how to install them, metrics, or readers."""
    from emoreal_bench import api

    match what:
        case Listed.TASKS:
            rows = api.list_tasks()
        case Listed.MODELS:
            rows = api.list_models()
        case Listed.METRICS:
            rows = api.list_metrics()
        case Listed.READERS:
            rows = api.list_readers()
    if as_json:
        print_json(rows)
        return
    if what is Listed.MODELS:
        rows = [_model_row(row) for row in rows]
    show_rows(rows, title=what.value)


def _model_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return what fits side by side on a screen."""
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

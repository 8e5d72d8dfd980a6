"""``emoreal-bench doctor``: is everything there?"""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.arguments import pairs
from emoreal_bench.cli.output import print_json, show


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command(
        "doctor", epilog="Example: `emoreal-bench doctor --model hf/Qwen/Qwen2.5-Omni-7B`"
    )(doctor)


def doctor(
    model: str | None = typer.Option(None, "--model", "-m", help="Also say what this model needs."),
    model_arg: list[str] | None = typer.Option(None, help="Argument of the model, key=value."),
    lora: Path | None = typer.Option(None, help="Folder of a LoRA adapter for the model."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Say what is installed, what is missing and how to get it."""
    from emoreal_bench import api

    findings = api.doctor(model, pairs("--model-arg", model_arg), lora)
    if as_json:
        print_json([finding.as_record() for finding in findings])
    else:
        for finding in findings:
            show(f"{'ok     ' if finding.fine else 'MISSING'} {finding.what}: {finding.detail}")
    raise typer.Exit(0 if all(finding.fine or finding.optional for finding in findings) else 3)

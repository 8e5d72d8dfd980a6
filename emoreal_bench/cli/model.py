"""``emoreal-bench model``: work on checkpoints."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.arguments import pairs

_EXAMPLE = (
    "Example: `emoreal-bench model merge --model hf/Qwen/Qwen2.5-Omni-7B --lora my-adapter "
    "--out merged`"
)


def add_to(application: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Work on checkpoints.", no_args_is_help=True)
    group.command("merge", epilog=_EXAMPLE)(merge)
    application.add_typer(group, name="model")


def merge(
    model: str = typer.Option(..., "--model", "-m", help="provider/model of the base."),
    lora: Path = typer.Option(..., help="Folder of a LoRA adapter."),
    out: Path = typer.Option(..., help="Folder for the merged checkpoint; new or empty."),
    model_arg: list[str] | None = typer.Option(None, help="Argument of the model, key=value."),
) -> None:
    """Write a checkpoint with a LoRA adapter merged into it."""
    from emoreal_bench import api

    typer.echo(api.merge_lora(model, lora, out, pairs("--model-arg", model_arg)))

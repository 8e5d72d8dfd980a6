"""``emoreal-bench model``: work on checkpoints."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli import options
from emoreal_bench.cli.output import show_lines

_EXAMPLE = (
    "Example: `emoreal-bench model merge --model hf/Qwen/Qwen2.5-Omni-7B --lora my-adapter "
    "--out merged`"
)

group = typer.Typer(help="Work on checkpoints.", no_args_is_help=True)


@group.command("merge", epilog=_EXAMPLE)
@options.grouped
def merge(
    *,
    model: str = typer.Option(..., "--model", "-m", help="The base model, provider/model."),
    lora: Path = typer.Option(..., help="Folder of a LoRA adapter."),
    out: Path = typer.Option(..., help="Folder of the merged checkpoint; it must be new or empty."),
    loading: options.ModelArguments,
) -> None:
    """Merge a LoRA adapter into its base model and write the checkpoint."""
    from emoreal_bench import api

    show_lines([str(api.merge_lora(model, lora, out, loading.arguments()))])

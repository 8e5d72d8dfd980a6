"""``emoreal-bench train``: train a LoRA adapter."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import show_report

EXAMPLES = (
    "Examples: `emoreal-bench train avem.yaml`, `emoreal-bench train avem.yaml --dry-run`; on "
    "eight GPUs `torchrun --nproc-per-node 8 --no-python emoreal-bench train avem.yaml`. "
    "docs/training.md shows the way from a folder of clips to a checked checkpoint; "
    "`emoreal-bench doctor` says where docs/ lies."
)


def train(
    config: Path = typer.Argument(..., help="A YAML file; docs/training.md describes its keys."),
    resume: bool = typer.Option(False, "--resume", help="Continue a training that was stopped."),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Load data and model, show what would be computed, train nothing."
    ),
    max_clip_seconds: float | None = typer.Option(
        None,
        min=1,
        help="Longest clip that is decoded, in seconds.  [default: as in CONFIG]",
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print only warnings and the result."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Train a LoRA adapter with supervised fine-tuning, DPO, Vista-DPO or AVEm-DPO.

    The adapter, its card, checkpoints, metrics and a curve go into the folder that the file names
    under `out`. A training that is stopped and resumed ends with the same weights.
    """
    from emoreal_bench import api

    if dry_run:
        preview = api.preview_training(config, max_clip_seconds=max_clip_seconds)
        show_report(preview, as_json=as_json, plain=True)
        return
    shown = api.ShownTraining(quiet=quiet or as_json)
    result = api.train(config, shown, resume=resume, max_clip_seconds=max_clip_seconds)
    if result.process == 0:  # the first process speaks for those that trained with it
        show_report(result, as_json=as_json, plain=True)

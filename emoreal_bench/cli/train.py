"""``emoreal-bench train``: train a LoRA adapter."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import print_json, show_lines

_EXAMPLES = (
    "Examples: `emoreal-bench train avem.yaml`, `emoreal-bench train avem.yaml --dry-run`; on "
    "eight GPUs `torchrun --nproc-per-node 8 --no-python emoreal-bench train avem.yaml`. "
    "docs/training.md leads from a folder of clips to a checked checkpoint."
)


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command("train", epilog=_EXAMPLES)(train)


def train(
    config: Path = typer.Argument(..., help="YAML file; docs/training.md describes every key."),
    resume: bool = typer.Option(False, "--resume", help="Go on with a training that was stopped."),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Load data and model, count what would be computed, train nothing."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print warnings and the result only."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
) -> None:
    """Train a LoRA adapter by supervised training, DPO, Vista-DPO or AVEm-DPO.

    The folder that the file names under `out` holds the adapter with its card, checkpoints,
    metrics and a curve. A training that is stopped ends in the same weights when it is resumed.
    """
    from emoreal_bench import api
    from emoreal_bench.training.observer import ShownTraining

    if dry_run:
        statistics = api.preview_training(config)
        if as_json:
            print_json(statistics.model_dump(mode="json"))
        else:
            show_lines(statistics.lines())
        return
    result = api.train(config, ShownTraining(quiet=quiet or as_json), resume=resume)
    if result.process > 0:  # the first process speaks for those that trained with it
        return
    if as_json:
        print_json(result.to_json())
    else:
        show_lines(result.lines())

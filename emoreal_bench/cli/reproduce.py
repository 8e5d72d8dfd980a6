"""``emoreal-bench reproduce``: is a published score reached again?"""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from emoreal_bench.cli.arguments import pairs
from emoreal_bench.cli.output import print_json, show
from emoreal_bench.contracts.errors import ExitCode


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command(
        "reproduce",
        epilog="Example: `emoreal-bench reproduce emorealm-avere --model avere/DIR "
        "--data ~/emorealm`. Exit codes: 0 within tolerance; 10 above or below; "
        "4 not comparable.",
    )(reproduce)


def reproduce(
    card: str = typer.Argument(..., help="Name of a card, or path of a YAML file."),
    model: str = typer.Option(..., "--model", "-m", help="provider/model."),
    data: Path | None = typer.Option(None, "--data", "-d", help="Data folder of the card's task."),
    model_arg: list[str] | None = typer.Option(None, help="Argument of the model, key=value."),
    data_arg: list[str] | None = typer.Option(None, help="Option of the reader, key=value."),
    lora: Path | None = typer.Option(None, help="Folder of a LoRA adapter."),
    runs: Path = typer.Option(Path("runs"), help="Folder for run folders."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No progress bar."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Run what a card of a published score describes, and say whether the score is reached."""
    from emoreal_bench import api
    from emoreal_bench.probing.reproduction import ReproductionVerdict
    from emoreal_bench.reporting.terminal.progress import make_observer
    from emoreal_bench.reporting.terminal.reproductions import reproduction_renderables

    options = api.RunOptions(
        policy=api.RunPolicy(command=("emoreal-bench", *sys.argv[1:])),
        data_options=pairs("--data-arg", data_arg),
        model_arguments=pairs("--model-arg", model_arg),
        lora=lora,
        runs=runs,
    )
    try:
        observer = make_observer(quiet=quiet or as_json)
        report = api.reproduce(card, model, data, options, observer)
    except api.RunInterrupted as stop:
        typer.echo(str(stop), err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from stop
    if as_json:
        print_json(report.model_dump(mode="json", by_alias=True))
    else:
        show(*reproduction_renderables(report))
    if report.verdict is ReproductionVerdict.NOT_COMPARABLE:
        raise typer.Exit(ExitCode.NOT_COMPARABLE)
    if report.verdict is not ReproductionVerdict.WITHIN:
        raise typer.Exit(ExitCode.REGRESSION)

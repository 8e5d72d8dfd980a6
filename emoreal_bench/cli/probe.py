"""``emoreal-bench probe``: what does a score rest on?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from emoreal_bench.cli.arguments import pairs
from emoreal_bench.cli.output import print_json, show
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.vocabulary import AnswerMethod

if TYPE_CHECKING:
    from emoreal_bench.running.observer import RunObserver


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command(
        "probe",
        epilog="Example: `emoreal-bench probe --model tiny/omni --task emorealm-synth`. "
        "Give the same command again to continue a probe that was stopped.",
    )(probe)


def probe(
    model: str = typer.Option("tiny/omni", "--model", "-m", help="provider/model."),
    task: str = typer.Option(
        "emorealm-synth", "--task", "-t", help="Task name or path of a YAML file."
    ),
    data: Path | None = typer.Option(
        None, "--data", "-d", help="Data folder; without it the synthetic benchmark is made."
    ),
    variant: str = typer.Option("answer-format", help="How the task asks; `paper` as published."),
    answer: AnswerMethod = typer.Option(
        AnswerMethod.GENERATE, help="Take the written answer, or the most likely letter."
    ),
    limit: int | None = typer.Option(None, min=1, help="Ask so many items, of every subtask some."),
    seed: int = typer.Option(0, min=0, help="Of the swaps, the letters and the intervals."),
    model_arg: list[str] | None = typer.Option(None, help="Argument of the model, key=value."),
    data_arg: list[str] | None = typer.Option(None, help="Option of the reader, key=value."),
    lora: Path | None = typer.Option(None, help="Folder of a LoRA adapter."),
    runs: Path = typer.Option(Path("runs"), help="Folder for run folders."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No progress bar."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Ask in full, with one modality, with none, with other clips and other letters: what is lost?

    Every condition is a run of its own in the runs folder, as `emoreal-bench run` makes it.
    """
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.probes import probe_renderables
    from emoreal_bench.reporting.terminal.progress import make_observer

    def observe(name: str) -> RunObserver:
        if not (quiet or as_json):
            typer.echo(name, err=True)
        return make_observer(quiet=quiet or as_json)

    options = api.RunOptions(
        plan=api.PlanOptions(variant=variant, answer_method=answer, limit=limit),
        policy=api.RunPolicy(command=("emoreal-bench", *sys.argv[1:])),
        data_options=pairs("--data-arg", data_arg),
        model_arguments=pairs("--model-arg", model_arg),
        lora=lora,
        runs=runs,
    )
    try:
        report = api.probe(model, task, data, options, seed=seed, observe=observe)
    except api.RunInterrupted as stop:
        typer.echo(str(stop), err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from stop
    if as_json:
        print_json(report.model_dump(mode="json", by_alias=True))
    else:
        show(*probe_renderables(report))
    if any(scores.coverage < 1 for scores in report.conditions.values()):
        raise typer.Exit(ExitCode.INCOMPLETE)

"""``emoreal-bench judge``: let a model judge the free descriptions of a run."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from emoreal_bench.cli.arguments import pairs
from emoreal_bench.cli.output import print_json, show
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.vocabulary import DeliveryStatus

_EXAMPLES = (
    "Example: `emoreal-bench judge runs/RUN --model http/my-server --repeats 3`. "
    "Give the same command again to continue a judge's run that was stopped."
)


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command("judge", epilog=_EXAMPLES)(judge)


def judge(
    run: Path = typer.Argument(..., help="Run folder with free descriptions."),
    model: str = typer.Option(..., "--model", "-m", help="The judge, provider/model. Pin it."),
    repeats: int = typer.Option(1, help="Judgements of each reply, 1 to 10."),
    model_arg: list[str] | None = typer.Option(None, help="Argument of the judge, key=value."),
    lora: Path | None = typer.Option(None, help="Folder of a LoRA adapter."),
    runs: Path = typer.Option(Path("runs"), help="Folder for run folders."),
    out: Path | None = typer.Option(None, help="Folder of this one run, instead of one in --runs."),
    retry: list[DeliveryStatus] | None = typer.Option(
        None, help="Ask finished judgements of this status again; failed ones always are."
    ),
    fail_on_error: str = typer.Option(
        "false", help="Stop when judgements fail: true, a count, or a share such as 0.05."
    ),
    cache: Path | None = typer.Option(
        None, help="File of a response cache, for judges that repeat themselves."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No progress bar."),
    as_json: bool = typer.Option(False, "--json", help="Print the results as JSON."),
) -> None:
    """Let a model judge the free descriptions of a run: four ratings of 1 to 10 each.

    The judge sees the question, the reference and the reply, never the clip. Its judgements are a
    run of their own.
    """
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.progress import make_observer
    from emoreal_bench.reporting.terminal.scores import report_renderables

    options = api.RunOptions(
        policy=api.RunPolicy(
            retry_statuses=frozenset(retry or ()),
            fail_on_error=api.parse_fail_on_error(fail_on_error),
            command=("emoreal-bench", *sys.argv[1:]),
        ),
        model_arguments=pairs("--model-arg", model_arg),
        lora=lora,
        runs=runs,
        out=out,
        cache=cache,
    )
    try:
        report = api.judge(run, model, repeats, options, make_observer(quiet=quiet or as_json))
    except api.RunInterrupted as stop:
        typer.echo(str(stop), err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from stop
    if as_json:
        print_json(report.results.model_dump(mode="json", by_alias=True, exclude_unset=True))
    else:
        show(*report_renderables(report))
    raise typer.Exit(0 if report.is_complete else ExitCode.INCOMPLETE)

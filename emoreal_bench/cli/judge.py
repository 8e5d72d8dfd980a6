"""``emoreal-bench judge``: let a model judge the free descriptions of a run."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli import options
from emoreal_bench.cli.output import show_report
from emoreal_bench.contracts.errors import ExitCode

EXAMPLES = (
    "Example: `emoreal-bench judge runs/RUN --model http/my-server --repeats 3`. "
    "To continue a judge's run that was stopped, give the same command again."
)


@options.grouped
def judge(
    *,
    run: Path = typer.Argument(..., help="A run folder with free descriptions."),
    model: str = typer.Option(
        ..., "--model", "-m", help="The judge, provider/model. Name an exact version."
    ),
    repeats: int = typer.Option(1, help="How many times each reply is judged, 1 to 10."),
    loading: options.ModelSettings,
    folders: options.RunFolderSettings,
    failures: options.FailureSettings,
    output: options.OutputSettings,
) -> None:
    """Let a model judge the free descriptions of a run: four ratings from 1 to 10 for each.

    The judge sees the question, the reference and the reply, but not the clip. Its judgements are
    kept as a run of their own.
    """
    from emoreal_bench import api

    policy = options.make_policy(failures)
    chosen = options.run_options(
        loading, folders, policy=policy, out=folders.out, cache=folders.cache
    )
    with options.resumable():
        report = api.judge(run, model, repeats, chosen, output.observer())
    show_report(report, as_json=output.as_json)
    raise typer.Exit(0 if report.is_complete else ExitCode.INCOMPLETE)

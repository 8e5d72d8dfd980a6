"""``emoreal-bench reproduce``: is a published score reached again?"""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli import options
from emoreal_bench.cli.output import show_report
from emoreal_bench.contracts.errors import ExitCode

EXAMPLES = (
    "Example: `emoreal-bench reproduce emorealm-avere --model avere/DIR "
    "--data ~/emorealm`. Exit codes: 0 within tolerance; 10 above or below; "
    "4 not comparable."
)


@options.grouped
def reproduce(
    *,
    card: str = typer.Argument(..., help="Name of a reproduction card, or path of a YAML file."),
    model: str = typer.Option(..., "--model", "-m", help="provider/model."),
    data: Path | None = typer.Option(None, "--data", "-d", help="Data folder of the card's task."),
    reader: options.ReaderArguments,
    loading: options.ModelSettings,
    folders: options.ConditionSettings,
    output: options.OutputSettings,
) -> None:
    """Repeat the run behind a published score, and check whether it reaches that score."""
    from emoreal_bench import api

    chosen = options.run_options(
        loading,
        folders,
        data_options=reader.data_options(),
        policy=options.make_policy(patience=folders, clips=folders, kept=folders),
    )
    with options.resumable():
        report = api.reproduce(card, model, data, chosen, output.observer())
    show_report(report, as_json=output.as_json)
    if report.verdict is api.ReproductionVerdict.NOT_COMPARABLE:
        raise typer.Exit(ExitCode.NOT_COMPARABLE)
    if report.verdict is not api.ReproductionVerdict.WITHIN:
        raise typer.Exit(ExitCode.REGRESSION)

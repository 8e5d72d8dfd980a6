"""``emoreal-bench compare``: runs against each other."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import print_json, show
from emoreal_bench.contracts.vocabulary import Factor


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command(
        "compare", epilog="Example: `emoreal-bench compare runs/BEFORE runs/AFTER`"
    )(compare)


def compare(
    runs: list[Path] = typer.Argument(..., help="Run folders; each is compared with the first."),
    across: list[Factor] | None = typer.Option(
        None, help="Let the runs differ in this, to see its effect; may be given several times."
    ),
    seed: int = typer.Option(0, min=0, help="Of the intervals."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    html: Path | None = typer.Option(
        None, help="Also write a page of two runs into this folder, with the items that flipped."
    ),
) -> None:
    """Compare runs of the same items with the first: better, worse, or no evidence?"""
    from emoreal_bench import api
    from emoreal_bench.contracts.errors import UsageError
    from emoreal_bench.reporting.terminal.comparisons import comparison_renderables

    report = api.compare(runs, across=across or (), seed=seed)
    if html is not None:
        if len(runs) != 2:
            raise UsageError("--html shows two runs.", remedy="Name two, or leave --html out.")
        first, second = runs
        api.view_run(second, html, other=first)
    if as_json:
        print_json(report.model_dump(mode="json", by_alias=True))
    else:
        show(*comparison_renderables(report))

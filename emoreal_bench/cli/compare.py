"""``emoreal-bench compare``: runs against each other."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli import options
from emoreal_bench.cli.output import show_report, tell
from emoreal_bench.contracts.vocabulary import Factor

EXAMPLES = "Example: `emoreal-bench compare runs/BEFORE runs/AFTER`"


def compare(
    runs: list[Path] = typer.Argument(..., help="Run folders. Each is compared with the first."),
    across: list[Factor] | None = typer.Option(
        None, help="Allow the runs to differ in this, to see its effect; repeatable."
    ),
    seed: int = typer.Option(
        0, min=0, help="Seed where chance is drawn: metrics that are no sums, and log-likelihoods."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    html: Path | None = typer.Option(
        None,
        help="Also write the report as a page, with a folder for each run that shows its items "
        f"beside those of the first, and those that flipped. {options.PAGE_RULE}",
    ),
) -> None:
    """Compare runs of the same items with the first run: better, worse, or no evidence?"""
    from emoreal_bench import api

    report = api.compare(runs, across=across or (), seed=seed)
    if html is not None:
        tell(f"Wrote {api.write_comparison_page(report, runs, html)}. Open it in a browser.")
    show_report(report, as_json=as_json)

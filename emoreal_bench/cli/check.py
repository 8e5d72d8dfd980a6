"""``emoreal-bench check``: a run against a baseline, for continuous integration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from emoreal_bench.cli import options
from emoreal_bench.cli.output import show, show_report
from emoreal_bench.contracts.errors import UsageError

EXAMPLES = (
    "Examples: `emoreal-bench check runs/NAME --save-baseline baseline.json`, "
    "`emoreal-bench check runs/NAME --baseline baseline.json --rules rules.yaml --junit check.xml`"
)


@dataclass(frozen=True)
class ReportFiles:
    """Files in which other programs read the report."""

    junit: Annotated[Path | None, Option(help="Also write the report to this file, as JUnit.")] = (
        None
    )
    markdown: Annotated[
        Path | None, Option(help="Also write the report to this file, as Markdown.")
    ] = None


@options.grouped
def check(
    *,
    run: Path = typer.Argument(..., help="A run folder."),
    baseline: Path | None = typer.Option(None, help="Compare the run with this baseline file."),
    rules: Path | None = typer.Option(
        None, help="YAML file with the limits. Without it, no accuracy may drop by 3 points."
    ),
    save_baseline: Path | None = typer.Option(
        None, help="Save the run as a baseline in this file, instead of checking it."
    ),
    files: ReportFiles,
    seed: int = typer.Option(0, min=0, help="Seed of the intervals and the tests."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Check whether a model got worse.

    Exit code 0: no; 10: yes; 3: too few items; 4: not comparable.
    """
    from emoreal_bench import api

    if baseline is None:
        if save_baseline is None:
            raise UsageError("Name a file with --baseline, or one with --save-baseline.")
        api.save_baseline(run, save_baseline)
        show(f"Wrote {save_baseline}.")
        return
    if save_baseline is not None:
        raise UsageError("--baseline and --save-baseline do not go together.")
    report = api.check(run, baseline, rules, seed=seed)
    api.write_check(report, junit=files.junit, markdown=files.markdown)
    show_report(report, as_json=as_json)
    raise typer.Exit(report.exit_code)

"""``emoreal-bench check``: a run against a baseline, for continuous integration."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import print_json, show
from emoreal_bench.contracts.errors import UsageError

_EXAMPLES = (
    "Examples: `emoreal-bench check runs/NAME --save-baseline baseline.json`, "
    "`emoreal-bench check runs/NAME --baseline baseline.json --rules rules.yaml --junit check.xml`"
)


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command("check", epilog=_EXAMPLES)(check)


def check(
    run: Path = typer.Argument(..., help="A run folder."),
    baseline: Path | None = typer.Option(None, help="File to hold the run against."),
    rules: Path | None = typer.Option(
        None, help="YAML file with the limits; without it no accuracy may drop by 3 points."
    ),
    save_baseline: Path | None = typer.Option(
        None, help="Write the run as a baseline to this file, instead of checking it."
    ),
    junit: Path | None = typer.Option(None, help="Write the report as JUnit to this file."),
    markdown: Path | None = typer.Option(None, help="Write the report as Markdown to this file."),
    seed: int = typer.Option(0, min=0, help="Of the intervals and the tests."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Has a model become worse? Exit code 0: no; 10: yes; 3: too few items; 4: not comparable."""
    from emoreal_bench import api
    from emoreal_bench.reporting.check.output import check_renderables

    if baseline is None:
        if save_baseline is None:
            raise UsageError("Name a file with --baseline, or one with --save-baseline.")
        api.save_baseline(run, save_baseline)
        show(f"Wrote {save_baseline}.")
        return
    if save_baseline is not None:
        raise UsageError("--baseline and --save-baseline do not go together.")
    report = api.check(run, baseline, rules, seed=seed)
    api.write_check(report, junit=junit, markdown=markdown)
    if as_json:
        print_json(report.model_dump(mode="json", by_alias=True))
    else:
        show(*check_renderables(report))
    raise typer.Exit(report.exit_code)

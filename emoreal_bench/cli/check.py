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
from emoreal_bench.contracts.vocabulary import Factor

EXAMPLES = (
    "Examples: `emoreal-bench check runs/NAME --save-baseline baseline.json`, "
    "`emoreal-bench check runs/NAME --baseline baseline.json --rules rules.yaml "
    "--junit check.xml`, "
    "`emoreal-bench check runs/NAME --baseline baseline.json --plan --drop 0.02`"
)


@dataclass(frozen=True)
class BaselineFiles:
    """What the run is held against, or what it is to be saved as."""

    baseline: Annotated[Path | None, Option(help="Compare the run with this baseline file.")] = None
    rules: Annotated[
        Path | None,
        Option(help="YAML file with the limits. Without it, no accuracy may drop by 3 points."),
    ] = None
    save_baseline: Annotated[
        Path | None,
        Option(help="Save the run as a baseline in this file, instead of checking it."),
    ] = None
    across: Annotated[
        list[Factor] | None,
        Option(help="'imported': allow one of the two to be measured and the other imported."),
    ] = None


@dataclass(frozen=True)
class PlanSettings:
    """Whether to plan a check instead, and for what."""

    plan: Annotated[
        bool,
        Option("--plan", help="Check nothing; say how many items the tests need to find a drop."),
    ] = False
    drop: Annotated[
        float | None,
        Option(
            min=0.0,
            max=1.0,
            help="The drop to plan for, 0.03 for 3 points. Without it, the largest that the "
            "rules allow.",
        ),
    ] = None


@dataclass(frozen=True)
class ReportFiles:
    """Files in which other programs read the report."""

    junit: Annotated[Path | None, Option(help="Also write the report to this file, as JUnit.")] = (
        None
    )
    markdown: Annotated[
        Path | None, Option(help="Also write the report to this file, as Markdown.")
    ] = None
    html: Annotated[
        Path | None, Option(help=f"Also write the report as a page. {options.PAGE_RULE}")
    ] = None


@options.grouped
def check(
    *,
    run: Path = typer.Argument(..., help="A run folder."),
    against: BaselineFiles,
    planning: PlanSettings,
    files: ReportFiles,
    seed: int = typer.Option(0, min=0, help="Seed of the intervals of single scores."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Check whether a model got worse.

    Exit code 0: no, as far as can be told; 10: yes; 11: it cannot be told, where the rules
    ask for that; 3: items never reached the model; 4: not comparable.
    """
    from emoreal_bench import api

    if planning.plan:
        plan = api.plan_check(run, against.baseline, against.rules, drop=planning.drop)
        show_report(plan, as_json=as_json)
        return
    if planning.drop is not None:
        raise UsageError("--drop belongs to --plan; a check takes its limits from --rules.")
    if against.baseline is None:
        if against.save_baseline is None:
            raise UsageError("Name a file with --baseline, or one with --save-baseline.")
        api.save_baseline(run, against.save_baseline)
        show(f"Wrote {against.save_baseline}.")
        return
    if against.save_baseline is not None:
        raise UsageError("--baseline and --save-baseline do not go together.")
    across = against.across or ()
    report = api.check(run, against.baseline, against.rules, seed=seed, across=across)
    api.write_check(report, junit=files.junit, markdown=files.markdown, html=files.html)
    show_report(report, as_json=as_json)
    raise typer.Exit(report.exit_code)

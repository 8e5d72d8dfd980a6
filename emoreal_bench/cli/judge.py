"""``emoreal-bench judge``: let a model judge the free descriptions of a run, or its statements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from emoreal_bench.cli import options
from emoreal_bench.cli.output import show_report
from emoreal_bench.contracts.errors import ExitCode

EXAMPLES = (
    "Examples: `emoreal-bench judge runs/RUN --model http/my-server --repeats 3`, "
    "`emoreal-bench judge runs/RUN --statements --model http/my-server --out runs/RUN-judged`. "
    "To continue a judge's run that was stopped, give the same command again."
)


@dataclass(frozen=True)
class Matter:
    """What is judged."""

    repeats: Annotated[
        int, typer.Option(help="How many times each description is judged, 1 to 10.")
    ] = 1
    statements: Annotated[
        bool,
        typer.Option(
            "--statements",
            help="Judge what replies to yes/no questions amount to in which no answer was found: "
            "yes, no or neither. `score --judged-by` reads the verdicts.",
        ),
    ] = False


@dataclass(frozen=True)
class JudgeSettings(options.FailureSettings, options.ExecutorSettings, options.ShardSettings):
    """How the judge is asked."""


@options.grouped
def judge(
    *,
    run: Path = typer.Argument(..., help="A run folder."),
    model: str = typer.Option(
        ..., "--model", "-m", help="The judge, provider/model. Name an exact version."
    ),
    judged: Matter,
    loading: options.ModelSettings,
    folders: options.RunFolderSettings,
    sitting: JudgeSettings,
    output: options.OutputSettings,
) -> None:
    """Let a model judge the free descriptions of a run: four ratings from 1 to 10 for each.

    The judge sees the question, the reference and the reply, but not the clip. Its judgements are
    kept as a run of their own.
    """
    from emoreal_bench import api

    policy = options.make_policy(sitting)
    chosen = options.run_options(
        loading,
        folders,
        policy=policy,
        out=folders.out,
        cache=folders.cache,
        ray=sitting.ray(),
        shard=sitting.part(),
    )
    with options.resumable():
        report = api.judge(
            run,
            model,
            judged.repeats,
            chosen,
            output.observer(),
            matter=api.JudgedMatter.STATEMENTS
            if judged.statements
            else api.JudgedMatter.DESCRIPTIONS,
        )
    show_report(report, as_json=output.as_json)
    is_judged = any(scores.judged for scores in (report.results.judged or {}).values())
    raise typer.Exit(0 if report.has_asked_all and is_judged else ExitCode.INCOMPLETE)

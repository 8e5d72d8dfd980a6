"""``emoreal-bench probe``: what does a score rest on?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from emoreal_bench.cli import options
from emoreal_bench.cli.output import show_report, tell
from emoreal_bench.contracts.errors import ExitCode

EXAMPLES = (
    "Example: `emoreal-bench probe --model tiny/omni --task emorealm-synth`. "
    "To continue a probe that was stopped, give the same command again."
)


@dataclass(frozen=True)
class ProbeOutput(options.OutputSettings):
    """What is printed, and where a page of it goes."""

    html: Annotated[
        Path | None, Option(help=f"Also write the report as a page. {options.PAGE_RULE}")
    ] = None


@dataclass(frozen=True)
class ProbeSettings(options.ConditionSettings, options.ExecutorSettings):
    """How the runs of a probe are kept and carried out."""


@options.grouped
def probe(
    *,
    model: str = typer.Option("tiny/omni", "--model", "-m", help="provider/model."),
    question: options.QuestionSettings,
    seed: int = typer.Option(
        0, min=0, help="Seed of the clip swaps, the letter shuffles and the intervals."
    ),
    loading: options.ModelSettings,
    reader: options.ReaderArguments,
    folders: ProbeSettings,
    output: ProbeOutput,
) -> None:
    """Measure what a score rests on: take away sound, picture or both, swap clips, shuffle letters.

    Each condition is a run of its own in the runs folder, like the runs of `emoreal-bench run`.
    """
    from emoreal_bench import api

    chosen = options.run_options(
        loading,
        folders,
        plan=question.plan(),
        data_options=reader.data_options(),
        policy=options.make_policy(patience=folders, clips=folders, kept=folders),
        ray=folders.ray(),
    )
    with options.resumable():
        report = api.probe(
            model,
            question.task,
            question.data,
            chosen,
            seed=seed,
            observe=output.named_observer,
        )
    if output.html is not None:
        tell(f"Wrote {api.write_probe_page(report, output.html)}. Open it in a browser.")
    show_report(report, as_json=output.as_json)
    if any(scores.coverage < 1 for scores in report.conditions.values()):
        raise typer.Exit(ExitCode.INCOMPLETE)

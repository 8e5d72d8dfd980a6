"""``emoreal-bench score``: score a run again, or predictions made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from emoreal_bench.cli import options
from emoreal_bench.cli.output import show, show_report
from emoreal_bench.contracts.errors import UsageError

if TYPE_CHECKING:
    from emoreal_bench.api import Results, Scoring

EXAMPLES = (
    "Examples: `emoreal-bench score runs/NAME`, "
    "`emoreal-bench score --task emorealm --annotations emorealm_v1.json "
    "--predictions replies.jsonl --scoring all --json scores.json`, "
    "`emoreal-bench score --task emorealm --data DATA --predictions logs/NAME.eval --runs runs`"
)


@dataclass(frozen=True)
class Elsewhere:
    """Predictions that were made elsewhere, and what they are about."""

    task: Annotated[str | None, Option("--task", "-t", help="The task that was answered.")] = None
    annotations: Annotated[
        Path | None, Option(help="The annotation file of the data set, if its clips are not here.")
    ] = None
    data: Annotated[Path | None, Option(help="The data folder, in its place.")] = None
    predictions: Annotated[
        Path | None,
        Option(
            help="A JSON object id -> text, a JSONL, CSV, Excel or Parquet file with id and "
            "prediction, a folder of ID.txt, or a log of Inspect AI, lm-evaluation-harness or "
            "lmms-eval."
        ),
    ] = None
    runs: Annotated[
        Path | None,
        Option(
            help="Keep the predictions as a run in this folder of runs, marked as imported, to "
            "be viewed, compared and listed."
        ),
    ] = None
    model: Annotated[
        str | None,
        Option(
            "--model",
            "-m",
            help="With --runs: who made the predictions. Without it, as their log says, or the "
            "name of the file.",
        ),
    ] = None
    id: Annotated[
        str | None,
        Option(metavar="COLUMN", help="Column or key of the ids, if it is not named id."),
    ] = None
    reply: Annotated[
        str | None,
        Option(metavar="COLUMN", help="Column or key of the replies, if not named prediction."),
    ] = None


@options.grouped
def score(
    *,
    run: Path | None = typer.Argument(None, help="A run folder to score again."),
    elsewhere: Elsewhere,
    scoring: list[str] | None = typer.Option(
        None,
        help="official, official-lenient, strict or all; repeatable. Without it strict and "
        "official; with --runs all, as `run` keeps them.",
    ),
    judged_by: Path | None = typer.Option(
        None,
        help="The run of a judge over this run's replies without an answer (judge --statements); "
        "shown as the scoring strict-judged.",
    ),
    json_out: Path | None = typer.Option(
        None, "--json", help="Write the scores to this file ('-' for standard output)."
    ),
) -> None:
    """Score a run again, or predictions that were made elsewhere."""
    from emoreal_bench import api

    if run is None and judged_by is not None:
        raise UsageError(
            "Only a run folder can be judged.",
            remedy="Name the run folder, or leave --judged-by out.",
        )
    if run is not None and any(astuple(elsewhere)):
        raise UsageError(
            "A run folder is scored from its own files.",
            remedy="Give the run folder alone, or --task, --predictions, and --annotations or "
            "--data.",
        )
    if elsewhere.model is not None and elsewhere.runs is None:
        raise UsageError("--model names the run that --runs makes.", remedy="Add --runs FOLDER.")
    scorings = api.parse_scorings(scoring or (["all"] if elsewhere.runs else None))
    if run is not None:
        results, place = api.score_run(run, scorings, judged_by), None
    else:
        results, place = _score_elsewhere(elsewhere, scorings)
    if json_out is None or str(json_out) == "-":
        show_report(results, as_json=json_out is not None)
    else:
        api.write_json(json_out, api.report_json(results))
    if place is not None and str(json_out) != "-":
        show(f"Kept as an imported run in {place}.")


def _score_elsewhere(
    elsewhere: Elsewhere, scorings: Sequence[Scoring]
) -> tuple[Results, Path | None]:
    """Score predictions, and return the folder of the run if one is to be kept."""
    from emoreal_bench import api

    about = elsewhere.annotations
    predictions = elsewhere.predictions and api.ReplyTable(
        elsewhere.predictions, elsewhere.id or "id", elsewhere.reply or "prediction"
    )
    if elsewhere.runs is None:
        scores = api.score_predictions(
            elsewhere.task, about, predictions, scorings, data=elsewhere.data
        )
        return scores, None
    report = api.import_predictions(
        elsewhere.task,
        predictions,
        elsewhere.runs,
        annotations=about,
        data=elsewhere.data,
        model=elsewhere.model,
        scorings=scorings,
    )
    return report.results, report.folder

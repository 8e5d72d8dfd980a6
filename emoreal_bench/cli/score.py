"""``emoreal-bench score``: score a run again, or predictions made elsewhere."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import show_report
from emoreal_bench.contracts.errors import UsageError

EXAMPLES = (
    "Examples: `emoreal-bench score runs/NAME`, "
    "`emoreal-bench score --task emorealm --annotations emorealm_v1.json "
    "--predictions replies.jsonl --scoring all --json scores.json`"
)


def score(
    run: Path | None = typer.Argument(None, help="A run folder to score again."),
    task: str | None = typer.Option(None, "--task", "-t", help="The task that was answered."),
    annotations: Path | None = typer.Option(None, help="The annotation file of the data set."),
    predictions: Path | None = typer.Option(
        None,
        help="A JSON object id -> text, a JSONL with id and prediction, or a folder of ID.txt.",
    ),
    scoring: list[str] | None = typer.Option(
        None, help="official, official-lenient, strict or all; repeatable."
    ),
    *,
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
    if run is not None and (task or annotations or predictions):
        raise UsageError(
            "A run folder is scored from its own files.",
            remedy="Give the run folder alone, or --task, --annotations and --predictions.",
        )
    scorings = api.parse_scorings(scoring)
    if run is not None:
        results = api.score_run(run, scorings, judged_by)
    else:
        results = api.score_predictions(task, annotations, predictions, scorings)
    if json_out is None or str(json_out) == "-":
        show_report(results, as_json=json_out is not None)
    else:
        api.write_json(json_out, api.report_json(results))

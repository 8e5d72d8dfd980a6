"""``emoreal-bench score``: score a run again, or predictions made elsewhere."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import print_json, show
from emoreal_bench.contracts.errors import UsageError

_EXAMPLES = (
    "Examples: `emoreal-bench score runs/emorealm/MODEL`, "
    "`emoreal-bench score --task emorealm --annotations emorealm_v1.json "
    "--predictions replies.jsonl --scoring all --json scores.json`"
)


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command("score", epilog=_EXAMPLES)(score)


def score(
    run: Path | None = typer.Argument(None, help="A run folder to score again."),
    task: str | None = typer.Option(None, "--task", "-t", help="Task of the predictions."),
    annotations: Path | None = typer.Option(None, help="The data set's own annotation file."),
    predictions: Path | None = typer.Option(
        None, help="JSON object id -> text, JSONL with id and prediction, or folder of ID.txt."
    ),
    scoring: list[str] | None = typer.Option(
        None, help="official, official-lenient, strict or all; may be given several times."
    ),
    json_out: Path | None = typer.Option(
        None, "--json", help="Write the scores to this file ('-' for standard output)."
    ),
) -> None:
    """Score a run again, or predictions that were made elsewhere."""
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.scores import results_renderables

    if run is not None and (task or annotations or predictions):
        raise UsageError(
            "A run folder is scored from its own files.",
            remedy="Give the run folder alone, or --task, --annotations and --predictions.",
        )
    scorings = api.parse_scorings(scoring)
    if run is not None:
        results = api.score_run(run, scorings)
    else:
        results = api.score_predictions(task, annotations, predictions, scorings)
    record = results.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if json_out is None:
        show(*results_renderables(results))
    elif str(json_out) == "-":
        print_json(record)
    else:
        api.write_json(json_out, record)

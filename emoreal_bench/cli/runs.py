"""``emoreal-bench runs``: what was run, and what came of it."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import print_json, show, show_report, show_rows
from emoreal_bench.contracts.vocabulary import Tracker

group = typer.Typer(no_args_is_help=True, help="Look at runs and pass them on.")


@group.command("list")
def list_runs(
    folder: Path = typer.Argument(Path("runs"), help="Folder that contains runs."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the runs in a folder, finished or not."""
    from emoreal_bench import api

    rows = api.list_runs(folder)
    if as_json:
        print_json(rows)
        return
    if not rows:
        show(f"There are no runs in {folder}.")
        return
    show_rows(rows)


@group.command("show")
def show_run(
    run: Path = typer.Argument(..., help="A run folder."),
    plain: bool = typer.Option(False, "--plain", help="Print lines instead of tables, for logs."),
    as_json: bool = typer.Option(False, "--json", help="Print results.json."),
) -> None:
    """Show the scores of one run."""
    from emoreal_bench import api

    show_report(api.load_run(run), as_json=as_json, plain=plain)


@group.command("diff", epilog="Example: `emoreal-bench runs diff runs/BEFORE runs/AFTER`")
def diff_runs(
    first: Path = typer.Argument(..., help="A run folder."),
    second: Path = typer.Argument(..., help="Another run folder."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON, with every flipped item."),
) -> None:
    """Show what changed between two runs: settings, and items that became right or wrong."""
    from emoreal_bench import api

    show_report(api.diff_runs(first, second), as_json=as_json)


@group.command("merge", epilog="Example: `emoreal-bench runs merge part-1 part-2 --out whole`")
def merge_runs(
    runs: list[Path] = typer.Argument(..., help="Folders with the parts of one run."),
    out: Path = typer.Option(..., help="Folder of the joined run."),
) -> None:
    """Join the parts of one run, for example when two machines shared its items."""
    from emoreal_bench import api

    show_report(api.merge_runs(runs, out), as_json=False)


@group.command("export", epilog="Example: `emoreal-bench runs export runs/NAME --out items.csv`")
def export_run(
    run: Path = typer.Argument(..., help="A run folder."),
    out: Path = typer.Option(
        ..., help="File to write: .jsonl, .csv, .parquet, or .eval for Inspect's viewer."
    ),
) -> None:
    """Export every item with its reply and how each scoring reads it, one row per item."""
    from emoreal_bench import api

    api.export_run(run, out)
    show(f"Wrote {out}.")


@group.command("track", epilog="Example: `emoreal-bench runs track runs/NAME --to mlflow`")
def track_run(
    run: Path = typer.Argument(..., help="A run folder."),
    to: Tracker = typer.Option(..., help="The service. Its client must be installed."),
    project: str = typer.Option("emoreal-bench", help="Project or experiment of the service."),
) -> None:
    """Send scores, identity and settings to Weights & Biases or MLflow, but not the items."""
    from emoreal_bench import api

    api.track_run(run, to, project)
    show(f"Sent the scores to {to.value}, project {project}.")


@group.command("card", epilog="Example: `emoreal-bench runs card runs/NAME --out model/README.md`")
def write_card(
    run: Path = typer.Argument(..., help="Folder of a complete run."),
    out: Path = typer.Option(..., help="The model card (README.md); its text stays as it is."),
) -> None:
    """Put the headline scores into the metadata of a Hugging Face model card."""
    from emoreal_bench import api

    api.write_model_card(run, out)
    show(f"Wrote the scores into {out}. Nothing was uploaded.")

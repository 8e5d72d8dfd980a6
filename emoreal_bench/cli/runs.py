"""``emoreal-bench runs``: what was run, and what came of it."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import print_json, show, show_lines
from emoreal_bench.contracts.vocabulary import Tracker


def add_to(application: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help="Look at runs.")
    group.command("list")(list_runs)
    group.command("show")(show_run)
    group.command("diff", epilog="Example: `emoreal-bench runs diff runs/BEFORE runs/AFTER`")(
        diff_runs
    )
    group.command("merge", epilog="Example: `emoreal-bench runs merge part-1 part-2 --out whole`")(
        merge_runs
    )
    group.command(
        "export", epilog="Example: `emoreal-bench runs export runs/NAME --out items.csv`"
    )(export_run)
    group.command("track", epilog="Example: `emoreal-bench runs track runs/NAME --to mlflow`")(
        track_run
    )
    group.command(
        "card", epilog="Example: `emoreal-bench runs card runs/NAME --out model/README.md`"
    )(write_card)
    application.add_typer(group, name="runs")


def list_runs(
    folder: Path = typer.Argument(Path("runs"), help="Folder that holds runs."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the runs below a folder, finished or not."""
    from rich.table import Table

    from emoreal_bench import api

    rows = api.list_runs(folder)
    if as_json:
        print_json(rows)
        return
    if not rows:
        show(f"There are no runs in {folder}.")
        return
    table = Table()
    for column in rows[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    show(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{100 * value:.1f}"
    return "" if value is None else str(value)


def show_run(
    run: Path = typer.Argument(..., help="A run folder."),
    plain: bool = typer.Option(False, "--plain", help="Lines instead of tables, for logs."),
    as_json: bool = typer.Option(False, "--json", help="Print results.json."),
) -> None:
    """Show the scores of one run."""
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.scores import report_lines, report_renderables

    report = api.load_run(run)
    if as_json:
        print_json(report.results.model_dump(mode="json", by_alias=True, exclude_unset=True))
    elif plain:
        show_lines(report_lines(report))
    else:
        show(*report_renderables(report))


def diff_runs(
    first: Path = typer.Argument(..., help="A run folder."),
    second: Path = typer.Argument(..., help="Another."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON, with every flipped item."),
) -> None:
    """Show what changed between two runs: settings, and items that became right or wrong."""
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.run_changes import changes_renderables

    changes = api.diff_runs(first, second)
    if as_json:
        print_json(changes.model_dump(mode="json"))
    else:
        show(*changes_renderables(changes))


def merge_runs(
    runs: list[Path] = typer.Argument(..., help="Folders of parts of one run."),
    out: Path = typer.Option(..., help="Folder to make."),
) -> None:
    """Join parts of one run, as when two machines shared its items."""
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.scores import report_renderables

    show(*report_renderables(api.merge_runs(runs, out)))


def export_run(
    run: Path = typer.Argument(..., help="A run folder."),
    out: Path = typer.Option(
        ..., help="File to write: .jsonl, .csv, .parquet, or .eval for Inspect's viewer."
    ),
) -> None:
    """Write every item with its reply and how each scoring reads it, one row per item."""
    from emoreal_bench import api

    api.export_run(run, out)
    show(f"Wrote {out}.")


def track_run(
    run: Path = typer.Argument(..., help="A run folder."),
    to: Tracker = typer.Option(..., help="The service; its own client has to be installed."),
    project: str = typer.Option("emoreal-bench", help="Its project or experiment."),
) -> None:
    """Send scores, identity and settings to Weights & Biases or MLflow; no question, no reply."""
    from emoreal_bench import api

    api.track_run(run, to, project)
    show(f"Sent the scores to {to.value}, project {project}.")


def write_card(
    run: Path = typer.Argument(..., help="A complete run."),
    out: Path = typer.Option(..., help="The model card, README.md; its text is kept."),
) -> None:
    """Put the headline scores into the metadata of a model card of the Hugging Face hub."""
    from emoreal_bench import api

    api.write_model_card(run, out)
    show(f"Wrote the scores into {out}. Nothing was uploaded.")

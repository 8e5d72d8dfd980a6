"""``emoreal-bench sweep``: models x tasks x settings, each combination a run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from emoreal_bench.cli import options
from emoreal_bench.cli.output import print_json, show, show_report, tell
from emoreal_bench.contracts.errors import EmorealError, ExitCode, UsageError

if TYPE_CHECKING:
    from emoreal_bench.api import RunOptions, SweepReport

EXAMPLES = (
    "Examples: `emoreal-bench sweep sweep.yaml`, `emoreal-bench sweep sweep.yaml --dry-run`, "
    "`emoreal-bench sweep sweep.yaml --watch`. "
    "To continue a sweep that was stopped, give the same command again."
)
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class SweepFolders(
    options.ConditionSettings,
    options.BudgetSettings,
    options.MediaCacheOptions,
    options.ExecutorSettings,
):
    """Where the runs and the page of a sweep are kept, and how the runs are carried out."""

    leaderboard: Annotated[
        Path | None, Option(help="Folder in which to write one leaderboard of all runs.")
    ] = None


@options.grouped
def sweep(
    *,
    file: Path = typer.Argument(..., help="YAML file with models, tasks and settings."),
    folders: SweepFolders,
    dry_run: bool = typer.Option(False, "--dry-run", help="List the runs, without asking."),
    watch: bool = typer.Option(
        False, "--watch", help="Stay, and run again whenever a file or a checkpoint changes."
    ),
    output: options.OutputSettings,
) -> None:
    """Run models on tasks under every combination of settings, as one file lists them.

    Each combination is a run of its own in the runs folder, like the runs of `emoreal-bench run`.
    One that cannot be run does not keep the others from running. A budget is that of each run.
    """
    from emoreal_bench import api

    if dry_run:
        rows = api.list_sweep(file)
        if output.as_json:
            print_json([row.model_dump(mode="json") for row in rows])
        else:
            show(*api.report_tables(api.SweepReport(rows=tuple(rows))))
        return
    if watch and output.as_json:
        raise UsageError("--json prints one result, and --watch has no last one.")
    chosen = api.RunOptions(
        runs=folders.runs,
        policy=options.make_policy(patience=folders, clips=folders, budget=folders, kept=folders),
        ray=folders.ray(),
    )
    if watch:
        _watch(file, chosen, folders, output)
        return
    report = _run(file, chosen, folders, output)
    raise typer.Exit(0 if report.is_complete else ExitCode.INCOMPLETE)


def _run(
    file: Path, chosen: RunOptions, folders: SweepFolders, output: options.OutputSettings
) -> SweepReport:
    from emoreal_bench import api

    with options.resumable():
        report = api.sweep(file, chosen, observe=output.named_observer)
    show_report(report, as_json=output.as_json)
    runs = sorted({Path(row.folder) for row in report.rows if row.folder is not None})
    if folders.leaderboard is not None and runs:
        page = api.build_leaderboard(runs, folders.leaderboard)
        if not output.as_json:
            show(f"Wrote {page}. Open it in a browser.")
    return report


def _watch(
    file: Path, chosen: RunOptions, folders: SweepFolders, output: options.OutputSettings
) -> None:
    """Run, wait until a file is another one and stays so for a moment, and run again."""
    from emoreal_bench import api

    try:
        while True:
            before = api.take_fingerprint(file)
            try:
                _run(file, chosen, folders, output)
            except EmorealError as error:  # Such as a file that is just being written.
                tell(error)
            tell("Waiting for a file to change. Ctrl-C ends it.")
            while (now := api.take_fingerprint(file)) == before:
                time.sleep(_LOOK_SECONDS)
            while now != (now := _after_a_moment(file)):
                pass
    except KeyboardInterrupt:
        tell("Ended.")


def _after_a_moment(file: Path) -> Mapping[str, tuple[int, int]]:
    from emoreal_bench import api

    time.sleep(_LOOK_SECONDS)
    return api.take_fingerprint(file)

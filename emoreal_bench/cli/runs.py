"""``emoreal-bench runs``: what was run, and what came of it."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from emoreal_bench.cli import options
from emoreal_bench.cli.output import print_json, show, show_report, show_rows
from emoreal_bench.contracts.errors import ExitCode, UsageError
from emoreal_bench.contracts.vocabulary import PublishedForm, Tracker

if TYPE_CHECKING:
    from emoreal_bench.api import FileState

group = typer.Typer(no_args_is_help=True, help="Look at runs and pass them on.")


@group.command("list")
def list_runs(
    folder: Path | None = typer.Argument(
        None, help="Folder that contains runs.", show_default="runs"
    ),
    runs: Path | None = typer.Option(None, help="The same folder, named as `run` names it."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the runs in a folder, finished or not, with what tells those of one model apart."""
    from emoreal_bench import api
    from emoreal_bench.text import minute_of

    if folder is not None and runs is not None:
        raise UsageError("The folder is named twice.", remedy="Leave --runs out.")
    folder = folder or runs or Path("runs")
    rows = api.list_runs(folder)
    if as_json:
        print_json(rows)
        return
    if not rows:
        show(f"There are no runs in {folder}.")
        return
    problems = [row.pop("problem") for row in rows]
    dated = [row | {"date": minute_of(row["date"] or "")} for row in rows]
    # A column that says nothing of any run only makes the others narrow.
    told = [name for name in dated[0] if any(row[name] is not None for row in dated)]
    show_rows([{name: row[name] for name in told} for row in dated])
    show(*filter(None, problems))


@group.command("verify", epilog="Example: `emoreal-bench runs verify runs/NAME --repair`")
def verify_runs(
    runs: list[Path] = typer.Argument(..., help="Run folders, or folders that contain some."),
    repair: bool = typer.Option(
        False,
        "--repair",
        help="Mend what follows from other files: put damaged lines of the log aside and write "
        "the scores again.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Check that the files of runs are whole and belong together; say what to do where not."""
    from dataclasses import asdict

    from emoreal_bench import api

    states = api.verify_runs(runs, repair=repair)
    if as_json:
        print_json([asdict(state) | {"folder": str(state.folder)} for state in states])
    else:
        for state in states:
            show_rows([_file_row(file) for file in state.files], title=str(state.folder))
    if not all(state.is_whole for state in states):
        raise typer.Exit(ExitCode.INCOMPLETE)


def _file_row(file: FileState) -> dict[str, str]:
    if file.problem is None:
        return {"file": file.name, "state": "whole", "problem": "", "what to do": ""}
    return {
        "file": file.name,
        "state": "mended" if file.repaired else "look",
        "problem": file.problem,
        "what to do": "" if file.repaired else file.remedy,
    }


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
    runs: list[Path] = typer.Argument(..., help="Folders with the parts of one run: its shards."),
    out: Path = typer.Option(..., help="Folder of the joined run."),
) -> None:
    """Join the parts of one run, such as its shards, in any order; what is missing is named."""
    from emoreal_bench import api

    show_report(api.merge_runs(runs, out), as_json=False)


@dataclass(frozen=True)
class Publication:
    """What those who publish results ask beside the run."""

    dataset: Annotated[
        str | None,
        Option(
            help="With --to eval-results: the benchmark's id on the hub, ORGANIZATION/NAME. "
            "Without it, where the task is downloaded from."
        ),
    ] = None
    source_url: Annotated[
        str | None, Option(help="With --to eval-results: where the run can be looked at.")
    ] = None
    organization: Annotated[
        str | None, Option(help="With --to every-eval-ever: who ran the evaluation.")
    ] = None


@group.command(
    "export",
    epilog="Examples: `emoreal-bench runs export runs/NAME --out items.csv`, "
    "`emoreal-bench runs export runs/NAME --to eval-results --out model-repository`, "
    "`emoreal-bench runs export runs/NAME --to every-eval-ever --out store`",
)
@options.grouped
def export_run(
    *,
    run: Path = typer.Argument(..., help="A run folder."),
    out: Path = typer.Option(
        ...,
        help="File to write: .jsonl, .csv, .parquet, or .eval for Inspect's viewer. With --to, "
        "a folder.",
    ),
    to: PublishedForm | None = typer.Option(
        None, help="Write the scores as others publish them, instead of the items."
    ),
    publication: Publication,
) -> None:
    """Export every item with its reply and how each scoring reads it, or publish the scores.

    --to eval-results writes .eval_results/TASK.yaml for the repository of the model on the
    Hugging Face hub; --to every-eval-ever writes scores and replies in its schema 0.3.0. Nothing
    is uploaded.
    """
    from emoreal_bench import api

    if to is None:
        if any(astuple(publication)):
            raise UsageError(
                "--dataset, --source-url and --organization belong to --to.",
                remedy=f"Add --to {' or --to '.join(PublishedForm)}.",
            )
        api.export_run(run, out)
        show(f"Wrote {out}.")
        return
    source = api.HubSource(dataset=publication.dataset, url=publication.source_url)
    by = publication.organization
    evaluator = api.Evaluator() if by is None else api.Evaluator(organization=by)
    path = api.publish_run(run, to, out, source=source, evaluator=evaluator)
    show(f"Wrote {path}. Nothing was uploaded.")
    if to is PublishedForm.EVAL_RESULTS:
        show(
            "Its numbers appear once the data set on the hub holds an eval.yaml with these task "
            "ids, which `data card` writes."
        )


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
    """Put the headline scores into the metadata of a Hugging Face model card (model-index).

    The hub's older way; `runs export --to eval-results` writes what it reads today. The card of a
    run with a LoRA adapter is that of the adapter, and names its base.
    """
    from emoreal_bench import api

    api.write_model_card(run, out)
    show(f"Wrote the scores into {out}. Nothing was uploaded.")

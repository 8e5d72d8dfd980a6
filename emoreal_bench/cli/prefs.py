"""``emoreal-bench prefs``: preference pairs, built, converted, checked, balanced, audited."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from emoreal_bench.cli import options, prefs_build
from emoreal_bench.cli.arguments import pairs as key_values
from emoreal_bench.cli.output import print_json, show_lines, show_report
from emoreal_bench.contracts.errors import ExitCode, UsageError

PAIRS = typer.Argument(..., metavar="PAIRS", help="A file of pairs.")

group = typer.Typer(no_args_is_help=True, help="Make, check and balance preference pairs.")
group.add_typer(prefs_build.builders, name="build")


@group.command(
    "convert", epilog="Example: `emoreal-bench prefs convert theirs.json --out pairs.jsonl`"
)
def convert(
    source: Path = typer.Argument(..., help="Pairs, such as the JSON of the paper's authors."),
    out: Path = typer.Option(..., help="JSON lines file to write."),
    as_json: bool = typer.Option(False, "--json", help="Print a summary as JSON."),
) -> None:
    """Convert the preference JSON of the paper's authors into pairs of this project."""
    from emoreal_bench import api

    prefs_build.show_written(out, api.convert_pairs(source, out), as_json=as_json)


@dataclass(frozen=True)
class AgainstSettings:
    """What pairs are checked against."""

    clips: Annotated[
        Path | None, Option(help="Folder of the clips, to find copies by their content.")
    ] = None
    against: Annotated[
        list[str] | None,
        Option(help="An evaluation set that must share no clip, TASK=FOLDER; repeatable."),
    ] = None
    model: Annotated[
        str | None,
        Option("--model", "-m", help="Ask this model the questions without showing it the clips."),
    ] = None

    def evaluation(self) -> dict[str, Path]:
        """Return the data folders of the evaluation sets, by task."""
        folders = key_values("--against", self.against, "emorealm=~/emorealm")
        return {task: Path(folder).expanduser() for task, folder in folders.items()}


@group.command(
    "check",
    epilog="Example: `emoreal-bench prefs check pairs.jsonl --clips ~/clips "
    "--against emorealm=~/emorealm`",
)
@options.grouped
def check(
    *,
    path: Path = PAIRS,
    against: AgainstSettings,
    loading: options.ModelArguments,
    folders: options.FolderSettings,
    force: bool = typer.Option(False, "--force", help="Exit with code 0 in spite of overlaps."),
    output: options.OutputSettings,
) -> None:
    """Check pairs for shortcuts and overlaps: what can a model learn from them without the clips?

    The report shows how far emotions predict cues, and letters and lengths predict the chosen
    answer. The exit code is 3 if an evaluation set contains one of the clips.
    """
    from emoreal_bench import api

    chosen = api.PairsCheckOptions(
        clips=against.clips,
        evaluation=against.evaluation(),
        model=against.model,
        run=options.run_options(loading, folders),
    )
    with api.CountBar("looking at evaluation clips", quiet=output.is_silent) as bar:
        report = api.check_pairs(path, chosen, progress=bar.update, observer=output.observer())
    show_report(report, as_json=output.as_json, plain=True)
    raise typer.Exit(ExitCode.INCOMPLETE if report.overlaps and not force else ExitCode.DONE)


@group.command(
    "balance", epilog="Example: `emoreal-bench prefs balance pairs.jsonl --out even.jsonl`"
)
def balance(
    path: Path = PAIRS,
    out: Path = typer.Option(..., help="File to write."),
    seed: int = typer.Option(0, min=0, help="Seed that picks among pairs that are alike."),
    as_json: bool = typer.Option(False, "--json", help="Print a summary as JSON."),
) -> None:
    """Drop pairs until the emotion no longer predicts the cue, nor letter or length the answer."""
    from emoreal_bench import api

    prefs_build.show_written(out, api.balance_pairs(path, out, seed), as_json=as_json)


@group.command(
    "audit",
    epilog="Examples: `emoreal-bench prefs audit pairs.jsonl --clips ~/clips --out audit`, "
    "`emoreal-bench prefs audit pairs.jsonl --read verdicts.json`",
)
def audit(
    *,
    path: Path = PAIRS,
    clips: Path | None = typer.Option(None, help="Folder of the clips."),
    out: Path = typer.Option(Path("audit"), help=f"Page to write. {options.PAGE_RULE}"),
    sample: int = typer.Option(50, min=1, help="How many pairs to show."),
    seed: int = typer.Option(0, min=0, help="Seed that picks the pairs."),
    read: Path | None = typer.Option(
        None, help="Read the verdicts that the page saved, instead of writing a page."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Write a page on which a person checks a sample of the pairs, or count their verdicts."""
    from emoreal_bench import api

    if read is not None:
        show_report(api.read_audit(path, read), as_json=as_json, plain=True)
        return
    if clips is None:
        raise UsageError("The page shows the clips: name their folder with --clips.")
    page = api.write_audit_page(path, clips, out, sample=sample, seed=seed)
    if as_json:
        print_json({"page": str(page)})
    else:
        show_lines([f"Open {page} in a browser. It works from disk."])

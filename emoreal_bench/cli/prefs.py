"""``emoreal-bench prefs``: preference pairs, built, converted, checked, balanced, audited."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from emoreal_bench.cli import prefs_build
from emoreal_bench.cli.arguments import pairs as key_values
from emoreal_bench.cli.output import print_json, show_lines
from emoreal_bench.contracts.errors import ExitCode, UsageError

PAIRS = typer.Argument(..., metavar="PAIRS", help="File of pairs.")


def add_to(application: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help="Make, check and even out preference pairs.")
    prefs_build.add_to(group)
    group.command(
        "convert", epilog="Example: `emoreal-bench prefs convert theirs.json --out pairs.jsonl`"
    )(convert)
    group.command(
        "check",
        epilog="Example: `emoreal-bench prefs check pairs.jsonl --clips ~/clips "
        "--against emorealm=~/emorealm`",
    )(check)
    group.command(
        "balance", epilog="Example: `emoreal-bench prefs balance pairs.jsonl --out even.jsonl`"
    )(balance)
    group.command(
        "audit",
        epilog="Examples: `emoreal-bench prefs audit pairs.jsonl --clips ~/clips --out audit`, "
        "`emoreal-bench prefs audit pairs.jsonl --read verdicts.json`",
    )(audit)
    application.add_typer(group, name="prefs")


def convert(
    source: Path = typer.Argument(..., help="Pairs, such as the JSON of the paper's authors."),
    out: Path = typer.Option(..., help="File to write, JSON lines."),
    as_json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
) -> None:
    """Turn the preference JSON of the paper's authors into pairs of this project."""
    from emoreal_bench import api

    prefs_build.tell_written(api.convert_pairs(source, out), out, as_json=as_json)


def check(
    path: Path = PAIRS,
    clips: Path | None = typer.Option(None, help="Folder of the clips, to compare their bytes."),
    against: list[str] | None = typer.Option(
        None, help="Evaluation set whose clips must not be among these, TASK=FOLDER; repeatable."
    ),
    model: str | None = typer.Option(
        None, "--model", "-m", help="Ask this model the questions without the clips."
    ),
    model_arg: list[str] | None = typer.Option(None, help="Argument of the model, key=value."),
    runs: Path = typer.Option(Path("runs"), help="Folder for run folders."),
    force: bool = typer.Option(False, "--force", help="Let overlaps pass."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No progress bar."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Measure what decides the outcome: cues that emotions tell, letters, lengths, overlaps.

    Clips that an evaluation set holds, too, end the command with exit code 3.
    """
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.pairs import report_lines
    from emoreal_bench.reporting.terminal.progress import CountBar, make_observer

    options = api.PairsCheckOptions(
        clips=clips,
        evaluation={
            task: Path(folder).expanduser()
            for task, folder in key_values("--against", against, "emorealm=~/emorealm").items()
        },
        model=model,
        run=api.RunOptions(
            policy=api.RunPolicy(command=("emoreal-bench", *sys.argv[1:])),
            model_arguments=key_values("--model-arg", model_arg),
            runs=runs,
        ),
    )
    observer = make_observer(quiet=quiet or as_json)
    with CountBar("looking at evaluation clips", quiet=quiet or as_json) as bar:
        report = api.check_pairs(path, options, progress=bar.update, observer=observer)
    if as_json:
        print_json(report.model_dump(mode="json", by_alias=True))
    else:
        show_lines(report_lines(report))
    raise typer.Exit(ExitCode.INCOMPLETE if report.overlaps and not force else ExitCode.DONE)


def balance(
    path: Path = PAIRS,
    out: Path = typer.Option(..., help="File to write."),
    seed: int = typer.Option(0, min=0, help="Of the choice among pairs that are alike."),
    as_json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
) -> None:
    """Leave pairs away until no emotion tells its cue, and no letter and no length the answer."""
    from emoreal_bench import api

    prefs_build.tell_written(api.balance_pairs(path, out, seed), out, as_json=as_json)


def audit(
    path: Path = PAIRS,
    clips: Path | None = typer.Option(None, help="Folder of the clips."),
    out: Path = typer.Option(Path("audit"), help="Folder of the page to write."),
    sample: int = typer.Option(50, min=1, help="How many pairs to show."),
    seed: int = typer.Option(0, min=0, help="Of their draw."),
    read: Path | None = typer.Option(
        None, help="Read the verdicts that the page saved, instead of writing the page."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Let a person check some pairs by eye and ear, and count how many hold."""
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.pairs import audit_lines

    if read is not None:
        report = api.read_audit(path, read)
        if as_json:
            print_json(report.model_dump(mode="json", by_alias=True))
        else:
            show_lines(audit_lines(report))
        return
    if clips is None:
        raise UsageError("The page shows the clips: name their folder with --clips.")
    page = api.write_audit_page(path, clips, out, sample=sample, seed=seed)
    if as_json:
        print_json({"page": str(page)})
    else:
        show_lines([f"Open {page} in a browser. It works from disk."])

"""``emoreal-bench data``: make the synthetic benchmark, check a data folder."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.arguments import pairs
from emoreal_bench.cli.output import print_json, show

FOLDER = typer.Option(..., "--data", "-d", help="The folder that the data's owner gave you.")


def add_to(application: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help="Make or check data.")
    group.command("synth", epilog="Example: `emoreal-bench data synth --out data/synth --seed 7`")(
        synth
    )
    group.command(
        "check", epilog="Example: `emoreal-bench data check --task emorealm --data ~/emorealm`"
    )(check)
    group.command(
        "prepare-layout",
        epilog="Example: `emoreal-bench data prepare-layout DFEW/clip --out ~/emorealm`",
    )(prepare_layout)
    group.command("get", epilog="Example: `emoreal-bench data get --task ravdess --out ~/ravdess`")(
        get
    )
    application.add_typer(group, name="data")


def synth(
    out: Path = typer.Option(..., help="Folder to write; it must be new or empty."),
    items: int = typer.Option(240, min=5, help="How many questions."),
    seed: int = typer.Option(1, min=0, help="Same seed, same questions and frames."),
    split: str = typer.Option(
        "test", help="train or test; the two never share a scene, whatever the seeds."
    ),
    correlation: float = typer.Option(
        0.0, min=0.0, max=1.0, help="How strongly cues and things are bound to emotions."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
) -> None:
    """Make the synthetic benchmark: clips of drawn people, and questions with known answers."""
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.progress import CountBar

    settings = {"items": items, "seed": seed, "split": split, "correlation": correlation}
    with CountBar("writing clips", quiet=as_json) as bar:
        folder = api.make_synthetic_benchmark(out, settings, bar.update)
    if as_json:
        print_json({"folder": str(folder), **settings})
    else:
        show(f"{items} questions are in {folder}; its DATA_CARD.md says what they are.")


def check(
    data: Path = FOLDER,
    task: str = typer.Option("emorealm", "--task", "-t", help="Task name or path of a YAML file."),
    data_arg: list[str] | None = typer.Option(None, help="Option of the reader, key=value."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Check a data folder: counts, missing and unreadable clips, clips without sound."""
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.progress import CountBar

    with CountBar("looking at clips", quiet=as_json) as bar:
        report = api.check_data(task, data, pairs("--data-arg", data_arg), bar.update)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        show(*report.lines())
    raise typer.Exit(0 if report.complete else 3)


def prepare_layout(
    source: Path = typer.Argument(..., help="Folder of clips."),
    out: Path = typer.Option(..., help="Folder for the two trees."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Make 24 frames a second mp4 and 16 kHz wav copies, as the paper's authors read them."""
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.progress import CountBar

    with CountBar("copying clips", quiet=as_json) as bar:
        layout = api.prepare_layout(source, out, bar.update)
    if as_json:
        print_json(layout.model_dump(mode="json"))
    else:
        show(*layout.lines())
    raise typer.Exit(3 if layout.damaged else 0)


def get(
    task: str = typer.Option(..., "--task", "-t", help="Task name or path of a YAML file."),
    out: Path = typer.Option(..., help="Folder for the files."),
    revision: str | None = typer.Option(None, help="Commit of the hub; else the newest."),
) -> None:
    """Download the files of a data set whose owner lets anybody have them."""
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.progress import CountBar

    with CountBar("downloading") as bar:
        files = api.get_data(task, out, revision, bar.update)
    show(*(str(path) for path in files))

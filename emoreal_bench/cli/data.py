"""``emoreal-bench data``: make the synthetic benchmark, check a data folder."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from emoreal_bench.cli import options
from emoreal_bench.cli.output import print_json, show, show_report
from emoreal_bench.contracts.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from emoreal_bench.api import AnswerKind, RunOptions

FOLDER = typer.Option(..., "--data", "-d", help="The data folder, as you got it from the owner.")

Column = partial(Option, metavar="COLUMN")


class UnlistedKind(StrEnum):
    """Kinds of answers that no options show."""

    YES_NO = "yes_no"
    LABEL = "label"
    OPEN = "open"


@dataclass(frozen=True)
class PreparingSettings(
    options.ModalitySettings,
    options.MediaCacheOptions,
    options.ClipSettings,
    options.ReaderArguments,
    options.ShardSettings,
):
    """What is decoded ahead of all runs, and how."""

    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that decode; by default, all cores.")
    ] = None

    def chosen(self) -> RunOptions:
        """Return the same as the API takes it.

        Raises:
            UsageError: If no folder is named.
        """
        from emoreal_bench import api

        kept, workers = self.kept(), self.workers or os.cpu_count() or 1
        if kept is None:
            raise UsageError("Name the folder of decoded clips with --media-cache.")
        return api.RunOptions(
            plan=api.PlanOptions(modalities=self.given()),
            policy=api.RunPolicy(
                decode_workers=workers,
                decode_ahead=2 * workers,
                max_clip_seconds=self.max_clip_seconds,
                media_cache=kept,
            ),
            data_options=self.data_options(),
            shard=self.part(),
        )


group = typer.Typer(no_args_is_help=True, help="Make or check data.")


@dataclass(frozen=True)
class SynthSettings:
    """The benchmark that is wanted."""

    items: Annotated[int, Option(min=5, help="How many questions.")] = 240
    seed: Annotated[
        int, Option(min=0, help="The same seed gives the same questions and frames.")
    ] = 1
    split: Annotated[
        str, Option(help="train or test. The two never share a scene, whatever the seeds.")
    ] = "test"
    correlation: Annotated[
        float,
        Option(
            min=0.0, max=1.0, help="How strongly the emotion predicts cues and objects, 0 to 1."
        ),
    ] = 0.0
    agreement_wording: Annotated[
        str | None,
        Option(
            help="named (the default) or plain: whether a question about agreement names the seven "
            "emotions that it may be. The shipped miniature was taught the named ones."
        ),
    ] = None
    faint: Annotated[
        float, Option(min=0.0, max=1.0, help="Share of clips whose person shows a faint cue.")
    ] = 0.0


@group.command("synth", epilog="Example: `emoreal-bench data synth --out data/synth --seed 7`")
@options.grouped
def synth(
    *,
    out: Path = typer.Option(
        ..., help="Folder to write; new, empty, or holding the same benchmark."
    ),
    wanted: SynthSettings,
    as_json: bool = typer.Option(False, "--json", help="Print a summary as JSON."),
) -> None:
    """Make the synthetic benchmark: clips of drawn people and questions with known answers."""
    from emoreal_bench import api

    settings = {name: value for name, value in asdict(wanted).items() if value is not None}
    with api.CountBar("writing clips", quiet=as_json) as bar:
        folder = api.make_synthetic_benchmark(out, settings, bar.update)
    if as_json:
        print_json({"folder": str(folder), **settings})
    else:
        show(f"{wanted.items} questions are in {folder}; its DATA_CARD.md describes them.")


@group.command("card", epilog="Example: `emoreal-bench data card data/synth`")
def card(
    folder: Path = typer.Argument(..., help="Folder that `data synth` or `data new` wrote."),
    url: str | None = typer.Option(None, help="Where it is published."),
) -> None:
    """Describe a benchmark for the hub (eval.yaml), and a synthetic one for catalogues.

    eval.yaml holds the ids of tasks that `runs export --to eval-results` uses. Croissant with RAI
    fields is written of synthetic data only: what it has to say of yours you alone know.
    """
    from emoreal_bench import api

    for path in api.write_data_card(folder, url=url):
        show(f"Wrote {path}.")


@group.command(
    "check", epilog="Example: `emoreal-bench data check --task emorealm --data ~/emorealm`"
)
@options.grouped
def check(
    *,
    data: Path = FOLDER,
    task: str = typer.Option(
        "emorealm", "--task", "-t", help="A task's name, or the path of a YAML file."
    ),
    reader: options.ReaderArguments,
    decode: bool = typer.Option(
        False, "--decode", help="Decode every clip as a run would, to find what a run would."
    ),
    limits: options.ClipSettings,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Check a data folder: item counts, missing and unreadable clips, clips without sound."""
    from emoreal_bench import api

    chosen = api.ClipCheck(decode, limits.max_clip_seconds)
    with api.CountBar("decoding clips" if decode else "looking at clips", quiet=as_json) as bar:
        report = api.check_data(task, data, reader.data_options(), bar.update, chosen)
    show_report(report, as_json=as_json)
    raise typer.Exit(0 if report.complete else 3)


@dataclass(frozen=True)
class TableSettings:
    """What settles a table that does not speak for itself."""

    id: Annotated[str | None, Column(help="Column of the questions' ids.")] = None
    clip: Annotated[str | None, Column(help="Column of the clips' names.")] = None
    question: Annotated[str | None, Column(help="Column of the questions.")] = None
    options: Annotated[
        list[str] | None, Column(help="Column of the options; repeat it where each has one.")
    ] = None
    answer: Annotated[str | None, Column(help="Column of the right answers.")] = None
    subtask: Annotated[
        str | None, Column(help="Column that tells kinds of questions apart, each with a score.")
    ] = None
    ask: Annotated[
        str | None, Option(metavar="TEXT", help="The question, where no column holds one.")
    ] = None
    first_index: Annotated[
        int | None,
        Option(min=0, max=1, help="Number of the first option, where answers are numbers."),
    ] = None
    parted_by: Annotated[
        str | None, Option(metavar="TEXT", help="What parts options that stand in one text.")
    ] = None
    kind: Annotated[
        list[str] | None,
        Option(
            metavar="[SUBTASK=]KIND",
            help="What answers to questions without options are: yes_no, label (classes) or open "
            "(texts that a judge compares). Of one subtask with its name in front; repeatable.",
        ),
    ] = None

    def kinds(self) -> tuple[AnswerKind | None, dict[str, AnswerKind]]:
        """Return the kind of all answers without options, and of those of single subtasks.

        Raises:
            UsageError: If there is no such kind.
        """
        from emoreal_bench import api

        of_all, by_subtask = None, {}
        for text in self.kind or ():
            subtask, named, word = (part.strip() for part in text.rpartition("="))
            if word not in list(UnlistedKind):
                raise UsageError(
                    f"--kind {text}: there is no kind of answers named '{word}'.",
                    remedy=f"There are: {', '.join(UnlistedKind)}.",
                )
            if named:
                by_subtask[subtask] = api.AnswerKind(word)
            else:
                of_all = api.AnswerKind(word)
        return of_all, by_subtask


@group.command(
    "new",
    epilog="Example: `emoreal-bench data new table.csv --clips clips --out my-task`",
)
@options.grouped
def new(
    *,
    table: Path = typer.Argument(
        ..., help="Your questions: .csv, .tsv, .json, .jsonl, .parquet or .xlsx."
    ),
    clips: Path = typer.Option(..., help="Folder of the clips."),
    out: Path = typer.Option(..., help="Folder to write: task, prompt and data card."),
    name: str | None = typer.Option(None, help="Name of the task; by default that of the folder."),
    settings: TableSettings,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Make a task of your own table of questions; say what was understood of it.

    Clips that are named and not there are listed, and the task is written: the exit code is 0.
    `data check` exits with 3 until they are there; a run counts their questions as missing.
    """
    from emoreal_bench import api

    columns = api.Columns(
        id=settings.id,
        clip=settings.clip,
        question=settings.question,
        options=None if not settings.options else _one_or_all(settings.options),
        answer=settings.answer,
        subtask=settings.subtask,
    )
    settled = api.Settled(columns, settings.first_index, settings.parted_by, settings.ask)
    wanted = api.NewTask(table, clips, out, settled, name, *settings.kinds())
    show_report(api.make_task(wanted), as_json=as_json)


def _one_or_all(columns: list[str]) -> str | tuple[str, ...]:
    return columns[0] if len(columns) == 1 else tuple(columns)


@group.command(
    "prepare",
    epilog="Example: `emoreal-bench data prepare --task emorealm --data ~/emorealm --media-cache "
    "~/clips`",
)
@options.grouped
def prepare(
    *,
    data: Path = FOLDER,
    task: str = typer.Option(
        "emorealm", "--task", "-t", help="A task's name, or the path of a YAML file."
    ),
    preparing: PreparingSettings,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Decode every clip into a media cache, so that runs with --media-cache need not."""
    from emoreal_bench import api

    with api.CountBar("decoding clips", quiet=as_json) as bar:
        report = api.prepare_media(task, data, preparing.chosen(), bar.update)
    show_report(report, as_json=as_json)
    raise typer.Exit(0 if report.is_complete else ExitCode.INCOMPLETE)


@group.command(
    "prepare-layout",
    epilog="Example: `emoreal-bench data prepare-layout DFEW/clip --out ~/emorealm`",
)
def prepare_layout(
    source: Path = typer.Argument(..., help="Folder of clips."),
    out: Path = typer.Option(..., help="Folder of the copies."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Copy clips as the paper's authors read them: mp4 at 24 frames per second, wav at 16 kHz."""
    from emoreal_bench import api

    with api.CountBar("copying clips", quiet=as_json) as bar:
        layout = api.prepare_layout(source, out, bar.update)
    show_report(layout, as_json=as_json)
    raise typer.Exit(3 if layout.damaged else 0)


@group.command("get", epilog="Example: `emoreal-bench data get --task ravdess --out ~/ravdess`")
def get(
    task: str = typer.Option(
        ..., "--task", "-t", help="A task's name, or the path of a YAML file."
    ),
    out: Path = typer.Option(..., help="Folder for the files."),
    revision: str | None = typer.Option(None, help="Commit on the hub; by default the newest."),
) -> None:
    """Download a data set that is open to everybody."""
    from emoreal_bench import api

    with api.CountBar("downloading") as bar:
        files = api.get_data(task, out, revision, bar.update)
    show(*(str(path) for path in files))

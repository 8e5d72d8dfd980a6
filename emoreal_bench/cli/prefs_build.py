"""``emoreal-bench prefs build``: pairs from known cues, sampled answers or captions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from emoreal_bench.cli.arguments import pairs as key_values
from emoreal_bench.cli.output import print_json, show_lines
from emoreal_bench.contracts.errors import ExitCode, UsageError
from emoreal_bench.contracts.vocabulary import Alteration, AnswerForm, CueQuestion

if TYPE_CHECKING:
    from emoreal_bench.contracts.preference import PreferencePair
    from emoreal_bench.running.budget import Budget
    from emoreal_bench.running.policy import RunPolicy

OUT = typer.Option(..., help="File of pairs to write.")
ALTER = typer.Option(
    Alteration.SWAP,
    help="The other input of a pair: another clip's picture or sound (swap), noise, or nothing: "
    "grey frames or silence (blank or mute).",
)
RUNS = typer.Option(Path("runs"), help="Folder for run folders.")
MAX_REQUESTS = typer.Option(None, min=0, help="Stop after so many requests.")
MAX_TOKENS = typer.Option(None, min=0, help="Stop after so many tokens.")
MAX_COST = typer.Option(
    None, min=0, help="Stop after so many US dollars; the model's price is a --model-arg."
)
QUIET = typer.Option(False, "--quiet", "-q", help="No progress bar.")
AS_JSON = typer.Option(False, "--json", help="Print what was written as JSON.")


def add_to(group: typer.Typer) -> None:
    """Add the group of builders."""
    builders = typer.Typer(no_args_is_help=True, help="Make pairs from clips.")
    builders.command(
        "cues",
        epilog="Example: `emoreal-bench prefs build cues --data data/synth-train "
        "--out pairs.jsonl`",
    )(cues)
    builders.command(
        "sampled",
        epilog="Examples: `emoreal-bench prefs build sampled --model tiny/omni -t emorealm-synth "
        "-d data/synth-train --out pairs.jsonl`, "
        "`emoreal-bench prefs build sampled runs/A runs/B --judge http/my-server --out "
        "pairs.jsonl`. Give the same command again to continue one that was stopped.",
    )(sampled)
    builders.command(
        "captions",
        epilog="Example: `emoreal-bench prefs build captions --clips ~/clips --model "
        "google/gemini-2.5-flash --labels labels.csv --max-cost 5 --out pairs.jsonl`. Give the "
        "same command again to continue one that was stopped.",
    )(captions)
    group.add_typer(builders, name="build")


def cues(
    out: Path = OUT,
    data: Path | None = typer.Option(
        None, "--data", "-d", help="Folder that `data synth --split train` wrote."
    ),
    items: int | None = typer.Option(
        None, min=5, help="Without a folder: the pairs of a benchmark of so many questions."
    ),
    seed: int = typer.Option(1, min=0, help="As for `data synth`."),
    split: str = typer.Option("train", help="As for `data synth`."),
    correlation: float = typer.Option(0.0, min=0.0, max=1.0, help="As for `data synth`."),
    kind: list[CueQuestion] = typer.Option(
        list(CueQuestion), help="Questions: which cue (basic), yes or no (stress); repeatable."
    ),
    form: list[AnswerForm] = typer.Option(list(AnswerForm), help="Answers; repeatable."),
    alter: Alteration = ALTER,
    as_json: bool = AS_JSON,
) -> None:
    """Make pairs of the synthetic benchmark, whose every cue is known."""
    from emoreal_bench import api

    settings = None
    if items is not None:
        settings = {"items": items, "seed": seed, "split": split, "correlation": correlation}
    if (data is None) == (settings is None):
        raise UsageError("Name either a folder with --data, or --items and the other settings.")
    options = api.CuePairOptions(forms=tuple(form), kinds=tuple(kind), alteration=alter)
    pairs = api.build_cue_pairs(out, data=data, settings=settings, options=options)
    tell_written(pairs, out, as_json=as_json)


def sampled(
    folders: list[Path] | None = typer.Argument(
        None, metavar="[RUN]...", help="Runs of the same questions, instead of sampling."
    ),
    out: Path = OUT,
    model: str | None = typer.Option(
        None, "--model", "-m", help="Let this model answer several times, provider/model."
    ),
    task: str = typer.Option("emorealm-synth", "--task", "-t", help="What it is asked."),
    data: Path | None = typer.Option(None, "--data", "-d", help="Data folder of the task."),
    samples: int = typer.Option(8, min=2, help="How many times."),
    temperature: float = typer.Option(1.0, help="At which temperature, above 0."),
    model_arg: list[str] | None = typer.Option(None, help="Argument of the model, key=value."),
    lora: Path | None = typer.Option(None, help="Folder of a LoRA adapter."),
    limit: int | None = typer.Option(None, min=1, help="Ask so many items, of every subtask some."),
    judge: str | None = typer.Option(
        None, help="Model that sorts the answers that known cues do not sort; it sees texts only."
    ),
    judge_arg: list[str] | None = typer.Option(None, help="Argument of the judge, key=value."),
    alter: Alteration = ALTER,
    runs: Path = RUNS,
    max_requests: int | None = MAX_REQUESTS,
    max_tokens: int | None = MAX_TOKENS,
    max_cost: float | None = MAX_COST,
    quiet: bool = QUIET,
    as_json: bool = AS_JSON,
) -> None:
    """Make pairs of a model's own answers, sorted by what is known of the clips or by a judge."""
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.progress import make_observer

    budget = api.Budget(requests=max_requests, tokens=max_tokens, cost=max_cost)
    observer = make_observer(quiet=quiet or as_json)
    options = api.RunOptions(
        plan=api.PlanOptions(limit=limit),
        policy=_policy(budget),
        model_arguments=key_values("--model-arg", model_arg),
        lora=lora,
        runs=runs,
    )
    if bool(folders) == (model is not None):
        raise UsageError("Name either finished runs, or a model with --model.")
    with resumable():
        if model is not None:
            if data is None:
                raise UsageError("Name the data folder of the task with --data.")
            folders = api.sample_answers(
                model,
                task,
                data,
                samples=samples,
                temperature=temperature,
                options=options,
                observer=observer,
            )
        sorting = api.SortingOptions(judge, key_values("--judge-arg", judge_arg), data, alter)
        built = api.build_sampled_pairs(
            out, folders or [], sorting, options=options, observer=observer
        )
    counts = {sort.value: number for sort, number in built.sorts.items()}
    counts |= {"unsorted": built.unsorted, "questions": built.items}
    tell_written(built.pairs, out, counts, as_json=as_json)


def captions(
    clips: Path = typer.Option(..., help="Folder of your clips."),
    out: Path = OUT,
    model: str = typer.Option(
        ..., "--model", "-m", help="Describes the clips, provider/model; it must see and hear."
    ),
    model_arg: list[str] | None = typer.Option(None, help="Argument of the model, key=value."),
    writer: str | None = typer.Option(
        None, help="Model that writes the questions; the same one if not given."
    ),
    writer_arg: list[str] | None = typer.Option(None, help="Argument of the writer, key=value."),
    labels: Path | None = typer.Option(
        None, help="Table with the columns clip and emotion; else the writer says the emotion."
    ),
    questions: int = typer.Option(2, min=1, max=10, help="Questions about each clip."),
    limit: int | None = typer.Option(None, min=1, help="Take so many clips."),
    alter: Alteration = ALTER,
    runs: Path = RUNS,
    max_requests: int | None = MAX_REQUESTS,
    max_tokens: int | None = MAX_TOKENS,
    max_cost: float | None = MAX_COST,
    quiet: bool = QUIET,
    as_json: bool = AS_JSON,
) -> None:
    """Make pairs of your own clips: captions, questions, and no question that needs no clip."""
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.progress import make_observer

    with resumable():
        built = api.build_caption_pairs(
            out,
            model,
            api.CaptionedSource(
                clips, labels, limit, writer, key_values("--writer-arg", writer_arg)
            ),
            api.CaptionOptions(questions=questions, alteration=alter),
            options=api.RunOptions(
                policy=_policy(api.Budget(requests=max_requests, tokens=max_tokens, cost=max_cost)),
                model_arguments=key_values("--model-arg", model_arg),
                runs=runs,
            ),
            observer=make_observer(quiet=quiet or as_json),
        )
    counts = {
        "clips": built.clips,
        "captioned": built.captioned,
        "unreadable": built.unreadable,
        "written": built.written,
        "answered_blind": built.blind,
    }
    tell_written(built.pairs, out, counts, as_json=as_json)


def _policy(budget: Budget) -> RunPolicy:
    from emoreal_bench.running.policy import RunPolicy

    return RunPolicy(budget=budget, command=("emoreal-bench", *sys.argv[1:]))


@contextmanager
def resumable() -> Iterator[None]:
    """End with the exit code of an interruption where a person stops a run."""
    from emoreal_bench.running.runner import RunInterrupted

    try:
        yield
    except RunInterrupted as stop:
        typer.echo(str(stop), err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from stop


def tell_written(
    pairs: Sequence[PreferencePair],
    out: Path,
    counts: Mapping[str, int] | None = None,
    *,
    as_json: bool,
) -> None:
    """Say what was written: how many pairs, how complete, under which hash.

    Args:
        pairs: The pairs.
        out: Their file.
        counts: What else was counted on the way.
        as_json: Say it as JSON.
    """
    from emoreal_bench.identity import short
    from emoreal_bench.preferences.reading import hash_pairs

    clips = len({pair.clip for pair in pairs})
    complete = sum(len(pair.rejected) == 2 for pair in pairs)
    identity = hash_pairs(pairs)
    if as_json:
        print_json(
            {
                "file": str(out),
                "pairs": len(pairs),
                "clips": clips,
                "with_both_rejected": complete,
                "hash": identity,
                "counts": dict(counts or {}),
            }
        )
        return
    if counts:
        parts = (f"{name.replace('_', ' ')} {number}" for name, number in counts.items())
        show_lines([", ".join(parts)])
    show_lines(
        [
            f"{len(pairs)} pairs about {clips} clips are in {out} ({short(identity)}); "
            f"{complete} have both rejected answers.",
            f"Look at what they teach: emoreal-bench prefs check {out} --clips FOLDER --against "
            "TASK=FOLDER",
        ]
    )

"""``emoreal-bench prefs build``: pairs from known cues, sampled answers or captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from emoreal_bench.cli import options
from emoreal_bench.cli.arguments import pairs as key_values
from emoreal_bench.cli.output import show_report
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import Alteration, AnswerForm, CueQuestion

if TYPE_CHECKING:
    from emoreal_bench.api import PreferencePair, RunPolicy

OUT = typer.Option(..., help="File of pairs to write.")
_CONTINUE = "To continue a command that was stopped, give it again."

builders = typer.Typer(no_args_is_help=True, help="Make pairs from clips.")


@dataclass(frozen=True)
class AlterSettings:
    """How the second input of a pair is made."""

    alter: Annotated[
        Alteration,
        Option(
            help="Second input of a pair: the picture or sound of another clip (swap), noise, grey "
            "frames (blank) or silence (mute)."
        ),
    ] = Alteration.SWAP


@dataclass(frozen=True)
class AskingSettings(
    options.BudgetSettings,
    options.PatienceSettings,
    options.FolderSettings,
    options.ClipSettings,
    options.ExecutorSettings,
):
    """How the models that help are asked."""

    def policy(self) -> RunPolicy:
        """Return the same as the API takes it."""
        return options.make_policy(budget=self, patience=self, clips=self)


@dataclass(frozen=True)
class SynthSettings:
    """The synthetic benchmark whose pairs are wanted."""

    data: Annotated[
        Path | None,
        Option("--data", "-d", help="A folder written by `data synth --split train`."),
    ] = None
    items: Annotated[
        int | None, Option(min=5, help="Instead of a folder: how many questions to make pairs of.")
    ] = None
    seed: Annotated[int, Option(min=0, help="As for `data synth`; with --items.")] = 1
    split: Annotated[str, Option(help="As for `data synth`; with --items.")] = "train"
    correlation: Annotated[
        float, Option(min=0.0, max=1.0, help="As for `data synth`; with --items.")
    ] = 0.0

    def settings(self) -> dict[str, Any] | None:
        """Return the settings of a benchmark that is not in a folder."""
        if (self.data is None) == (self.items is None):
            raise UsageError("Name either a folder with --data, or --items and the other settings.")
        if self.items is None:
            return None
        return {
            "items": self.items,
            "seed": self.seed,
            "split": self.split,
            "correlation": self.correlation,
        }


@builders.command(
    "cues",
    epilog="Example: `emoreal-bench prefs build cues --data data/synth-train --out pairs.jsonl`",
)
@options.grouped
def cues(
    *,
    out: Path = OUT,
    synth: SynthSettings,
    kind: list[CueQuestion] = typer.Option(
        list(CueQuestion),
        help="Questions: which cue (basic), yes or no with the emotion named (stress) or "
        "not (neutral), what is there at all (presence), do face and voice agree (agreement); "
        "repeatable.",
    ),
    form: list[AnswerForm] = typer.Option(
        list(AnswerForm), help="Forms of the answers; repeatable."
    ),
    alteration: AlterSettings,
    counterfactual: bool = typer.Option(
        False, help="Swap with clips that show the same emotion by its other cue."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print a summary as JSON."),
) -> None:
    """Make pairs from the synthetic benchmark, where every cue is known."""
    from emoreal_bench import api

    wanted = api.CuePairOptions(
        forms=tuple(form),
        kinds=tuple(kind),
        alteration=alteration.alter,
        counterfactual=counterfactual,
    )
    pairs = api.build_cue_pairs(out, data=synth.data, settings=synth.settings(), options=wanted)
    show_written(out, pairs, as_json=as_json)


@dataclass(frozen=True)
class SamplingSettings:
    """Which model answers which questions, how many times."""

    model: Annotated[
        str | None,
        Option("--model", "-m", help="Let this model answer several times, provider/model."),
    ] = None
    task: Annotated[str, Option("--task", "-t", help="The task whose questions it answers.")] = (
        "emorealm-synth"
    )
    data: Annotated[Path | None, Option("--data", "-d", help="Data folder of the task.")] = None
    samples: Annotated[int, Option(min=2, help="How many times each question is answered.")] = 8
    temperature: Annotated[float, Option(help="Sampling temperature, above 0.")] = 1.0
    limit: Annotated[
        int | None, Option(min=1, help="Ask only this many items, spread over all subtasks.")
    ] = None


@dataclass(frozen=True)
class SortingSettings(AlterSettings):
    """How answers are sorted."""

    judge: Annotated[
        str | None,
        Option(
            help="Model that sorts the answers which known cues do not sort. It sees only text."
        ),
    ] = None
    judge_arg: Annotated[
        list[str] | None, Option(help="An argument of the judge, key=value; repeatable.")
    ] = None


@builders.command(
    "sampled",
    epilog="Examples: `emoreal-bench prefs build sampled --model tiny/omni -t emorealm-synth "
    "-d data/synth-train --out pairs.jsonl`, "
    "`emoreal-bench prefs build sampled runs/A runs/B --judge http/my-server --out "
    f"pairs.jsonl`. {_CONTINUE}",
)
@options.grouped
def sampled(
    *,
    folders: list[Path] | None = typer.Argument(
        None, metavar="[RUN]...", help="Finished runs of the same questions, instead of --model."
    ),
    out: Path = OUT,
    sampling: SamplingSettings,
    loading: options.ModelSettings,
    sorting: SortingSettings,
    asking: AskingSettings,
    output: options.OutputSettings,
) -> None:
    """Make pairs from a model's own answers, sorted by what is known of the clips or by a judge."""
    from emoreal_bench import api

    if bool(folders) == (sampling.model is not None):
        raise UsageError("Name either finished runs, or a model with --model.")
    if sampling.model is not None and sampling.data is None:
        raise UsageError("Name the data folder of the task with --data.")
    observer = output.observer()
    chosen = options.run_options(
        loading,
        asking,
        plan=api.PlanOptions(limit=sampling.limit),
        policy=asking.policy(),
        ray=asking.ray(),
    )
    judge_arguments = key_values("--judge-arg", sorting.judge_arg)
    with options.resumable():
        if sampling.model is not None and sampling.data is not None:
            folders = api.sample_answers(
                sampling.model,
                sampling.task,
                sampling.data,
                samples=sampling.samples,
                temperature=sampling.temperature,
                options=chosen,
                observer=observer,
            )
        built = api.build_sampled_pairs(
            out,
            folders or [],
            api.SortingOptions(sorting.judge, judge_arguments, sampling.data, sorting.alter),
            options=chosen,
            observer=observer,
        )
    show_written(out, built.pairs, built.counts, as_json=output.as_json)


@dataclass(frozen=True)
class CaptionedSettings:
    """The clips that pairs are made of."""

    clips: Annotated[Path, Option(help="Folder of your clips.")]
    labels: Annotated[
        Path | None,
        Option(
            help="Table with the columns clip and emotion. Without it, the writer names the "
            "emotions."
        ),
    ] = None
    limit: Annotated[int | None, Option(min=1, help="Take only this many clips.")] = None
    writer: Annotated[
        str | None, Option(help="Model that writes the questions; by default that of --model.")
    ] = None
    writer_arg: Annotated[
        list[str] | None, Option(help="An argument of the writer, key=value; repeatable.")
    ] = None


@dataclass(frozen=True)
class CaptionPairSettings(AlterSettings):
    """Which pairs are wanted."""

    questions: Annotated[int, Option(min=1, max=10, help="Questions about each clip.")] = 2


@builders.command(
    "captions",
    epilog="Example: `emoreal-bench prefs build captions --clips ~/clips --model "
    "google/gemini-2.5-flash --labels labels.csv --max-cost 5 --out pairs.jsonl`. "
    f"{_CONTINUE}",
)
@options.grouped
def captions(
    *,
    source: CaptionedSettings,
    out: Path = OUT,
    model: str = typer.Option(
        ...,
        "--model",
        "-m",
        help="Model that describes the clips, provider/model. It must see and hear.",
    ),
    loading: options.ModelArguments,
    wanted: CaptionPairSettings,
    asking: AskingSettings,
    output: options.OutputSettings,
) -> None:
    """Make pairs from your own clips: caption them, write questions, drop what needs no clip."""
    from emoreal_bench import api

    writer_arguments = key_values("--writer-arg", source.writer_arg)
    with options.resumable():
        built = api.build_caption_pairs(
            out,
            model,
            api.CaptionedSource(
                source.clips, source.labels, source.limit, source.writer, writer_arguments
            ),
            api.CaptionOptions(questions=wanted.questions, alteration=wanted.alter),
            options=options.run_options(loading, asking, policy=asking.policy(), ray=asking.ray()),
            observer=output.observer(),
        )
    show_written(out, built.pairs, built.counts, as_json=output.as_json)


def show_written(
    out: Path,
    pairs: Sequence[PreferencePair],
    counts: Mapping[str, int] | None = None,
    *,
    as_json: bool,
) -> None:
    """Print how many pairs were written, how complete they are, and their hash."""
    from emoreal_bench import api

    show_report(api.WrittenPairs(out, pairs, counts or {}), as_json=as_json, plain=True)

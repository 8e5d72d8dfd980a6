"""Options that several commands share, in groups, and the decorator that spreads them out."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer import Option

from emoreal_bench.cli.arguments import pairs
from emoreal_bench.cli.output import tell
from emoreal_bench.contracts.errors import ExitCode, UsageError
from emoreal_bench.contracts.item import MAX_CLIP_SECONDS
from emoreal_bench.contracts.vocabulary import AnswerMethod, DeliveryStatus, GivenMedia, Modality

if TYPE_CHECKING:
    from emoreal_bench.api import (
        Budget,
        MediaCacheSettings,
        PlanOptions,
        RayOptions,
        RunObserver,
        RunOptions,
        RunPolicy,
        Shard,
    )


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Spread a command's groups of settings into options.

    A group is a dataclass whose fields are annotated as Typer wants parameters::

        @dataclass(frozen=True)
        class Place:
            runs: Annotated[Path, Option(help="Folder for run folders.")] = Path("runs")

        @grouped
        def show(place: Place) -> None: ...  # takes --runs

    Args:
        command: A function of which some parameters are such groups.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(hints[name]):
            groups[name] = hints[name]
            parameters += _parameters_of(hints[name])
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(parameter.replace(annotation=hints[name], kind=kind))

    def expanded(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    expanded.__name__, expanded.__doc__ = command.__name__, command.__doc__
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    vars(expanded)["__signature__"] = inspect.Signature(parameters)
    return expanded


def _parameters_of(group: Any) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default_of(field),
            annotation=hints[field.name],
        )


def _default_of(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is MISSING else field.default


@contextmanager
def resumable() -> Iterator[None]:
    """If a run is stopped, say how to continue it, and exit with the code of an interruption."""
    from emoreal_bench import api

    try:
        yield
    except api.RunInterrupted as stop:
        tell(stop)
        raise typer.Exit(ExitCode.INTERRUPTED) from stop


@dataclass(frozen=True)
class ModelArguments:
    """What a model is told besides its name."""

    model_arg: Annotated[
        list[str] | None, Option(help="An argument of the model, key=value; repeatable.")
    ] = None

    def arguments(self) -> dict[str, str]:
        """Return the arguments by name."""
        return pairs("--model-arg", self.model_arg)


@dataclass(frozen=True)
class ModelSettings(ModelArguments):
    """How a model is loaded."""

    lora: Annotated[Path | None, Option(help="Folder of a LoRA adapter for the model.")] = None


@dataclass(frozen=True)
class ReaderArguments:
    """What the reader of a data set is told."""

    data_arg: Annotated[
        list[str] | None, Option(help="An option of the data set's reader, key=value; repeatable.")
    ] = None

    def data_options(self) -> dict[str, str]:
        """Return the options by name."""
        return pairs("--data-arg", self.data_arg)


@dataclass(frozen=True)
class QuestionSettings:
    """Which questions are asked, and how."""

    task: Annotated[
        str, Option("--task", "-t", help="A task's name, or the path of a YAML file.")
    ] = "emorealm-synth"
    data: Annotated[
        Path | None,
        Option("--data", "-d", help="Data folder. Without it, the synthetic benchmark is made."),
    ] = None
    variant: Annotated[
        str, Option(help="How the task words its prompts; `paper` words them as published.")
    ] = "answer-format"
    answer: Annotated[
        AnswerMethod,
        Option(help="Take the answer that the model writes, or the letter it finds most likely."),
    ] = AnswerMethod.GENERATE
    limit: Annotated[
        int | None, Option(min=1, help="Ask only this many items, spread over all subtasks.")
    ] = None

    def plan(self) -> PlanOptions:
        """Return what these settings choose of a plan."""
        from emoreal_bench import api

        return api.PlanOptions(variant=self.variant, answer_method=self.answer, limit=self.limit)


@dataclass(frozen=True)
class ModalitySettings:
    """What of a clip is given."""

    modalities: Annotated[
        GivenMedia | None,
        Option(help="Give the model only the sound (a), only the picture (v), or neither (t)."),
    ] = None

    def given(self) -> tuple[Modality, ...] | None:
        """Return the same as the API takes it; None for what the task gives."""
        return None if self.modalities is None else self.modalities.modalities


@dataclass(frozen=True)
class FolderSettings:
    """Where runs are kept."""

    runs: Annotated[Path, Option(help="Folder in which run folders are made.")] = Path("runs")


@dataclass(frozen=True)
class ClipSettings:
    """What a clip may take."""

    max_clip_seconds: Annotated[
        float, Option(min=1, help="Longest clip that is decoded, in seconds.")
    ] = MAX_CLIP_SECONDS


@dataclass(frozen=True)
class MediaCacheOptions:
    """Where decoded clips are kept."""

    media_cache: Annotated[
        Path | None,
        Option(help="Folder of decoded clips, to decode each only once for all runs."),
    ] = None
    media_cache_gb: Annotated[
        float, Option(min=0.001, help="Size of that folder in GB; the longest unused go first.")
    ] = 100.0

    def kept(self) -> MediaCacheSettings | None:
        """Return the same as the API takes it; None to keep nothing."""
        from emoreal_bench import api

        if self.media_cache is None:
            return None
        return api.MediaCacheSettings(self.media_cache, round(self.media_cache_gb * 1e9))


@dataclass(frozen=True)
class RunFolderSettings(FolderSettings):
    """Where one run and its replies are kept."""

    out: Annotated[
        Path | None, Option(help="Folder of this one run, instead of a folder in --runs.")
    ] = None
    cache: Annotated[
        Path | None,
        Option(help="File of a response cache, to reuse the replies of repeatable models."),
    ] = None


@dataclass(frozen=True)
class BudgetSettings:
    """What one sitting may use up."""

    max_requests: Annotated[int | None, Option(min=0, help="Stop after this many requests.")] = None
    max_tokens: Annotated[int | None, Option(min=0, help="Stop after this many tokens.")] = None
    max_cost: Annotated[
        float | None,
        Option(min=0, help="Stop after this many US dollars; give the price with --model-arg."),
    ] = None

    def budget(self) -> Budget:
        """Return the budget."""
        from emoreal_bench import api

        return api.Budget(requests=self.max_requests, tokens=self.max_tokens, cost=self.max_cost)


@dataclass(frozen=True)
class PatienceSettings:
    """How long a service is waited for."""

    max_wait: Annotated[
        float,
        Option(min=0, help="Longest wait in seconds that a service may ask for; else stop."),
    ] = 600.0
    give_up_after: Annotated[
        int,
        Option(min=0, help="Stop after this many items without any answer; 0 asks all."),
    ] = 20


@dataclass(frozen=True)
class ConditionSettings(FolderSettings, PatienceSettings, ClipSettings, MediaCacheOptions):
    """How the runs of a command that makes several are kept and carried out."""


@dataclass(frozen=True)
class FailureSettings(PatienceSettings):
    """What happens to requests that fail."""

    retry: Annotated[
        list[DeliveryStatus] | None,
        Option(help="Besides failed items, ask those with this status again; repeatable."),
    ] = None
    fail_on_error: Annotated[
        str,
        Option(
            help="Failed or missing items that stop a run: true (any), more than 5, or 0.05 (5 %)."
        ),
    ] = "false"


class Executor(StrEnum):
    """Who carries a run out."""

    LOCAL = "local"
    RAY = "ray"


@dataclass(frozen=True)
class ExecutorSettings:
    """Where copies of the model live."""

    executor: Annotated[
        Executor, Option(help="Ask from this process, or spread copies of the model by Ray.")
    ] = Executor.LOCAL
    address: Annotated[
        str | None,
        Option(help="Ray cluster, host:port or auto; without it one starts on this machine."),
    ] = None
    copies: Annotated[int, Option(min=1, help="Copies of the model in the cluster.")] = 1
    per_copy: Annotated[
        str, Option(metavar="NEEDS", help="What each copy needs, such as gpus=1,cpus=4.")
    ] = "cpus=1"
    ship_clips: Annotated[
        bool,
        Option("--ship-clips", help="Send clips to the cluster, which cannot read their paths."),
    ] = False
    wait_for_copies: Annotated[
        float, Option(min=1, help="Longest wait in seconds until a copy finds room.")
    ] = 120.0

    def ray(self) -> RayOptions | None:
        """Return the same as the API takes it; None to ask from this process.

        Raises:
            UsageError: If a cluster is described and not wanted.
        """
        from emoreal_bench import api

        if self.executor is Executor.RAY:
            return api.RayOptions(
                address=self.address,
                copies=self.copies,
                ship_clips=self.ship_clips,
                place_seconds=self.wait_for_copies,
                **api.parse_per_copy(self.per_copy),
            )
        if any(getattr(self, field.name) != field.default for field in fields(ExecutorSettings)):
            raise UsageError(
                "--address, --copies, --per-copy, --ship-clips and --wait-for-copies describe a "
                "cluster.",
                remedy="Add --executor ray.",
            )
        return None


@dataclass(frozen=True)
class ShardSettings:
    """Which part of a run is asked."""

    shard: Annotated[
        str | None,
        Option(
            metavar="I/N",
            help="Ask only part I of N of the clips; `runs merge` joins the parts.",
        ),
    ] = None

    def part(self) -> Shard | None:
        """Return the same as the API takes it; None for all of the run."""
        from emoreal_bench import api

        return None if self.shard is None else api.parse_shard(self.shard)


PAGE_RULE = "A name that ends in .html is the page, any other its folder."
"""What ``--html`` takes, in every command that has it."""


@dataclass(frozen=True)
class OutputSettings:
    """What is printed."""

    quiet: Annotated[bool, Option("--quiet", "-q", help="Show no progress bar.")] = False
    as_json: Annotated[bool, Option("--json", help="Print the result as JSON.")] = False

    @property
    def is_silent(self) -> bool:
        """Return whether progress stays hidden."""
        return self.quiet or self.as_json

    def observer(self) -> RunObserver:
        """Return what shows the progress of a run."""
        from emoreal_bench import api

        return api.make_observer(quiet=self.is_silent)

    def named_observer(self, name: str) -> RunObserver:
        """Return the same for one of several runs, whose name is printed first."""
        if not self.is_silent:
            tell(name)
        return self.observer()


def run_options(model: ModelArguments, folders: FolderSettings, **others: Any) -> RunOptions:
    """Return the API's options of a run; ``others`` are handed on as they are."""
    from emoreal_bench import api

    return api.RunOptions(
        model_arguments=model.arguments(),
        lora=model.lora if isinstance(model, ModelSettings) else None,
        runs=folders.runs,
        **{"policy": make_policy(), **others},
    )


def make_policy(
    failures: FailureSettings | None = None,
    budget: BudgetSettings | None = None,
    patience: PatienceSettings | None = None,
    clips: ClipSettings | None = None,
    kept: MediaCacheOptions | None = None,
    *,
    deferred: bool = False,
) -> RunPolicy:
    """Return how a run is carried out; it remembers the command that was typed."""
    from emoreal_bench import api

    failures = failures or FailureSettings()
    patience = patience or failures
    return api.RunPolicy(
        max_wait=patience.max_wait,
        give_up_after=patience.give_up_after,
        max_clip_seconds=(clips or ClipSettings()).max_clip_seconds,
        media_cache=(kept or MediaCacheOptions()).kept(),
        retry_statuses=frozenset(failures.retry or ()),
        fail_on_error=api.parse_fail_on_error(failures.fail_on_error),
        budget=(budget or BudgetSettings()).budget(),
        deferred=deferred,
        command=("emoreal-bench", *sys.argv[1:]),
    )

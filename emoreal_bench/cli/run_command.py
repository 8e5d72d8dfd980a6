"""``emoreal-bench run``: ask models the questions of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from emoreal_bench.cli import options
from emoreal_bench.cli.output import print_json, show, show_report
from emoreal_bench.contracts.errors import ExitCode, UsageError
from emoreal_bench.contracts.vocabulary import Alteration

if TYPE_CHECKING:
    from emoreal_bench.api import PlanOptions, RepeatsReport, RunPolicy, RunReport

EXAMPLES = (
    "Examples: `emoreal-bench run`, "
    "`emoreal-bench run --model hf/Qwen/Qwen2.5-Omni-7B --task emorealm --data ~/emorealm`, "
    "`emoreal-bench run -m baseline/random -t emorealm -d ~/emorealm --limit 50 --dry-run`. "
    "To continue a run that was stopped, give the same command again."
)


@dataclass(frozen=True)
class AskedSettings(options.ModalitySettings, options.QuestionSettings):
    """Which questions are asked, and what is taken from a question or added to it."""

    alter: Annotated[
        Alteration | None,
        Option(help="Mute the sound, blank the picture, swap the clip, or replace it by noise."),
    ] = None
    alter_seed: Annotated[
        int, Option(min=0, help="Seed that picks the other clip or makes the noise of --alter.")
    ] = 0
    shuffle_choices: Annotated[
        int | None,
        Option(min=0, metavar="SEED", help="Shuffle which option stands behind which letter."),
    ] = None
    shots: Annotated[
        int | None,
        Option(
            min=0,
            help="Put this many worked examples before each question; their clips are not scored.",
        ),
    ] = None
    shots_seed: Annotated[
        int, Option(min=0, help="Seed that picks the clips of the worked examples.")
    ] = 0

    def plan(self) -> PlanOptions:
        """Return what these settings choose of a plan."""
        return replace(
            super().plan(),
            modalities=self.given(),
            alteration=self.alter,
            alteration_seed=self.alter_seed,
            choice_shuffle_seed=self.shuffle_choices,
            shots=self.shots,
            shots_seed=self.shots_seed,
        )


@dataclass(frozen=True)
class SittingSettings(
    options.BudgetSettings,
    options.FailureSettings,
    options.ClipSettings,
    options.MediaCacheOptions,
    options.ExecutorSettings,
    options.ShardSettings,
):
    """How a run is carried out."""

    deferred: Annotated[
        bool,
        Option("--deferred", help="Use the service's batch jobs: cheaper, answered within a day."),
    ] = False
    repeats: Annotated[
        int,
        Option(min=1, help="Run this many times with different seeds, and show how answers vary."),
    ] = 1
    dry_run: Annotated[
        bool, Option("--dry-run", help="Show what would be asked, without asking.")
    ] = False

    def policy(self) -> RunPolicy:
        """Return the same as the API takes it."""
        return options.make_policy(self, self, clips=self, kept=self, deferred=self.deferred)


@dataclass(frozen=True)
class RunOutputSettings(options.OutputSettings):
    """What is printed of a run."""

    plain: Annotated[bool, Option("--plain", help="Print lines instead of tables, for logs.")] = (
        False
    )


@options.grouped
def run(
    *,
    model: list[str] = typer.Option(
        ["tiny/omni"], "--model", "-m", help="provider/model; repeatable, to run several models."
    ),
    asked: AskedSettings,
    loading: options.ModelSettings,
    reader: options.ReaderArguments,
    folders: options.RunFolderSettings,
    sitting: SittingSettings,
    output: RunOutputSettings,
) -> None:
    """Ask models the questions of a task, score their replies and print a table.

    You can stop a run at any moment. The same command continues it where it stopped.
    """
    from emoreal_bench import api

    if folders.out is not None and len(model) > 1:
        raise UsageError("--out is the folder of one run; with several models, use --runs.")
    chosen = options.run_options(
        loading,
        folders,
        plan=asked.plan(),
        policy=sitting.policy(),
        data_options=reader.data_options(),
        out=folders.out,
        cache=folders.cache,
        ray=sitting.ray(),
        shard=sitting.part(),
    )
    asked_of, observe = (asked.task, asked.data), output.named_observer
    if sitting.dry_run:
        for name in model:
            show(*api.dry_run(name, *asked_of, chosen).lines())
        return
    if len(model) > 1:  # a wrong name at the end of the list is told before any work
        for name in model:
            api.describe_model(name, chosen)
    reports: list[RunReport] | list[RepeatsReport]
    with options.resumable():
        if sitting.repeats > 1:
            reports = [
                api.evaluate_repeats(sitting.repeats, name, *asked_of, chosen, observe=observe)
                for name in model
            ]
        else:
            see = observe if len(model) > 1 else lambda _: output.observer()
            reports = [api.evaluate(name, *asked_of, chosen, see(name)) for name in model]
    _print(reports, output)
    is_done = all(report.has_asked_all for report in reports)
    raise typer.Exit(0 if is_done else ExitCode.INCOMPLETE)


def _print(
    reports: Sequence[RunReport] | Sequence[RepeatsReport], output: RunOutputSettings
) -> None:
    from emoreal_bench import api

    if output.as_json:
        records = [api.report_json(report) for report in reports]
        print_json(records[0] if len(records) == 1 else records)
        return
    for report in reports:
        show_report(report, as_json=False, plain=output.plain)
        if isinstance(report, api.RunReport) and not output.plain:
            show("")
    runs = [report for report in reports if isinstance(report, api.RunReport)]
    if len(runs) > 1 and not output.plain:
        show(api.summary_table(runs))

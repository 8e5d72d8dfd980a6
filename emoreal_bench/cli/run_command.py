"""``emoreal-bench run``: ask models the questions of a task."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from emoreal_bench.cli.arguments import GivenMedia, pairs
from emoreal_bench.cli.output import print_json, show, show_lines
from emoreal_bench.contracts.errors import ExitCode, UsageError
from emoreal_bench.contracts.vocabulary import Alteration, AnswerMethod, DeliveryStatus

if TYPE_CHECKING:
    from emoreal_bench.api import RunOptions, RunReport
    from emoreal_bench.probing.repeating import RepeatsReport
    from emoreal_bench.running.observer import RunObserver

_EXAMPLES = (
    "Examples: `emoreal-bench run`, "
    "`emoreal-bench run --model hf/Qwen/Qwen2.5-Omni-7B --task emorealm --data ~/emorealm`, "
    "`emoreal-bench run -m baseline/random -t emorealm -d ~/emorealm --limit 50 --dry-run`. "
    "Give the same command again to continue a run that was stopped."
)


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command("run", epilog=_EXAMPLES)(run)


def run(
    model: list[str] = typer.Option(
        ["tiny/omni"], "--model", "-m", help="provider/model; may be given several times."
    ),
    task: str = typer.Option(
        "emorealm-synth", "--task", "-t", help="Task name or path of a YAML file."
    ),
    data: Path | None = typer.Option(
        None, "--data", "-d", help="Data folder; without it the synthetic benchmark is made."
    ),
    variant: str = typer.Option("answer-format", help="How the task asks; `paper` as published."),
    answer: AnswerMethod = typer.Option(
        AnswerMethod.GENERATE, help="Take the written answer, or the most likely letter."
    ),
    modalities: GivenMedia | None = typer.Option(
        None, help="Give the model only this of each clip: sound (a), picture (v), neither (t)."
    ),
    alter: Alteration | None = typer.Option(
        None, help="Silence the sound, grey the picture, take another clip, or noise."
    ),
    alter_seed: int = typer.Option(0, min=0, help="Of which other clip, or of the noise."),
    shuffle_choices: int | None = typer.Option(
        None, min=0, metavar="SEED", help="Deal the options to the letters anew."
    ),
    shots: int | None = typer.Option(
        None, min=0, help="Worked examples in front of a question, from clips that are not scored."
    ),
    shots_seed: int = typer.Option(0, min=0, help="Which clips the worked examples are from."),
    limit: int | None = typer.Option(None, min=1, help="Ask so many items, of every subtask some."),
    repeats: int = typer.Option(
        1, min=1, help="Run so many times, each with its own seed, and print how answers vary."
    ),
    model_arg: list[str] | None = typer.Option(None, help="Argument of the model, key=value."),
    data_arg: list[str] | None = typer.Option(None, help="Option of the reader, key=value."),
    lora: Path | None = typer.Option(None, help="Folder of a LoRA adapter."),
    runs: Path = typer.Option(Path("runs"), help="Folder for run folders."),
    out: Path | None = typer.Option(None, help="Folder of this one run, instead of one in --runs."),
    retry: list[DeliveryStatus] | None = typer.Option(
        None, help="Ask finished items of this status again; failed ones always are."
    ),
    fail_on_error: str = typer.Option(
        "false",
        help="Stop when items fail or are missing: true for the first, a count that is still "
        "allowed, or a share such as 0.05.",
    ),
    max_requests: int | None = typer.Option(None, min=0, help="Stop after so many requests."),
    max_tokens: int | None = typer.Option(None, min=0, help="Stop after so many tokens."),
    max_cost: float | None = typer.Option(
        None, min=0, help="Stop after so many US dollars; the model's price is a --model-arg."
    ),
    deferred: bool = typer.Option(
        False, "--deferred", help="Ask by batches, answered within a day at a lower price."
    ),
    cache: Path | None = typer.Option(
        None, help="File of a response cache, for repeatable models at temperature 0."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be asked, ask nothing."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No progress bar."),
    plain: bool = typer.Option(False, "--plain", help="Lines instead of tables, for logs."),
    as_json: bool = typer.Option(False, "--json", help="Print the results as JSON."),
) -> None:
    """Ask models the questions of a task, score the replies, print the table.

    A run is a folder that can be stopped at any moment: the same command goes on where it stopped.
    """
    from emoreal_bench import api

    if out is not None and len(model) > 1:
        raise UsageError("--out is the folder of one run; several models go below --runs.")
    options = api.RunOptions(
        plan=api.PlanOptions(
            variant=variant,
            answer_method=answer,
            modalities=None if modalities is None else modalities.modalities,
            alteration=alter,
            alteration_seed=alter_seed,
            limit=limit,
            choice_shuffle_seed=shuffle_choices,
            shots=shots,
            shots_seed=shots_seed,
        ),
        policy=api.RunPolicy(
            retry_statuses=frozenset(retry or ()),
            fail_on_error=api.parse_fail_on_error(fail_on_error),
            budget=api.Budget(requests=max_requests, tokens=max_tokens, cost=max_cost),
            deferred=deferred,
            command=("emoreal-bench", *sys.argv[1:]),
        ),
        data_options=pairs("--data-arg", data_arg),
        model_arguments=pairs("--model-arg", model_arg),
        lora=lora,
        runs=runs,
        out=out,
        cache=cache,
    )
    if dry_run:
        for name in model:
            show(*api.dry_run(name, task, data, options).lines())
        return
    if len(model) > 1:  # a wrong name at the end of the list is told before any work
        for name in model:
            api.describe_model(name, options)
    if repeats > 1:
        repeated = _repeat(model, task, data, options, repeats, quiet=quiet or as_json)
        _print_repeats(repeated, as_json=as_json, plain=plain)
        complete = all(report.is_complete for report in repeated)
        raise typer.Exit(0 if complete else ExitCode.INCOMPLETE)
    reports = [_run_one(name, task, data, options, quiet=quiet or as_json) for name in model]
    _print(reports, as_json=as_json, plain=plain)
    raise typer.Exit(0 if all(report.is_complete for report in reports) else ExitCode.INCOMPLETE)


def _repeat(
    models: Sequence[str],
    task: str,
    data: Path | None,
    options: RunOptions,
    repeats: int,
    *,
    quiet: bool,
) -> list[RepeatsReport]:
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.progress import make_observer

    def observe(name: str) -> RunObserver:
        if not quiet:
            typer.echo(name, err=True)
        return make_observer(quiet=quiet)

    try:
        return [
            api.evaluate_repeats(repeats, model, task, data, options, observe=observe)
            for model in models
        ]
    except api.RunInterrupted as stop:
        typer.echo(str(stop), err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from stop


def _print_repeats(reports: Sequence[RepeatsReport], *, as_json: bool, plain: bool) -> None:
    from emoreal_bench.reporting.terminal.repeats import repeats_lines, repeats_renderables

    if as_json:
        records = [report.to_json() for report in reports]
        print_json(records[0] if len(records) == 1 else records)
        return
    for report in reports:
        if plain:
            show_lines(repeats_lines(report))
        else:
            show(*repeats_renderables(report))


def _run_one(
    model: str, task: str, data: Path | None, options: RunOptions, *, quiet: bool
) -> RunReport:
    from emoreal_bench import api
    from emoreal_bench.reporting.terminal.progress import make_observer

    try:
        return api.evaluate(model, task, data, options, make_observer(quiet=quiet))
    except api.RunInterrupted as stop:
        typer.echo(str(stop), err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from stop


def _print(reports: Sequence[RunReport], *, as_json: bool, plain: bool) -> None:
    from emoreal_bench.reporting.terminal.scores import (
        report_lines,
        report_renderables,
        summary_table,
    )

    if as_json:
        records = [
            report.results.model_dump(mode="json", by_alias=True, exclude_unset=True)
            for report in reports
        ]
        print_json(records[0] if len(records) == 1 else records)
        return
    if plain:
        for report in reports:
            show_lines(report_lines(report))
        return
    for report in reports:
        show(*report_renderables(report), "")
    if len(reports) > 1:
        show(summary_table(reports))

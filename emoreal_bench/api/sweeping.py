"""Sweeps: models x tasks x settings, each combination a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoreal_bench.api.evaluating import RunOptions, carry_out, load_data, make_adapter
from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import EmorealError, UsageError
from emoreal_bench.contracts.sweep import SweepReport, SweepRow
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING
from emoreal_bench.probing.sweeping import SweepFile, read_sweep
from emoreal_bench.running.observer import RunObserver
from emoreal_bench.running.plan import PlanOptions, make_plan
from emoreal_bench.running.runner import kept_open
from emoreal_bench.text import count_of, words

if TYPE_CHECKING:
    from emoreal_bench.catalog import TaskFile
    from emoreal_bench.contracts.adapter import ModelAdapter
    from emoreal_bench.contracts.sweep import SweepModel, SweepTask
    from emoreal_bench.readers import Dataset
    from emoreal_bench.reporting.notebook import RunReport


def sweep(
    file: Path,
    options: RunOptions | None = None,
    *,
    observe: Callable[[str], RunObserver] | None = None,
) -> SweepReport:
    """Run every model of a file on every task of it, under every combination of settings.

    Each combination is an ordinary run below ``options.runs``, made or continued as by
    :func:`evaluate`, so calling again goes on where an earlier call stopped. One that
    cannot be run costs itself only: its row says why.

    Args:
        file: The sweep, YAML; ``docs/sweeps.md`` describes it.
        options: How the runs are carried out; what is asked of whom stands in the file.
        observe: Gives what hears of a run, from the names of its combination.

    Raises:
        DataError: If the file is not a valid sweep.
        UsageError: If ``options`` chooses what the file chooses.
        RunInterrupted: On Ctrl-C or SIGTERM; the sweep can be continued.
    """
    options = options or RunOptions()
    _refuse_choices(options)
    read = read_sweep(file)
    tasks: dict[int, tuple[TaskFile, Path, Dataset] | EmorealError] = {}
    rows: list[SweepRow] = []
    for model in read.sweep.models:
        # Made once: describing a local model hashes its weights. Models go one by one, since
        # two large ones find no room beside each other.
        with ExitStack() as kept:
            asked = _Asked(read, model, options, observe, tasks, kept)
            rows += (
                asked.row(number, task, settings)
                for number, task in enumerate(read.sweep.tasks)
                for settings in read.combinations()
            )
    return SweepReport(rows=tuple(rows))


def list_sweep(file: Path) -> list[SweepRow]:
    """Return what :func:`sweep` would run, without running it.

    A row whose model or task has a wrong name says so. Data is not read.

    Raises:
        DataError: If the file is not a valid sweep.
    """
    read = read_sweep(file)
    rows: list[SweepRow] = []
    for model in read.sweep.models:
        asked = _Asked(read, model, RunOptions(), None, {}, ExitStack())
        rows += (
            asked.listed(task, settings)
            for task in read.sweep.tasks
            for settings in read.combinations()
        )
    return rows


def _refuse_choices(options: RunOptions) -> None:
    untouched = RunOptions()
    for name in ("plan", "data_options", "model_arguments", "lora", "out"):
        if getattr(options, name) != getattr(untouched, name):
            raise UsageError(
                f"What a sweep asks of whom stands in its file; leave `{name}` alone.",
            )


@dataclass
class _Asked:
    """One model of a sweep.

    Attributes:
        read: The sweep.
        model: Whom it asks.
        options: How its runs are carried out.
        observe: As for :func:`sweep`.
        tasks: Those that were read, by number, or why one cannot be; all models share them.
        kept: Closes the model, which stays open from one run to the next.
        adapter: The model, once it is needed, or why it cannot be had.
    """

    read: SweepFile
    model: SweepModel
    options: RunOptions
    observe: Callable[[str], RunObserver] | None
    tasks: dict[int, tuple[TaskFile, Path, Dataset] | EmorealError]
    kept: ExitStack
    adapter: ModelAdapter | EmorealError | None = field(default=None)

    def listed(self, task: SweepTask, settings: Mapping[str, Any]) -> SweepRow:
        """Return the row of a combination that is not run."""
        lora = self.read.lora_of(self.model)
        name = self.model.model if lora is None else f"{self.model.model}+{lora.name}"
        row = SweepRow(model=name, task=task.task, settings=dict(settings))
        try:
            self._adapter()
            task_file = find_task(self.read.name_of(task))
            self.read.plan_options(task_file.task, settings)
        except EmorealError as error:
            return row.model_copy(update={"problem": str(error)})
        return row

    def row(self, number: int, task: SweepTask, settings: Mapping[str, Any]) -> SweepRow:
        """Run one combination and say what came of it."""
        row = self.listed(task, settings)
        if row.problem is not None:
            return row
        try:
            report = self._run(number, task, settings, row)
        except EmorealError as error:
            return row.model_copy(update={"problem": str(error)})
        coverage = report.results.coverage
        missing = 0 if report.has_asked_all else coverage.items - coverage.covered
        scores = report.results.scores.get(HEADLINE_SCORING.value)
        return row.model_copy(
            update={
                "folder": str(report.folder),
                "coverage": coverage.fraction,
                "average_accuracy": scores and scores.average_accuracy,
                "interval": scores and scores.average_accuracy_interval,
                "problem": f"{count_of(missing, 'item')} without a reply" if missing else None,
            }
        )

    def _run(
        self, number: int, task: SweepTask, settings: Mapping[str, Any], row: SweepRow
    ) -> RunReport:
        adapter = self._adapter()
        task_file, root, dataset = self._task(number, task)
        chosen = self.read.plan_options(task_file.task, settings)
        plan = make_plan(task_file, dataset, root, chosen)
        observer = self.observe and self.observe(", ".join(_names(row)))
        return carry_out(plan, adapter, self.options, observer)

    def _adapter(self) -> ModelAdapter:
        if self.adapter is None:
            arguments, lora = self.model.arguments, self.read.lora_of(self.model)
            options = replace(self.options, model_arguments=arguments, lora=lora)
            try:
                adapter = make_adapter(self.model.model, options)
                self.adapter = self.kept.enter_context(kept_open(adapter))
            except EmorealError as error:
                self.adapter = error
        if isinstance(self.adapter, EmorealError):
            raise self.adapter
        return self.adapter

    def _task(self, number: int, task: SweepTask) -> tuple[TaskFile, Path, Dataset]:
        if number not in self.tasks:
            options = RunOptions(plan=PlanOptions(), data_options=task.arguments)
            try:
                loaded = load_data(self.read.name_of(task), self.read.data_of(task), options)
            except EmorealError as error:
                self.tasks[number] = error
            else:
                self.tasks[number] = loaded
        found = self.tasks[number]
        if isinstance(found, EmorealError):
            raise found
        return found


def _names(row: SweepRow) -> Iterator[str]:
    yield row.model
    yield row.task
    for key, value in row.settings.items():
        yield f"{words(key)} {'as it is' if value is None else value}"

"""Reads a sweep's file, and says which runs it asks for and which files they hang on."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from emoreal_bench.catalog import explain, find_task, read_settings, task_paths
from emoreal_bench.contracts.errors import DataError, EmorealError
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.sweep import Sweep, SweepModel, SweepTask
from emoreal_bench.contracts.task import Task
from emoreal_bench.running.plan import PlanOptions

_REMEDY = "docs/sweeps.md describes every key."
MOST_RUNS = 10_000
"""Of one sweep; a longer list is a slip of the pen."""
_MEDIA_SETTINGS = ("frames", "size", "sampling", "max_seconds")
_PLAN_SETTINGS: Mapping[str, str] = {
    "variant": "variant",
    "answer": "answer_method",
    "alter": "alteration",
    "shuffle_choices": "choice_shuffle_seed",
    "shots": "shots",
    "repeat": "repeat",
}

Fingerprint = Mapping[str, tuple[int, int]]
"""Path to size and time of change."""


@dataclass(frozen=True, slots=True)
class SweepFile:
    """A sweep and where it was read.

    Attributes:
        sweep: The validated file.
        path: The file; its folders are seen from where it lies.
    """

    sweep: Sweep
    path: Path

    def data_of(self, task: SweepTask) -> Path | None:
        """Return the data folder of a task; None for the synthetic benchmark."""
        return None if task.data is None else self._seen_from_here(task.data)

    def lora_of(self, model: SweepModel) -> Path | None:
        """Return the folder of a model's LoRA adapter."""
        return None if model.lora is None else self._seen_from_here(model.lora)

    def name_of(self, task: SweepTask) -> str:
        """Return a task's name, or the path of its file or folder."""
        path = self._seen_from_here(task.task)
        is_file = task.task.endswith((".yaml", ".yml"))
        if not is_file and (task.task in task_paths() or not path.is_dir()):
            return task.task
        return str(path)

    def combinations(self) -> Iterator[Mapping[str, Any]]:
        """Return every combination of the settings, the last key changing fastest."""
        lists = self.sweep.settings.lists()
        for values in itertools.product(*lists.values()):
            yield dict(zip(lists, values, strict=True))

    def plan_options(self, task: Task, settings: Mapping[str, Any]) -> PlanOptions:
        """Return how a task is asked under one combination of settings.

        Args:
            task: Says what is wanted of each clip where the settings do not.
            settings: Of :class:`~emoreal_bench.contracts.sweep.SweepSettings`, one value a key.

        Raises:
            DataError: If a clip cannot be wanted so.
        """
        chosen: dict[str, Any] = {
            field: settings[key] for key, field in _PLAN_SETTINGS.items() if key in settings
        }
        if "modalities" in settings:
            chosen["modalities"] = settings["modalities"].modalities
        wanted = {key: settings[key] for key in _MEDIA_SETTINGS if key in settings}
        if wanted:
            try:
                chosen["media"] = MediaWanted.model_validate({**task.media.model_dump(), **wanted})
            except ValidationError as error:
                raise DataError(
                    f"A setting of the sweep cannot be:\n{explain(error)}",
                    where=str(self.path),
                    remedy=_REMEDY,
                ) from error
        return PlanOptions(limit=self.sweep.limit, **chosen)

    def _seen_from_here(self, name: str) -> Path:
        return self.path.parent / Path(name).expanduser()


def read_sweep(path: Path) -> SweepFile:
    """Read a sweep's file.

    Raises:
        DataError: If it cannot be read, is no valid sweep, or asks for too many runs.
    """
    sweep = read_settings(path, Sweep, "a valid sweep", remedy=_REMEDY)
    count = len(sweep.models) * len(sweep.tasks)
    for values in sweep.settings.lists().values():
        count *= len(values)
    if count > MOST_RUNS:
        raise DataError(
            f"The sweep asks for {count:,} runs, more than {MOST_RUNS:,}.",
            where=str(path),
            remedy="Shorten its lists, or make several sweeps of it.",
        )
    return SweepFile(sweep, path)


def take_fingerprint(path: Path) -> Fingerprint:
    """Note size and time of every file that a sweep hangs on.

    These are the sweep's file, the folders of its tasks with their prompts, the data
    folders, the LoRA adapters, and the models that are folders of this machine.

    Args:
        path: The sweep's file; if it is not valid, it alone is noted.
    """
    noted: dict[str, tuple[int, int]] = {}
    for place in (path, *_places(path)):
        for file in _files_of(place):
            try:
                state = file.stat()
            except OSError:
                continue  # Gone meanwhile, or not ours to see: another state either way.
            noted[str(file)] = (state.st_size, state.st_mtime_ns)
    return noted


def _places(path: Path) -> Iterator[Path]:
    try:
        file = read_sweep(path)
        tasks = [find_task(file.name_of(task)).path.parent for task in file.sweep.tasks]
    except EmorealError:
        return
    yield from tasks
    yield from filter(None, map(file.data_of, file.sweep.tasks))
    for model in file.sweep.models:
        if (lora := file.lora_of(model)) is not None:
            yield lora
        checkpoint = Path(model.model.partition("/")[2])
        if checkpoint.is_dir():
            yield checkpoint


def _files_of(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    for folder, _, names in os.walk(place):
        yield from (Path(folder, name) for name in names)

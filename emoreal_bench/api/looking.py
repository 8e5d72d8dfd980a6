"""What there is: tasks, models, runs, and whether the installation is whole."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emoreal_bench.catalog import load_task, task_paths
from emoreal_bench.contracts.errors import RunError, TaskError
from emoreal_bench.contracts.run_record import (
    ITEMS_FILE,
    MANIFEST_FILE,
    RESULTS_FILE,
    Manifest,
)
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.model_adapters import list_providers
from emoreal_bench.readers import find_reader, reader_owners
from emoreal_bench.record.departures import conditions
from emoreal_bench.record.files import is_draft
from emoreal_bench.record.manifest import load_manifest, refuse_absent
from emoreal_bench.running.results import load_report
from emoreal_bench.running.verifying import RunState, verify_run
from emoreal_bench.scoring.metrics import all_metrics

_RUN_COLUMNS = (
    "folder",
    "model",
    "label",
    "condition",
    "date",
    "task",
    "variant",
    "items",
    "state",
    "coverage",
    "strict_average_accuracy",
    "problem",
)
_MARKERS = (RESULTS_FILE, MANIFEST_FILE, ITEMS_FILE)
"""Files that tell that a folder is, or was, a run; the first that it is finished."""
_logger = logging.getLogger(__name__)


def list_tasks() -> list[dict[str, Any]]:
    """Return every task that can be named: its name, title, size, subtasks and terms.

    One whose file is broken is left out with a warning.
    """
    rows: list[dict[str, Any]] = []
    for name, path in task_paths().items():
        try:
            task = load_task(path).task
        except TaskError as error:
            _logger.warning("Warning: %s\n  The task %s is left out.", error, name)
            continue
        sizes = [subtask.size for subtask in task.subtasks.values()]
        rows.append(
            {
                "name": name,
                "title": task.title,
                "items": sum(size for size in sizes if size) if all(sizes) else None,
                "subtasks": list(task.subtasks),
                "variants": list(task.variants),
                "terms": task.license,
            }
        )
    return rows


def list_metrics() -> list[dict[str, Any]]:
    """Return every metric: what it says, which end is better, which answers have it."""
    return [
        {
            "name": metric.name,
            "label": metric.label,
            "unit": metric.unit.value,
            "better": metric.better,
            "answers": [kind.value for kind in metric.applies_to],
            "always": metric.always,
            "in_check_rules": metric.in_gate,
            "what": metric.description,
        }
        for metric in all_metrics().values()
    ]


def list_models() -> list[dict[str, Any]]:
    """Return every provider of models: what it can do, what it needs, how to install it."""
    return [
        {
            "provider": provider.name,
            "what": provider.summary,
            "example": provider.example,
            "models": list(provider.models),
            "takes": [modality.value for modality in provider.takes],
            "scores_choices": provider.scores_choices,
            "lora": provider.takes_lora,
            "deferred": provider.deferred,
            "needs": provider.requirements(),
            "install": provider.install_command(),
            "installed": provider.is_installed(),
            "extra": provider.extra,
        }
        for provider in list_providers()
    ]


def list_readers() -> list[dict[str, Any]]:
    """Return every reader of data: what it reads, and which package it is from."""
    rows = []
    for name, owner in sorted(reader_owners().items()):
        reader = find_reader(name)
        module = sys.modules.get(reader.__module__)
        what = getattr(module, "__doc__", None) or reader.__doc__ or ""
        rows.append({"name": name, "reads": what.strip().partition("\n")[0], "from": owner})
    return rows


def list_runs(folder: Path) -> list[dict[str, Any]]:
    """Return the runs below a folder, finished or not, in the order of their names.

    Runs of one model are told apart by ``condition`` and by ``date``, when they were begun.
    A run that cannot be read is listed with what is wrong as its ``problem``.
    """
    places = find_runs([folder], finished_only=False) if folder.is_dir() else []
    manifests: dict[int, Manifest] = {}
    rows = []
    for number, place in enumerate(places):
        row, manifest = _run_row(place)
        rows.append(row)
        if manifest is not None:
            manifests[number] = manifest
    for number, words in conditions(manifests).items():
        rows[number]["condition"] = words
    return rows


def _run_row(place: Path) -> tuple[dict[str, Any], Manifest | None]:
    row: dict[str, Any] = dict.fromkeys(_RUN_COLUMNS)
    row |= {"folder": str(place), "state": "damaged"}
    manifest = None
    try:
        manifest = load_manifest(place)
        row |= {
            "model": manifest.model.name,
            "label": manifest.model.label,
            "date": manifest.created,
            "task": manifest.task,
            "variant": manifest.request.variant,
            "items": manifest.data.items,
        }
        is_finished = (place / RESULTS_FILE).is_file()
        results = load_report(place).results if is_finished else None
    except RunError as error:
        return row | {"problem": str(error)}, manifest
    headline = results.scores.get(Scoring.STRICT.value) if results else None
    row |= {
        "state": ("finished" if is_finished else "stopped")
        + (f", shard {manifest.shard}" if manifest.shard else ""),
        "coverage": results.coverage.fraction if results else None,
        "strict_average_accuracy": headline.average_accuracy if headline else None,
    }
    return row, manifest


def verify_runs(folders: Sequence[Path], *, repair: bool = False) -> list[RunState]:
    """Check every file of runs, and that they belong together.

    Args:
        folders: Run folders, or folders that hold some.
        repair: Mend what follows from other files of the run.

    Raises:
        RunError: If a folder holds no run, or a run to be mended is being written.
    """
    places = find_runs(folders, finished_only=False)
    if not places:
        raise RunError(
            f"There is no run here or below: no folder holds a {MANIFEST_FILE}.",
            where=", ".join(map(str, folders)),
        )
    return [verify_run(place, repair=repair) for place in places]


def find_runs(folders: Sequence[Path], *, finished_only: bool = True) -> list[Path]:
    """Find run folders: the given ones, and those anywhere below them.

    What is left of a run whose manifest is gone is found too, so that it is named.

    Raises:
        RunError: If a folder is not there or holds no run.
    """
    markers = _MARKERS[:1] if finished_only else _MARKERS
    found: dict[Path, None] = {}
    for folder in folders:
        refuse_absent(folder)
        places = [folder] if any((folder / marker).is_file() for marker in markers) else []
        below = (
            path.relative_to(folder).parent
            for marker in markers
            for path in folder.glob(f"*/**/{marker}")
            if not is_draft(path.relative_to(folder))
        )
        places += sorted(folder / path for path in set(below))
        if not places and finished_only:
            raise RunError(
                "There is no finished run here or below.",
                where=str(folder),
                remedy="Make one with `emoreal-bench run`.",
            )
        found.update(dict.fromkeys(places))
    return list(found)

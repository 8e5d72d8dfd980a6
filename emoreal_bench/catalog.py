"""What exists, by name: tasks and readers, built in or added by other packages.

Nothing is registered at import time. Built-in tasks are the YAML files of
``emoreal_bench/tasks``; a user's own file works by its path; another package
adds tasks through the entry point group ``emoreal_bench.tasks`` (a module whose
folder holds YAML files) and readers through ``emoreal_bench.readers``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import DataError, EmorealError, TaskError, UsageError, nearest
from emoreal_bench.contracts.task import EVAL_FILE, Task
from emoreal_bench.entry_points import foreign_code, load_group, name_clash, owner_of, warn_of
from emoreal_bench.file_names import is_file, is_folder, nearest_path
from emoreal_bench.parsing import UnreadableError, parse_yaml
from emoreal_bench.resources import package_folders

TASK_ENTRY_POINTS = "emoreal_bench.tasks"
_PROBLEMS_SHOWN = 10
_MOST_EXTENDED = 20
_Kind = TypeVar("_Kind", bound=Record)


@dataclass(frozen=True, slots=True)
class TaskFile:
    """A task and where it was read.

    Attributes:
        task: The validated task.
        path: The YAML file; templates are found relative to its folder.
    """

    task: Task
    path: Path


def suggest(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Make the error for a wrong name, with the nearest right ones.

    Args:
        kind: What was named, e.g. ``"task"``.
        name: As the user wrote it.
        known: The names that exist.
    """
    names = sorted(known)
    remedy = nearest(name, names) or f"There are: {', '.join(names)}."
    return UsageError(f"There is no {kind} named '{name}'.", remedy=remedy)


def task_paths() -> dict[str, Path]:
    """Return every task that can be named, with its file."""
    paths, broken = _tasks_and_clashes()
    for error in broken.values():
        warn_of(error)
    return paths


def broken_task_packages() -> dict[str, UsageError]:
    """Return, by the name of its entry point or task, why a package or task is left out."""
    broken: dict[str, UsageError] = {}
    for entry in entry_points(group=TASK_ENTRY_POINTS):
        broken |= load_group([entry], _task_folders)[1]
    return broken | _tasks_and_clashes()[1]


def _tasks_and_clashes() -> tuple[dict[str, Path], dict[str, UsageError]]:
    """Return the tasks by name, and why others are left out: their names are taken."""
    built_in = {path.stem: path for path in _yaml_files(package_folders("emoreal_bench.tasks"))}
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    # Packages may give their entry points the same name: it is that of no task.
    for entry in entry_points(group=TASK_ENTRY_POINTS):
        for folders in load_group([entry], _task_folders)[0].values():
            for path in _yaml_files(folders):
                found[path.stem].setdefault(owner_of(entry), path)
    clashes = {
        name: name_clash(f"The task '{name}'", owners, built_in=name in built_in)
        for name, owners in found.items()
        if name in built_in or len(owners) > 1
    }
    added = {name: next(iter(paths.values())) for name, paths in found.items()}
    return {name: added[name] for name in added if name not in clashes} | built_in, clashes


def _yaml_files(folders: Iterable[Path]) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.glob("*.yaml"))]


def _task_folders(entry: EntryPoint) -> list[Path]:
    """Return the folders of a package of tasks, which is not imported, though its parent is."""
    owner = owner_of(entry)
    with foreign_code(f"The entry point '{entry.name}'", owner):
        folders = package_folders(entry.value)
    if not folders:
        raise UsageError(
            f"The entry point '{entry.name}' of {owner} names no package: '{entry.value}'.",
            remedy=f"Fix or uninstall {owner}.",
        )
    return folders


def find_task(name: str) -> TaskFile:
    """Find a task by its name, or by the path of a YAML file or of the folder that holds it.

    Raises:
        UsageError: If there is no such task.
        TaskError: If the file is not a valid task.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise UsageError("There is no such task file.", where=name)
        return load_task(path)
    paths = task_paths()
    if name in paths:
        return load_task(paths[name])
    folder = Path(name)
    if is_folder(folder):
        return load_task(_only_task_in(folder))
    if folder.name != name:
        raise UsageError("There is no such task file.", where=name)
    near = nearest_path(folder)
    meant = [str(near)] if near is not None and is_folder(near) else []
    raise suggest("task", name, [*paths, *meant])


def task_files_in(folder: Path) -> list[Path]:
    """Return the task files of a folder, without what describes them to the hub."""
    files = sorted(path for end in ("yaml", "yml") for path in folder.glob(f"*.{end}"))
    return [path for path in files if path.name != EVAL_FILE]


def _only_task_in(folder: Path) -> Path:
    """Return the task file of a folder such as ``data new`` makes.

    Raises:
        UsageError: If there is none, or several.
    """
    files = task_files_in(folder)
    if len(files) == 1:
        return files[0]
    if not files:
        raise UsageError(
            "This folder holds no task file (.yaml).",
            where=str(folder),
            remedy="Name a task file, or the folder of one. `emoreal-bench list tasks` shows the "
            "tasks that have a name.",
        )
    raise UsageError(
        f"This folder holds {len(files)} YAML files, and one task is asked.",
        where=str(folder),
        remedy=f"Name one of them: {', '.join(str(path) for path in files[:_PROBLEMS_SHOWN])}.",
    )


def read_settings(
    path: Path,
    kind: type[_Kind],
    what: str,
    *,
    error: type[EmorealError] = DataError,
    remedy: str | None = None,
) -> _Kind:
    """Read a YAML file that holds one record.

    Args:
        path: The file.
        kind: The record.
        what: Its name in words, such as "a valid card", for the message.
        error: Is raised.
        remedy: Where the keys are described.

    Raises:
        EmorealError: ``error``, if the file cannot be read or is no such record; every wrong
            key is named.
    """
    try:
        return kind.model_validate(parse_yaml(path.read_bytes()))
    except OSError as fault:
        raise error(f"The file cannot be read: {fault.strerror}.", where=str(path)) from fault
    except UnreadableError as fault:
        raise error(f"The file {fault}.", where=str(path)) from fault
    except ValidationError as fault:
        problem = f"This is not {what}:\n{explain(fault)}"
        raise error(problem, where=str(path), remedy=remedy) from fault


def load_task(path: Path) -> TaskFile:
    """Read and validate a task file.

    Raises:
        TaskError: If it is not valid; the message names every wrong key.
    """
    definition = _read_definition(path.resolve(), seen=())
    try:
        task = Task.model_validate(definition)
    except ValidationError as error:
        raise TaskError(
            "This is not a valid task:\n" + explain(error),
            where=str(path),
            remedy="docs/tasks.md describes every key.",
        ) from error
    from emoreal_bench.scoring.metrics import all_metrics, broken_metrics  # Brings numpy.

    known = all_metrics()
    for name in task.metrics:
        if name not in known:
            unknown = broken_metrics().get(name) or suggest("metric", name, known)
            raise TaskError(
                unknown.problem,
                where=str(path),
                remedy=f"{unknown.remedy} If another package adds it, install that package.",
            )
    folder = path.resolve().parent
    for name, variant in task.variants.items():
        if not _is_file_below(folder, variant.prompt):
            raise TaskError(
                f"The prompt of variant '{name}' is not a file beside or below the task file: "
                f"{variant.prompt}",
                where=str(path),
            )
    return TaskFile(task=task, path=path)


def _read_definition(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path in seen:
        raise TaskError("Task files extend each other in a circle.", where=str(path))
    try:
        definition = parse_yaml(path.read_bytes())
    except OSError as error:
        problem = f"The task file cannot be read: {error.strerror}."
        raise TaskError(problem, where=str(path)) from error
    except UnreadableError as error:
        raise TaskError(f"The task file cannot be read: it {error}.", where=str(path)) from error
    if not isinstance(definition, dict):
        raise TaskError("A task file is a mapping of keys to values.", where=str(path))
    parent = definition.get("extends")
    if parent is None:
        return definition
    folder = path.parent.resolve()
    if not isinstance(parent, str) or not _is_file_below(folder, f"{parent}.yaml"):
        raise TaskError(
            f"It extends '{parent}', but there is no {Path(f'{parent}.yaml').name} beside or "
            "below it.",
            where=str(path),
        )
    if len(seen) >= _MOST_EXTENDED:
        raise TaskError(
            f"More than {_MOST_EXTENDED} task files extend each other.", where=str(path)
        )
    # Resolved: a circle may lead through ever longer names of the same file.
    return _join(_read_definition((folder / f"{parent}.yaml").resolve(), (*seen, path)), definition)


def _is_file_below(folder: Path, name: str) -> bool:
    try:
        path = (folder / name).resolve()
    except (OSError, ValueError):  # a name that no disk can hold
        return False
    return path.is_relative_to(folder) and is_file(path)


def _join(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    joined = dict(base)
    for key, value in change.items():
        old = joined.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = _join(old, value)  # noqa: PLW2901 - the joined mapping takes its place
        joined[key] = value
    return joined


def explain(error: ValidationError) -> str:
    """Return in lines for people what does not fit a schema, and where."""
    lines = [
        f"  {'.'.join(str(part) for part in problem['loc']) or 'the file'}: {_in_words(problem)}"
        for problem in error.errors()
    ]
    if len(lines) > _PROBLEMS_SHOWN:
        lines[_PROBLEMS_SHOWN:] = [f"  and {len(lines) - _PROBLEMS_SHOWN} more"]
    return "\n".join(lines)


def _in_words(problem: ErrorDetails) -> str:
    """Return what is wrong at one place, without the terms of the library that found it."""
    context = problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            return "there is no such key"
        case "union_tag_invalid":
            known = re.findall(r"'([^']+)'", context["expected_tags"])
            key = context["discriminator"].strip("'")
            return f"{key} '{context['tag']}' is none of {', '.join(known)}"
        case "value_error":
            return str(context["error"])
        case _:
            return problem["msg"]

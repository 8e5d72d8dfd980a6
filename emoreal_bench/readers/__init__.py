"""Readers: from the folder that a user got from a data set's owner to items.

One file per data set. A reader is a function ``read(task, root, options)`` that
returns a :class:`Dataset`, raises :class:`DataError` with every problem it
found and ``UsageError`` for an option that it does not take, and never skips an item.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from emoreal_bench.catalog import suggest
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Clip, ClipsOnDemand, Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.entry_points import (
    find_entry_point,
    foreign_code,
    load_entry_point,
    load_group,
    owner_of,
)
from emoreal_bench.readers.validation import refuse_invalid

READER_ENTRY_POINTS = "emoreal_bench.readers"

Options = Mapping[str, str | int | float | bool]

_BUILT_IN = {
    "avhbench": "emoreal_bench.readers.avhbench:read",
    "cmm": "emoreal_bench.readers.cmm:read",
    "dfew": "emoreal_bench.readers.dfew:read",
    "emer": "emoreal_bench.readers.mer2025:read_descriptions",
    "emorealm": "emoreal_bench.readers.emorealm:read",
    "emotionhallucer": "emoreal_bench.readers.emotionhallucer:read",
    "mafw": "emoreal_bench.readers.mafw:read",
    "mer2023": "emoreal_bench.readers.mer2023:read",
    "ov-merd": "emoreal_bench.readers.mer2025:read_open_labels",
    "questions": "emoreal_bench.readers.questions:read",
    "ravdess": "emoreal_bench.readers.ravdess:read",
}


@dataclass(frozen=True, slots=True)
class Dataset:
    """The items of a data set and the clips they ask about.

    Attributes:
        items: In the order of the data set.
        clips: By the key that items name; a file that is not there is the
            run's concern, which counts its items as missing.
        sources: The annotation files that were read.
        notes: What the reader left out by a rule of the data set, or found odd,
            one sentence each; ``data check`` prints them.
        options: The reader's options that the user gave, to read it again.
    """

    items: Sequence[Item]
    clips: Mapping[str, Clip]
    sources: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    options: Options = field(default_factory=dict)


Reader = Callable[[Task, Path, Options], Dataset]


def find_reader(name: str) -> Reader:
    """Find a reader by name, built in or added by another package.

    Raises:
        UsageError: If there is none of that name, or several, or it cannot be loaded.
    """
    if name in _BUILT_IN:
        module, function = _BUILT_IN[name].split(":")
        return cast("Reader", getattr(import_module(module), function))
    added = find_entry_point(READER_ENTRY_POINTS, name)
    if added is None:
        names = (point.name for point in entry_points(group=READER_ENTRY_POINTS))
        raise suggest("reader", name, [*_BUILT_IN, *names])
    return cast("Reader", load_entry_point(added))


def broken_readers() -> dict[str, UsageError]:
    """Return, by name, why a reader of another package cannot be used."""
    return load_group(entry_points(group=READER_ENTRY_POINTS), load_entry_point, _BUILT_IN)[1]


def reader_owners() -> dict[str, str]:
    """Return the readers that can be used by name, each with the package that it is from."""
    points = entry_points(group=READER_ENTRY_POINTS)
    loaded, _ = load_group(points, load_entry_point, _BUILT_IN)
    added = {point.name: owner_of(point) for point in points if point.name in loaded}
    return added | dict.fromkeys(_BUILT_IN, "emoreal-bench")


def load_items(task: Task, root: Path, options: Options) -> Dataset:
    """Read the items of a task from the user's folder, check them, and apply the task's filter.

    Whatever reader made them, the items are such that they can be asked and scored.

    Args:
        task: Says which reader, split and filter.
        root: The folder that the user names with ``--data``.
        options: The reader's own options; they override those of the task file.

    Raises:
        DataError: If the folder is absent, the data is not valid, or no item is left.
    """
    if not root.exists():
        raise DataError(
            "There is no such data folder.",
            where=str(root),
            remedy=f"Name the folder that holds {task.title} with --data.",
        )
    given = {**task.data.options, **options}
    read = _read(task, root, given)
    refuse_invalid(task, read, root, given)
    kept = [item for item in read.items if matches(item, task.data.filter)]
    if not kept:
        raise DataError(
            "No item passes the filter of the task file.",
            where=str(root),
            remedy=f"The filter is {dict(task.data.filter)}.",
        )
    keys = {item.clip for item in kept}
    chosen = {key: None for key in read.clips if key in keys}
    clips = ClipsOnDemand(chosen, read.clips.__getitem__)
    return replace(read, items=kept, clips=clips, options=dict(options))


def _read(task: Task, root: Path, options: Options) -> Dataset:
    name, remedy = task.data.reader, "Fix the reader, or ask its author to."
    try:
        reader = find_reader(name)
    except UsageError as error:
        where = error.where or f"task {task.name}"
        raise UsageError(error.problem, where=where, remedy=error.remedy) from error
    if name in _BUILT_IN:
        return reader(task, root, options)
    point = find_entry_point(READER_ENTRY_POINTS, name)
    owner = "another" if point is None else owner_of(point)
    with foreign_code(f"The reader {name}", owner, DataError):
        read: object = reader(task, root, options)
    if not isinstance(read, Dataset):
        raise DataError(
            f"The reader {name} returned {type(read).__name__}, not a Dataset.",
            where=str(root),
            remedy=remedy,
        )
    return read


def matches(item: Item, wanted: Mapping[str, tuple[str, ...]]) -> bool:
    """Return whether an item's ``subtask`` or metadata value is listed under every key."""
    metadata = item.metadata or {}
    values = {"subtask": item.subtask, **metadata}
    return all(values.get(key) in allowed for key, allowed in wanted.items())

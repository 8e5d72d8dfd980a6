"""EmoReAlM: the version 1 JSON over a DFEW folder.

The JSON is a list of objects with ``id``, ``video`` (a path below the clip
tree, such as ``part_3/1234.mp4``), ``task``, ``question``, ``choices`` and
``answer``. Clips are DFEW's, as the paper prepares them: a tree of 24 frames a
second mp4 files and a tree of 16 kHz wav files with the same paths, or one tree
of mp4 files with sound. The synthetic benchmark has the same layout and three
more keys (``category``, ``cue``, ``emotion``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Clip, ClipsOnDemand, Item, id_text
from emoreal_bench.contracts.task import Task
from emoreal_bench.file_names import one_form, path_on_disk
from emoreal_bench.identity import why_no_file
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.clip_files import (
    AnnotatedClipOptions,
    check_relative,
    find_annotations,
    folder_of,
    home_of,
    no_clips,
    read_options,
)
from emoreal_bench.readers.records import MalformedItem, Problems, iterate_json_list
from emoreal_bench.readers.validation import check_items

ANNOTATIONS = "emorealm_v1.json"
_KEYS = ("id", "video", "task", "question", "choices", "answer")
_LOOK_DEPTH = 3
_PROBED_CLIPS = 8


def read(task: Task, root: Path, options: Options) -> Dataset:
    """Read EmoReAlM, or a data set of the same layout.

    Raises:
        DataError: With every problem found: a missing file or folder, a
            malformed item, a duplicate id, a clip path that leaves the folder.
        UsageError: For an option that does not exist.
    """
    chosen = read_options(AnnotatedClipOptions, options, "emorealm")
    annotations = find_annotations(root, chosen.annotations, ANNOTATIONS)
    items = read_annotations(task, annotations)
    paths = sorted({item.clip for item in items})
    videos = _tree(root, chosen.videos, "videos", paths)
    if videos is None:
        raise no_clips(root, _likeliest_places(root, paths))
    audios = _tree(root, chosen.audios, "audios", [_wav(path) for path in paths])

    def find(path: str) -> Clip:
        sound = None if audios is None else path_on_disk(audios / _wav(path))
        return Clip(path, path_on_disk(videos / path), sound)

    return Dataset(items, ClipsOnDemand(dict.fromkeys(paths), find), (annotations,))


def read_annotations(task: Task, path: Path) -> list[Item]:
    """Read the items of the JSON file alone, without looking for clips.

    Raises:
        DataError: With every problem found in the file.
    """
    problems = Problems(path, remedy="Get the file again from its owner, or correct these items.")
    items = list(_Parser(problems).items(path))
    check_items(task, items, problems)
    problems.raise_if_any()
    if not items:
        raise DataError("The list holds no items.", where=str(path))
    return items


def _tree(root: Path, chosen: str | None, option: str, paths: list[str]) -> Path | None:
    """Find the folder below which the clip paths exist: the one with the most hits."""
    home = home_of(root)
    if chosen is not None:
        return folder_of(home, chosen, option)
    probed = paths[:: max(1, len(paths) // _PROBED_CLIPS)]
    tops = {one_form(PurePosixPath(path).parts[0]) for path in probed}
    best, hits = None, 0
    for folder in _folders(home, tops, _LOOK_DEPTH):
        found = sum(path_on_disk(folder / path).is_file() for path in probed)
        if found > hits:
            best, hits = folder, found
    return best


def _likeliest_places(root: Path, paths: list[str]) -> dict[str, Path]:
    """Return where each clip should be: in the first folder that has something in its place."""
    home = home_of(root)
    tops = {one_form(PurePosixPath(path).parts[0]) for path in paths[:_PROBED_CLIPS]}
    folders = _folders(home, tops, _LOOK_DEPTH)
    is_near = (folder for folder in folders if any(why_no_file(folder / p) for p in paths[:1]))
    near = next(is_near, home)
    return {path: near / path for path in paths}


def _folders(folder: Path, tops: set[str], depth: int) -> Iterator[Path]:
    # The prepared trees (24fps, 16k) sort before an original of the same paths.
    yield folder
    if depth == 0:
        return
    below = [path for path in folder.iterdir() if path.is_dir() and one_form(path.name) not in tops]
    for path in sorted(below, key=lambda path: (not _is_prepared(path), path.name)):
        yield from _folders(path, tops, depth - 1)


def _is_prepared(path: Path) -> bool:
    name = path.name.lower()
    return any(word in name for word in ("24fps", "24_fps", "16k"))


def _wav(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(".wav"))


class _Parser:
    """Turns JSON objects into items and notes what is wrong with them.

    Strings and tuples that recur (clip paths, yes/no options, metadata) are
    shared between items, because a run holds all of them in memory.
    """

    def __init__(self, problems: Problems):
        self._problems = problems
        self._shared: dict[Any, Any] = {}

    def items(self, path: Path) -> Iterator[Item]:
        for index, record in enumerate(iterate_json_list(path)):
            name = f"number {index + 1}"
            if isinstance(record, Mapping):
                name = id_text(record.get("id")) or name
            try:
                yield self._item(record, name)
            except MalformedItem as error:
                self._problems.add(name, str(error))

    def _item(self, record: object, name: str) -> Item:
        if not isinstance(record, Mapping):
            raise MalformedItem("it is not an object")
        missing = [key for key in _KEYS if key not in record]
        if missing:
            raise MalformedItem(f"it lacks {', '.join(missing)}")
        _check_types(record)
        check_relative(record["video"], "video")
        return Item(
            id=name,
            subtask=sys.intern(record["task"]),
            question=record["question"],
            choices=self._share(tuple(record["choices"])),
            answer=sys.intern(record["answer"].strip().strip("()").upper()),
            clip=self._share(record["video"]),
            metadata=self._metadata(record),
        )

    def _metadata(self, record: Mapping[str, Any]) -> Mapping[str, str] | None:
        more = tuple(
            (key, str(value))
            for key, value in record.items()
            if key not in _KEYS and isinstance(value, str | int | float)
        )
        if not more:
            return None
        known: Mapping[str, str] = self._shared.setdefault(more, dict(more))
        return known

    def _share(self, value: Any) -> Any:
        return self._shared.setdefault(value, value)


def _check_types(record: Mapping[str, Any]) -> None:
    choices, answer = record["choices"], record["answer"]
    if id_text(record["id"]) is None:
        raise MalformedItem("its id is neither a text nor a number")
    if not isinstance(record["task"], str):
        raise MalformedItem(f"its task is {record['task']!r}")
    if not isinstance(record["question"], str) or not record["question"].strip():
        raise MalformedItem("its question is not a text")
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        raise MalformedItem("its choices are not a list of two or more texts")
    if not isinstance(answer, str):
        raise MalformedItem(f"its answer is {answer!r}, not a letter")

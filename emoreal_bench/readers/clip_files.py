"""Where the annotation file and the clips are: what a user may say, and where to look."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import IntEnum
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import TypeVar

from pydantic import ValidationError

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Clip, ClipsOnDemand, Item
from emoreal_bench.file_names import is_file, is_folder, one_form, path_on_disk
from emoreal_bench.identity import why_no_file
from emoreal_bench.readers import Options
from emoreal_bench.readers.records import MalformedItem

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".flv", ".m4v"})
_LOOK_DEPTH = 3
_CLIP_DEPTH = 6
_NAMED = 3
_LONGEST_NAME, _LONGEST_PATH = 255, 3_000
"""In bytes; Linux takes paths of 4,095, of which the data folder needs some."""


class ReaderOptions(Record):
    """Base of every reader's options. Paths may be absolute or relative to the data folder."""


class AnnotationOptions(ReaderOptions):
    """Where the annotation file is."""

    annotations: str | None = None
    """The file with the questions or labels; looked for by its name if not given."""


class PathOptions(AnnotationOptions):
    """Where the annotation file is, and the clips whose paths it holds."""

    videos: str | None = None
    """The folder that the paths begin in; that of the annotation file if not given."""


class ClipOptions(ReaderOptions):
    """Where the clips are."""

    videos: str | None = None
    """The folder of the clips; looked for if not given."""
    audios: str | None = None
    """The folder of separate wav files; looked for if not given."""


class AnnotatedClipOptions(ClipOptions, AnnotationOptions):
    """Where the annotation file and the clips are."""


OptionsT = TypeVar("OptionsT", bound=ReaderOptions)


def read_options(model: type[OptionsT], options: Options, reader: str) -> OptionsT:
    """Validate the options of a reader.

    Args:
        model: What the reader takes.
        options: As the task file and the user gave them.
        reader: Its name, for the error.

    Raises:
        UsageError: For an option that the reader does not take, or a wrong value.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        known = model.model_fields
        unknown = [key for key in options if key not in known]
        if unknown:
            problem = f"The reader {reader} does not take the option: {', '.join(unknown)}."
        else:
            wrong = [f"{line['loc'][0]}: {line['msg']}" for line in error.errors()]
            problem = f"The reader {reader} cannot take this value of {'; '.join(wrong)}."
        raise UsageError(problem, remedy=f"It takes: {', '.join(known)}.") from error


class _Version(IntEnum):
    """Which copy of a clip a file is, by the names of the folders above it."""

    PREPARED = 0
    """24 frames a second, with sound: what the authors feed."""
    ORIGINAL = 1
    SILENT = 2
    """A copy whose sound was taken away on purpose; only used if named."""


def home_of(root: Path) -> Path:
    """Return the user's folder where they may have named a file in it."""
    return root.parent if root.is_file() else root


def find_annotations(root: Path, chosen: str | None, *names: str) -> Path:
    """Find the annotation file.

    Args:
        root: The user's folder, or the file itself.
        chosen: The user's ``annotations`` option.
        names: The file as its owner names it, with as many folders above it as
            are needed to tell it apart: ``"test(single-labeled)/set_1.csv"``;
            or several names that it may have.

    Raises:
        DataError: If there is no such file, or several at the same depth.
    """
    if chosen is not None:
        path = path_on_disk(root / chosen)
        if not is_file(path):
            raise DataError(
                "There is no such annotation file.",
                where=str(path),
                remedy="Name it with --data-arg annotations=FILE.",
            )
        return path
    if root.is_file():
        return root
    name, folders = " or ".join(names), [root]
    for _ in range(_LOOK_DEPTH + 1):
        places = [folder / name for folder in folders for name in names]
        found = [path for path in places if path.is_file()]
        if len(found) > 1:
            raise DataError(
                f"There are several files {name}: {', '.join(map(str, found))}.",
                where=str(root),
                remedy="Name the right one with --data-arg annotations=FILE.",
            )
        if found:
            return found[0]
        folders = [below for folder in folders for below in _folders(folder)]
    raise DataError(
        f"There is no {name} in this folder or up to {_LOOK_DEPTH} folders below it.",
        where=str(root),
        remedy="Put it there, or name it with --data-arg annotations=FILE.",
    )


def check_relative(path: object, key: str) -> None:
    """Refuse a path of an annotation that is none or leads out of the data folder.

    Args:
        path: As the annotation writes it.
        key: What the annotation calls it.

    Raises:
        MalformedItem: If it is not a path below the folder, or one that no disk can hold.
    """
    if not isinstance(path, str) or not path.strip():
        raise MalformedItem(f"its {key} is not a path")
    pure, written = PurePosixPath(path), PureWindowsPath(path)
    if "\\" in path and not written.anchor and ".." not in written.parts:
        problem = "parts folders by a backslash; write / instead, which every system takes"
        raise MalformedItem(f"its {key} {path!r} {problem}")
    leaves = not pure.parts or pure.is_absolute() or ".." in pure.parts or "\\" in path
    if leaves or "\0" in path or ":" in pure.parts[0]:
        raise MalformedItem(f"its {key} {path!r} leaves the data folder")
    lengths = [len(part.encode("utf-8", "surrogatepass")) for part in pure.parts]
    if max(lengths) > _LONGEST_NAME or sum(lengths) + len(lengths) > _LONGEST_PATH:
        raise MalformedItem(f"its {key} is longer than the name of a file can be")


def no_clips(folder: Path, files: Mapping[str, Path]) -> DataError:
    """Make the error for a folder that holds none of the clips.

    Args:
        folder: Where they were looked for.
        files: Where each was looked for, by its name.
    """
    reasons = ((name, why_no_file(path)) for name, path in files.items())
    found = next(((name, reason) for name, reason in reasons if reason is not None), None)
    name, reason = found or (next(iter(files)), None)
    return DataError(
        f"None of the clips was found, for example {name}"
        f"{'.' if reason is None else f', which {reason}.'}",
        where=str(folder),
        remedy="Put the clips below this folder, or name theirs with --data-arg videos=FOLDER.",
    )


def clips_by_path(
    root: Path, annotations: Path, options: PathOptions, items: Sequence[Item]
) -> Mapping[str, Clip]:
    """Return the clip of every item, whose key is its path below the clips' folder.

    Raises:
        DataError: If there is none of the clips.
    """
    home = home_of(root)
    folder = folder_of(home, options.videos, "videos") or annotations.parent
    clips = ClipsOnDemand(
        dict.fromkeys(item.clip for item in items),
        lambda key: Clip(key, path_on_disk(folder / key)),
    )
    if not any(clip.video.is_file() for clip in clips.values()):
        raise no_clips(folder, {key: clip.video for key, clip in clips.items()})
    return clips


def clip_names(root: Path, options: ClipOptions) -> list[str]:
    """List the names of all clips below the folder, without extension, each once.

    For data sets whose names are their annotations.

    Raises:
        DataError: If there are none.
    """
    home = home_of(root)
    folder = folder_of(home, options.videos, "videos") or home
    names = sorted({path.stem for path in walk_files(folder, VIDEO_SUFFIXES)})
    if not names:
        raise DataError(
            "There are no clips in this folder.",
            where=str(folder),
            remedy="Put the clips below it, or name theirs with --data-arg videos=FOLDER.",
        )
    return names


def find_clips(
    root: Path,
    options: ClipOptions,
    keys: Collection[str],
    key_of: Callable[[str], str] = str,
) -> dict[str, Clip]:
    """Find the files of clips by their names, wherever they are below the folder.

    Names are compared in one Unicode form. Where a data set lies there in several
    copies, all clips come from one: that with the most of the wanted clips,
    prepared ones before the originals. Wav
    files are taken from the folder of the option ``audios``, or else from below
    a folder whose name holds ``16k``; without any, the sound is the video's own.

    Args:
        root: The user's folder.
        options: May name the folders.
        keys: The wanted clips.
        key_of: Turns a file's name without extension into a key.

    Returns:
        A clip for each key, in their order; the files of a missing one do not exist.

    Raises:
        DataError: If there is none of the clips, or two files for one of them.
    """
    home = home_of(root)
    videos = folder_of(home, options.videos, "videos")
    wanted = {one_form(key) for key in keys}
    copies: dict[_Version, _Found] = defaultdict(lambda: defaultdict(list))
    for path in walk_files(videos or home, VIDEO_SUFFIXES):
        if (key := one_form(key_of(path.stem))) in wanted:
            version = _Version.ORIGINAL if videos else _version(path.relative_to(home))
            copies[version][key].append(path)
    copies.pop(_Version.SILENT, None)
    if not copies:
        files = {key: (videos or home) / f"{key}.mp4" for key in sorted(wanted)}
        raise no_clips(videos or home, files)
    version, found = max(copies.items(), key=lambda copy: (len(copy[1]), -copy[0]))
    sounds = _find_sounds(home, options, wanted, key_of)
    _refuse_doubles(home, found, "videos")
    _refuse_doubles(home, sounds, "audios")
    return {key: _clip(key, found, sounds, videos or home) for key in keys}


_Found = dict[str, list[Path]]


def _find_sounds(
    home: Path, options: ClipOptions, wanted: set[str], key_of: Callable[[str], str]
) -> _Found:
    audios = folder_of(home, options.audios, "audios")
    found: _Found = defaultdict(list)
    for path in walk_files(audios or home, {".wav"}):
        is_prepared = audios is not None or _is_prepared_sound(path.relative_to(home))
        if is_prepared and (key := one_form(key_of(path.stem))) in wanted:
            found[key].append(path)
    return found


def _clip(key: str, videos: _Found, sounds: _Found, home: Path) -> Clip:
    name = one_form(key)
    video = videos[name][0] if name in videos else home / f"{key}.mp4"
    if not sounds:
        return Clip(key, video)
    return Clip(key, video, sounds[name][0] if name in sounds else home / f"{key}.wav")


def _refuse_doubles(home: Path, found: Mapping[str, list[Path]], option: str) -> None:
    doubles = [(key, paths) for key, paths in sorted(found.items()) if len(paths) > 1]
    if not doubles:
        return
    named = "; ".join(f"{key}: {' and '.join(map(str, paths))}" for key, paths in doubles[:_NAMED])
    raise DataError(
        f"{len(doubles)} clips have more than one file, for example {named}.",
        where=str(home),
        remedy=f"Name the right folder with --data-arg {option}=FOLDER.",
    )


def folder_of(home: Path, chosen: str | None, option: str) -> Path | None:
    """Return the folder that the user named with an option, None if not named.

    Raises:
        DataError: If there is no such folder.
    """
    if chosen is None:
        return None
    folder = path_on_disk(home / chosen)
    if not is_folder(folder):
        raise DataError(
            f"There is no such folder for the option {option}.",
            where=str(folder),
            remedy=f"Name the folder with --data-arg {option}=FOLDER.",
        )
    return folder


def _version(path: PurePath) -> _Version:
    names = [part.lower() for part in path.parts[:-1]]
    if any("no_audio" in name for name in names):
        return _Version.SILENT
    prepared = any("24fps" in name or "24_fps" in name for name in names)
    return _Version.PREPARED if prepared else _Version.ORIGINAL


def _is_prepared_sound(path: PurePath) -> bool:
    return any("16k" in part.lower() for part in path.parts[:-1])


def walk_files(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    """Yield the files below a folder that have one of the extensions, in a fixed order.

    Hidden files are left out, such as those that macOS puts beside every clip.
    """
    for place, below, names in os.walk(folder, followlinks=True):
        here = Path(place)
        # The depth is bounded because a link may lead back to a folder above.
        if len(here.relative_to(folder).parts) >= _CLIP_DEPTH:
            below.clear()
        below.sort()
        for name in sorted(names):
            if not name.startswith(".") and PurePath(name).suffix.lower() in suffixes:
                yield here / name


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())

"""The files of clips that a table names: by a path, or by the end of one, without extension too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.file_names import is_file, one_form, path_on_disk
from emoreal_bench.readers.clip_files import (
    VIDEO_SUFFIXES,
    folder_of,
    home_of,
    no_clips,
    walk_files,
)

SOUND_SUFFIXES = frozenset({".wav", ".mp3", ".m4a", ".flac", ".ogg", ".opus", ".aac"})
"""Of clips without a picture."""
_NAMED = 3


class ListedClips:
    """The files that names in a table may mean.

    A name is a path below one of some folders. If nothing is there, it is a file below the
    folder of the clips whose path ends with the name, or does so without its extension. No
    part of a name is passed over: ``b/1`` is not ``a/1.mp4``.

    Args:
        root: The user's folder, or the table.
        annotations: The table.
        videos: The user's option of that name.

    Attributes:
        folders: That paths may begin in.
        below: The folder of the clips.

    Raises:
        DataError: If there is no such folder.
    """

    def __init__(self, root: Path, annotations: Path, videos: str | None):
        home = home_of(root)
        named = folder_of(home, videos, "videos")
        self.below = named or home
        self.folders = [annotations.parent, home] if named is None else [named]

    def find(self, name: str) -> Sequence[Path]:
        """Return the files that a name may mean, sounds only where there are no pictures."""
        for folder in self.folders:
            path = path_on_disk(folder / name)
            if is_file(path):
                return [path]
        *above, last = PurePosixPath(one_form(name)).parts
        found = [
            path
            for path in self._files.get(last, ())
            if not above or [one_form(part) for part in path.parent.parts[-len(above) :]] == above
        ]
        found = [path for path in found if is_file(path)]
        return [path for path in found if path.suffix.lower() in VIDEO_SUFFIXES] or found

    @cached_property
    def _files(self) -> Mapping[str, list[Path]]:
        """Clips by their names with and without extension; listed where a path leads nowhere."""
        files: defaultdict[str, list[Path]] = defaultdict(list)
        for path in walk_files(self.below.absolute(), VIDEO_SUFFIXES | SOUND_SUFFIXES):
            for name in {one_form(path.name), one_form(path.stem)}:
                files[name].append(path)
        return files


def find_listed_clips(clips: ListedClips, names: Iterable[str]) -> dict[str, Clip]:
    """Find the clips that a table names.

    Returns:
        A clip for each name; the file of a missing one does not exist.

    Raises:
        DataError: If there is none of the clips, or a name is that of several files.
    """
    home = clips.folders[0]
    found = {name: clips.find(name) for name in names}
    _refuse_doubles(clips.below, {name: paths for name, paths in found.items() if len(paths) > 1})
    if not any(found.values()):
        raise no_clips(home, {name: home / name for name in found})
    return {name: Clip(name, paths[0] if paths else home / name) for name, paths in found.items()}


def _refuse_doubles(folder: Path, doubles: Mapping[str, Sequence[Path]]) -> None:
    if not doubles:
        return
    named = "; ".join(
        f"{name} is {' and '.join(str(path.relative_to(folder.absolute())) for path in paths)}"
        for name, paths in list(doubles.items())[:_NAMED]
    )
    count = "A name of a clip is" if len(doubles) == 1 else f"{len(doubles)} names of clips are"
    raise DataError(
        f"{count} that of several files: {named}.",
        where=str(folder),
        remedy="Write their folders into the table, or their extensions: a/1.mp4.",
    )

"""A user's own clips: which there are, how long they are, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.file_names import one_form, path_on_disk
from emoreal_bench.media.probe import probe_clip
from emoreal_bench.preferences.building.captions import CaptionedClips
from emoreal_bench.readers.clip_files import VIDEO_SUFFIXES, walk_files
from emoreal_bench.readers.tables import read_table

Progress = Callable[[int, int], None]


def find_clips(root: Path, labels: Path | None = None, limit: int | None = None) -> CaptionedClips:
    """Find the clips below a folder.

    Args:
        root: The folder.
        labels: A table with the columns ``clip``, a path below the folder, and
            ``emotion``; None where the emotions are not known.
        limit: Take at most so many clips, the first by their paths.

    Raises:
        DataError: If there are no clips, or the table names one that is not there.
    """
    paths = {path.relative_to(root).as_posix(): path for path in walk_files(root, VIDEO_SUFFIXES)}
    if not paths:
        raise DataError(
            "There are no clips in this folder.",
            where=str(root),
            remedy=f"Clips end in {', '.join(sorted(VIDEO_SUFFIXES))}.",
        )
    emotions = {} if labels is None else _read_labels(labels, paths)
    names = sorted(paths)[:limit]
    return CaptionedClips(root, {name: Clip(name, paths[name]) for name in names}, emotions)


def measure_lengths_of(
    root: Path, clips: Sequence[str], progress: Progress | None = None
) -> Mapping[str, float]:
    """Measure clips, in seconds, without decoding them.

    Args:
        root: Their folder.
        clips: Their paths below it.
        progress: Called with clips measured and all of them.
    """
    lengths = {}
    for number, clip in enumerate(clips, start=1):
        lengths[clip] = probe_clip(Clip(clip, path_on_disk(root / clip))).seconds
        if progress is not None:
            progress(number, len(clips))
    return lengths


def _read_labels(path: Path, clips: Mapping[str, Path]) -> dict[str, str]:
    on_disk = {one_form(clip): clip for clip in clips}
    emotions = {
        on_disk.get(one_form(row.cells["clip"]), row.cells["clip"]): row.cells["emotion"]
        for row in read_table(path, ("clip", "emotion"))
    }
    absent = sorted(set(emotions) - set(clips))
    if absent:
        raise DataError(
            f"{len(absent)} clips of the table are not in the folder, {absent[0]} for one.",
            where=str(path),
            remedy="Write the paths below the folder of clips, extension included.",
        )
    return {clip: emotion for clip, emotion in emotions.items() if emotion}

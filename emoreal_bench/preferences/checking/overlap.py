"""Finds clips of training pairs again in evaluation sets, by content and by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from emoreal_bench.contracts.item import Clip
from emoreal_bench.file_names import one_form, path_on_disk
from emoreal_bench.identity import clip_hash, hash_file
from emoreal_bench.preferences.report import Overlap, OverlapKind
from emoreal_bench.readers.clip_files import VIDEO_SUFFIXES

Progress = Callable[[int, int], None]


def find_overlaps(
    clips: Iterable[str],
    folder: Path | None,
    evaluation: Mapping[str, Mapping[str, Clip]],
    progress: Progress | None = None,
) -> tuple[Overlap, ...]:
    """Find clips that an evaluation set holds, too.

    Equal bytes are an overlap, whatever the names. Equal names are one unless
    both files are at hand and differ: data sets of drawn clips all begin with
    ``part_1/1.mp4``. A copy that was encoded anew has other bytes, and only its
    name gives it away.

    Args:
        clips: Paths of the clips of the pairs, partners included.
        folder: Where they are; None if they are not at hand.
        evaluation: The clips of each task by their keys.
        progress: Called with evaluation clips looked at and all of them.
    """
    wanted = sorted(set(clips))
    files = {} if folder is None else {clip: path_on_disk(folder / clip) for clip in wanted}
    known = _Known({clip: path for clip, path in files.items() if path.is_file()})
    by_tail = _by_tail(wanted)
    found, done, total = [], 0, sum(len(held) for held in evaluation.values())
    for task, held in evaluation.items():
        for key, clip in held.items():
            same_bytes = known.same_content(clip)
            found += [_overlap(name, task, key, OverlapKind.CONTENT) for name in same_bytes]
            found += [
                _overlap(name, task, key, OverlapKind.NAME)
                for name in by_tail.get(_name_of(key), ())
                if name not in same_bytes and not (name in known and clip.video.is_file())
            ]
            done += 1
            if progress is not None:
                progress(done, total)
    return tuple(found)


class _Known:
    """The files of the pairs' clips, by size and then by content."""

    def __init__(self, files: Mapping[str, Path]):
        self._files = files
        self._by_size: defaultdict[int, list[str]] = defaultdict(list)
        for clip, path in files.items():
            self._by_size[path.stat().st_size].append(clip)
        self._hashes: dict[str, str] = {}

    def __contains__(self, clip: str) -> bool:
        return clip in self._files

    def same_content(self, clip: Clip) -> list[str]:
        """Return the clips whose file has the bytes of the picture file of another."""
        try:
            rivals = self._by_size.get(clip.video.stat().st_size, [])
        except OSError:
            return []
        # Only files of equal size are read at all.
        content = clip_hash(Clip(clip.key, clip.video)) if rivals else None
        return [rival for rival in rivals if content == self._hash(rival)]

    def _hash(self, clip: str) -> str:
        if clip not in self._hashes:
            self._hashes[clip] = hash_file(self._files[clip])
        return self._hashes[clip]


def _by_tail(clips: Iterable[str]) -> dict[PurePosixPath, list[str]]:
    """Index clips by their names and by each end of their paths, extensions left out."""
    index: defaultdict[PurePosixPath, list[str]] = defaultdict(list)
    for clip in clips:
        parts = _name_of(clip).parts
        for start in range(len(parts)):
            index[PurePosixPath(*parts[start:])].append(clip)
    return index


def _name_of(clip: str) -> PurePosixPath:
    name = PurePosixPath(one_form(clip).casefold())
    return name.with_suffix("") if name.suffix in VIDEO_SUFFIXES else name


def _overlap(clip: str, task: str, key: str, kind: OverlapKind) -> Overlap:
    return Overlap(clip=clip, task=task, evaluation_clip=key, kind=kind)

"""Makes the two trees that the paper's authors read: mp4 of 24 frames a second, and wav.

Below the output folder, ``NAME_24fps`` and ``NAME_16khz`` mirror the source
folder NAME. Finished clips are kept, so an interrupted run goes on where it
was.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import Field
from rich.console import RenderableType

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.datasets.check import safe_text
from emoreal_bench.media.errors import MediaError
from emoreal_bench.readers.clip_files import VIDEO_SUFFIXES, walk_files


class PreparedLayout(Record):
    """What became of a folder of clips. Names are relative to the source folder."""

    pictures: str
    """The folder of the mp4 files."""
    sounds: str
    """The folder of the wav files."""
    made: int
    kept: int
    """Clips that an earlier run had finished."""
    without_sound: tuple[str, ...]
    """Clips that have no sound, and so no wav file."""
    damaged: dict[str, str]
    """Clips that could not be decoded, with the problem."""
    notes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Clips that were made with silence in place of missing sound, or otherwise not as they
    are, with what was done; of those kept from before nothing is said."""

    def lines(self) -> list[RenderableType]:
        """Return the report for people."""
        found = [
            f"{self.made} clips made, {self.kept} kept from before",
            f"pictures: {self.pictures}",
            f"sounds: {self.sounds}",
            f"clips without sound: {len(self.without_sound)}",
            *(f"  {name}" for name in self.without_sound),
            f"damaged clips: {len(self.damaged)}",
            *(f"  {name}: {problem}" for name, problem in self.damaged.items()),
            f"clips with notes: {len(self.notes)}",
            *(f"  {name}: {'; '.join(notes)}" for name, notes in self.notes.items()),
        ]
        return [*safe_text(found)]


class _Outcome(StrEnum):
    MADE = "made"
    KEPT = "kept"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class _Done:
    name: str
    outcome: _Outcome
    has_sound: bool = True
    problem: str = ""
    notes: tuple[str, ...] = ()


def prepare_layout(
    source: Path,
    out: Path,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> PreparedLayout:
    """Convert every clip below a folder.

    Args:
        source: The clips as their owner gives them.
        out: Where the two trees go; not below ``source``.
        progress: Called after each clip with the number of clips done and of all.
        workers: Clips converted at once; one for each core if not given.

    Raises:
        UsageError: If the output folder lies within the source.
        DataError: If there are no clips, or two would have the same name. A damaged
            clip is listed and not fatal.
        RunError: If a file cannot be written.
    """
    if not source.is_dir():
        raise DataError(
            "There is no such folder.", where=str(source), remedy="Name the folder of the clips."
        )
    if out.resolve().is_relative_to(source.resolve()):
        raise UsageError(
            "The output folder lies within the clips.",
            where=str(out),
            remedy="Name a folder beside or above theirs.",
        )
    name = source.resolve().name
    pictures, sounds = out / f"{name}_24fps", out / f"{name}_16khz"
    clips = _targets(source, pictures, sounds)
    found: list[_Done] = []
    pool = ThreadPoolExecutor(workers or os.cpu_count())
    try:
        for done in pool.map(lambda clip: _convert(clip, source), clips):
            found.append(done)
            if progress is not None:
                progress(len(found), len(clips))
    finally:
        pool.shutdown(cancel_futures=True)
    return PreparedLayout(
        pictures=str(pictures),
        sounds=str(sounds),
        made=sum(done.outcome is _Outcome.MADE for done in found),
        kept=sum(done.outcome is _Outcome.KEPT for done in found),
        without_sound=tuple(done.name for done in found if not done.has_sound),
        damaged={done.name: done.problem for done in found if done.outcome is _Outcome.DAMAGED},
        notes={done.name: done.notes for done in found if done.notes},
    )


@dataclass(frozen=True, slots=True)
class _Target:
    source: Path
    picture: Path
    sound: Path


def _targets(source: Path, pictures: Path, sounds: Path) -> list[_Target]:
    targets: dict[Path, _Target] = {}
    for path in walk_files(source, VIDEO_SUFFIXES):
        name = path.relative_to(source)
        picture = pictures / name.with_suffix(".mp4")
        if picture in targets:
            raise DataError(
                f"Two clips would become {picture}: {targets[picture].source} and {path}.",
                where=str(source),
                remedy="Move one of them away.",
            )
        targets[picture] = _Target(path, picture, sounds / name.with_suffix(".wav"))
    if not targets:
        raise DataError(
            "There are no clips in this folder.",
            where=str(source),
            remedy="Name the folder that holds the clips or their folders.",
        )
    return list(targets.values())


def _convert(target: _Target, source: Path) -> _Done:
    from emoreal_bench.datasets.reencode import read_times, write_mp4, write_wav

    name = str(target.source.relative_to(source))
    # The mp4 is written last, so where it is there, the clip is finished. A link or a folder is
    # nothing that was written here: a link may lead to any other clip.
    is_odd = target.picture.is_symlink() or target.sound.is_symlink() or target.sound.is_dir()
    if target.picture.is_file() and not is_odd:
        return _Done(name, _Outcome.KEPT, has_sound=target.sound.exists())
    try:
        times = read_times(target.source)
        notes = write_wav(target.source, times, target.sound)
        sound = None if notes is None else target.sound
        frame_notes = write_mp4(target.source, times, sound, target.picture)
    except MediaError as error:
        target.sound.unlink(missing_ok=True)
        return _Done(name, _Outcome.DAMAGED, problem=error.problem)
    return _Done(
        name,
        _Outcome.MADE,
        has_sound=notes is not None,
        notes=(*times.notes, *(notes or ()), *frame_notes),
    )

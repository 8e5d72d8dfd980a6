"""Says whether a user's copy of a data set is whole: what ``data check`` reports."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.item import MAX_CLIP_SECONDS, Clip
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.note import NoteKind, NoteTally
from emoreal_bench.contracts.task import Task
from emoreal_bench.identity import clip_hash, data_hash, media_key, why_no_file
from emoreal_bench.media.errors import MediaError
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.pool import DecodePool
from emoreal_bench.media.probe import ClipFacts, probe_clip
from emoreal_bench.printable import plain_text
from emoreal_bench.readers import Dataset
from emoreal_bench.running.loops import run_to_end
from emoreal_bench.text import count_of

Progress = Callable[[int, int], None]

_LISTED = 20
_LACKS = (NoteKind.NO_PICTURE.text(), NoteKind.NO_SOUND.text())


class Findings(Record):
    """Things of one kind: how many, and the first of them."""

    count: int
    first: tuple[str, ...] = ()
    """At most 20 of them, in the order of the data set."""

    @classmethod
    def collect(cls, found: Iterable[str]) -> Findings:
        """Count things and keep the first."""
        listed = tuple(found)
        return cls(count=len(listed), first=listed[:_LISTED])


class SubtaskCount(Record):
    """How many items a subtask has, and how many it should have."""

    items: int
    published: int | None
    """Size of the published data set; null where it is not known."""
    agrees: bool | None
    """Null where the published size is not known."""


class DataReport(Record):
    """What is in a data folder."""

    task: str
    sources: tuple[str, ...]
    """The annotation files that were read."""
    notes: tuple[str, ...]
    """What the reader left out or mended, and why."""
    errata: tuple[str, ...] = ()
    """What is known to be wrong in the data set as published."""
    items: int
    subtasks: dict[str, SubtaskCount]
    duplicate_questions: Findings
    """Ids of items that ask what an earlier item asks about the same clip."""
    clips: int
    missing: Findings
    """Clips of which a file is not there."""
    unreadable: Findings
    """Clips that are there and cannot be decoded, each with the problem."""
    decoded: bool = False
    """Whether clips were decoded, and not only their packets read."""
    media_notes: dict[str, int] = Field(default_factory=dict)
    """What a run would note on the clips, and how many it concerns; only if they were decoded."""
    noted: Findings = Findings(count=0)
    """The clips with such notes, each with its own."""
    without_sound: Findings
    without_picture: Findings
    seconds: float
    """Length of all readable clips together."""
    data_hash: str
    complete: bool
    """Every clip is there and readable, and the counts are the published ones."""

    def lines(self) -> list[RenderableType]:
        """Return the report for people: a table of subtasks, then one line per finding."""
        # Of somebody's own questions there is no published number.
        known = any(count.published is not None for count in self.subtasks.values())
        headings = ("published", "verdict") if known else ()
        table = Table("subtask", "items", *headings, title=self.task, title_justify="left")
        for name, count in self.subtasks.items():
            published = "not known" if count.published is None else str(count.published)
            verdict = {True: "as published", False: "DIFFERS", None: ""}[count.agrees]
            table.add_row(name, str(count.items), *((published, verdict) if known else ()))
        found = [f"read: {source}" for source in self.sources]
        found += [f"known erratum: {erratum}" for erratum in self.errata]
        found += [f"note: {note}" for note in self.notes]
        how = "decoded" if self.decoded else "looked at, not decoded"
        found.append(f"{self.clips} clips, {self.seconds:.1f} s in all, {how}")
        for what, findings in self._findings():
            found += [f"{what}: {findings.count}", *_list(findings)]
        found += [f"noted: {note}: {count_of(n, 'clip')}" for note, n in self.media_notes.items()]
        found += _list(self.noted)
        found.append(f"data hash: {self.data_hash}")
        found.append("The data is complete." if self.complete else "The data is NOT complete.")
        return [table, *safe_text(found)]

    def _findings(self) -> list[tuple[str, Findings]]:
        return [
            ("missing clips", self.missing),
            ("unreadable clips", self.unreadable),
            ("clips without sound", self.without_sound),
            ("clips without picture", self.without_picture),
            ("questions asked twice", self.duplicate_questions),
        ]


def safe_text(lines: Iterable[str]) -> list[Text]:
    """Make lines that name things of the data safe to print: no markup, no control characters."""
    indents = ((line, len(line) - len(line.lstrip(" "))) for line in lines)
    return [Text(" " * indent + plain_text(line, limit=500)) for line, indent in indents]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of one clip."""

    key: str
    hash: str | None
    is_missing: bool = False
    facts: ClipFacts = field(default_factory=ClipFacts)
    notes: tuple[str, ...] = ()


@dataclass
class _Survey:
    """What was seen of the clips."""

    notes: NoteTally = field(default_factory=NoteTally)
    noted: list[str] = field(default_factory=list)
    hashes: dict[str, str | None] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    without_sound: list[str] = field(default_factory=list)
    without_picture: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, seen: _Seen) -> None:
        self.hashes[seen.key] = seen.hash
        if seen.is_missing:
            why = seen.facts.problem
            self.missing.append(seen.key if why is None else f"{seen.key}: {why}")
            return
        if seen.facts.problem is not None:
            self.unreadable.append(f"{seen.key}: {seen.facts.problem}")
            return
        self.seconds += seen.facts.seconds
        if not seen.facts.has_audio:
            self.without_sound.append(seen.key)
        if not seen.facts.has_video:
            self.without_picture.append(seen.key)
        self.notes.add(seen.notes)
        # What a clip lacks is listed of its own.
        own = [note for note in seen.notes if note not in _LACKS]
        if own:
            self.noted.append(f"{seen.key}: {'; '.join(own)}")


@dataclass(frozen=True, slots=True)
class ClipCheck:
    """How clips are checked.

    Attributes:
        decode: Decode each as a run would, and so find what a run would; else only
            their packets are read.
        max_clip_seconds: Longest clip that passes.
        workers: Clips looked at side by side; one for each core if not given.
    """

    decode: bool = False
    max_clip_seconds: float = MAX_CLIP_SECONDS
    workers: int | None = None


def check_dataset(
    task: Task,
    dataset: Dataset,
    progress: Progress | None = None,
    check: ClipCheck | None = None,
) -> DataReport:
    """Look at every item and every clip of a data set.

    Args:
        task: Says how many items each subtask should have, and what it wants of a clip.
        dataset: As its reader gave it, the task's filter applied.
        progress: Called after each clip with the number of clips looked at and of all.
        check: How clips are checked; if not given, without decoding.
    """
    check, survey = check or ClipCheck(), _Survey()
    seen: dict[str, _Seen] = {}
    run_to_end(_look_at_all(dataset.clips, seen, task.media, check, progress))
    # In the order of the data set, whichever clip was done first.
    for key in dataset.clips:
        survey.add(seen[key])
    subtasks = _count_subtasks(task, dataset)
    counts_agree = all(count.agrees is not False for count in subtasks.values())
    return DataReport(
        task=task.name,
        sources=tuple(map(_shortest, dataset.sources)),
        notes=dataset.notes,
        errata=task.errata,
        items=len(dataset.items),
        subtasks=subtasks,
        duplicate_questions=Findings.collect(_duplicates(dataset)),
        clips=len(dataset.clips),
        missing=Findings.collect(survey.missing),
        unreadable=Findings.collect(survey.unreadable),
        decoded=check.decode,
        media_notes=survey.notes.counts(),
        noted=Findings.collect(survey.noted),
        without_sound=Findings.collect(survey.without_sound),
        without_picture=Findings.collect(survey.without_picture),
        seconds=survey.seconds,
        data_hash=data_hash(dataset.items, survey.hashes),
        complete=counts_agree and not survey.missing and not survey.unreadable,
    )


def _shortest(source: Path) -> str:
    """Return the path of a file without steps up and down, unless a link is on the way."""
    short = Path(os.path.normpath(source))
    return str(short if short.exists() and short.samefile(source) else source)


async def _look_at_all(
    clips: Mapping[str, Clip],
    seen: dict[str, _Seen],
    wanted: MediaWanted,
    check: ClipCheck,
    progress: Progress | None,
) -> None:
    """Look at clips side by side, and put down what is seen of each."""
    workers = check.workers or os.cpu_count() or 1
    limits = DecodeLimits.for_clips_of(check.max_clip_seconds)
    waiting = iter(clips.items())
    async with DecodePool(workers, limits) as pool:

        async def work() -> None:
            for key, clip in waiting:
                hashed = await asyncio.to_thread(clip_hash, clip)
                if hashed is not None and check.decode:
                    seen[key] = await _decode(pool, clip, wanted, hashed)
                else:
                    seen[key] = await asyncio.to_thread(_probe, clip, hashed, limits)
                if progress is not None:
                    progress(len(seen), len(clips))

        await asyncio.gather(*(work() for _ in range(min(workers, len(clips)))))


def _probe(clip: Clip, hashed: str | None, limits: DecodeLimits) -> _Seen:
    if _is_missing(clip):
        reasons = (why_no_file(path) for path in (clip.video, clip.audio) if path is not None)
        why = next(filter(None, reasons), None)
        return _Seen(clip.key, hashed, is_missing=True, facts=ClipFacts(problem=why))
    return _Seen(clip.key, hashed, facts=probe_clip(clip, limits))


async def _decode(pool: DecodePool, clip: Clip, wanted: MediaWanted, hashed: str) -> _Seen:
    try:
        media = await pool.decode(clip, wanted, media_key(hashed, wanted))
    except MediaError as error:
        return _Seen(clip.key, hashed, facts=ClipFacts(problem=error.problem))
    height, width = (0, 0) if media.frames is None else media.frames.shape[1:3]
    rate = 0 if media.waveform is None else media.sample_rate
    facts = ClipFacts(media.duration, width, height, sample_rate=rate)
    return _Seen(clip.key, hashed, facts=facts, notes=media.notes)


def _is_missing(clip: Clip) -> bool:
    return not clip.video.exists() or (clip.audio is not None and not clip.audio.exists())


def _count_subtasks(task: Task, dataset: Dataset) -> dict[str, SubtaskCount]:
    counts = Counter(item.subtask for item in dataset.items)
    return {
        name: SubtaskCount(
            items=counts[name],
            published=subtask.size,
            agrees=None if subtask.size is None else counts[name] == subtask.size,
        )
        for name, subtask in task.subtasks.items()
    }


def _duplicates(dataset: Dataset) -> Iterator[str]:
    seen: set[tuple[str, str, tuple[str, ...]]] = set()
    for item in dataset.items:
        asked = (item.clip, item.question, item.choices)
        if asked in seen:
            yield item.id
        seen.add(asked)


def _list(findings: Findings) -> list[str]:
    listed = [f"  {name}" for name in findings.first]
    hidden = findings.count - len(listed)
    return [*listed, f"  and {hidden} more"] if hidden else listed

"""Says whether a user's copy of a data set is whole: what ``data check`` reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.task import Task
from emoreal_bench.identity import clip_hash, data_hash
from emoreal_bench.media.probe import probe_clip
from emoreal_bench.printable import plain_text
from emoreal_bench.readers import Dataset

_LISTED = 20


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
    without_sound: Findings
    without_picture: Findings
    seconds: float
    """Length of all readable clips together."""
    data_hash: str
    complete: bool
    """Every clip is there and readable, and the counts are the published ones."""

    def lines(self) -> list[RenderableType]:
        """Return the report for people: a table of subtasks, then one line per finding."""
        table = Table("subtask", "items", "published", "", title=self.task, title_justify="left")
        for name, count in self.subtasks.items():
            published = "not known" if count.published is None else str(count.published)
            verdict = {True: "as published", False: "DIFFERS", None: ""}[count.agrees]
            table.add_row(name, str(count.items), published, verdict)
        found = [f"read: {source}" for source in self.sources]
        found += [f"known erratum: {erratum}" for erratum in self.errata]
        found += [f"note: {note}" for note in self.notes]
        found.append(f"{self.clips} clips, {self.seconds:.1f} s in all")
        for what, findings in self._findings():
            found += [f"{what}: {findings.count}", *_list(findings)]
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


@dataclass
class _Survey:
    """What was seen of the clips."""

    hashes: dict[str, str | None] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    without_sound: list[str] = field(default_factory=list)
    without_picture: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def look_at(self, clip: Clip) -> None:
        self.hashes[clip.key] = clip_hash(clip)
        if _is_missing(clip):
            self.missing.append(clip.key)
            return
        facts = probe_clip(clip)
        if facts.problem is not None:
            self.unreadable.append(f"{clip.key}: {facts.problem}")
            return
        self.seconds += facts.seconds
        if not facts.has_audio:
            self.without_sound.append(clip.key)
        if not facts.has_video:
            self.without_picture.append(clip.key)


def check_dataset(
    task: Task, dataset: Dataset, progress: Callable[[int, int], None] | None = None
) -> DataReport:
    """Look at every item and every clip of a data set.

    Args:
        task: Says how many items each subtask should have.
        dataset: As its reader gave it, the task's filter applied.
        progress: Called after each clip with the number of clips looked at and of all.
    """
    survey = _Survey()
    for done, clip in enumerate(dataset.clips.values(), start=1):
        survey.look_at(clip)
        if progress is not None:
            progress(done, len(dataset.clips))
    subtasks = _count_subtasks(task, dataset)
    counts_agree = all(count.agrees is not False for count in subtasks.values())
    return DataReport(
        task=task.name,
        sources=tuple(str(source) for source in dataset.sources),
        notes=dataset.notes,
        errata=task.errata,
        items=len(dataset.items),
        subtasks=subtasks,
        duplicate_questions=Findings.collect(_duplicates(dataset)),
        clips=len(dataset.clips),
        missing=Findings.collect(survey.missing),
        unreadable=Findings.collect(survey.unreadable),
        without_sound=Findings.collect(survey.without_sound),
        without_picture=Findings.collect(survey.without_picture),
        seconds=survey.seconds,
        data_hash=data_hash(dataset.items, survey.hashes),
        complete=counts_agree and not survey.missing and not survey.unreadable,
    )


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

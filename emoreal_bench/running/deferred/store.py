"""Which jobs of a run are with a service: the folder ``jobs`` of a run folder.

``jobs.json`` names the jobs, and ``TOKEN.asked.jsonl`` says what each asks and
what of the clips it holds. A job is written down before it is handed over, with
a token that travels along. So at whatever moment a run is killed, the next
sitting knows what may be with the service, and asks nothing twice.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from emoreal_bench.contracts.base import Count, Record
from emoreal_bench.contracts.deferred import JOB_NAME, JobLimits, WrittenRequest
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.identity import check_plain_file, hash_json, model_hash
from emoreal_bench.parsing import parse_json
from emoreal_bench.record.files import GrowingFile, cannot_write, write_atomically
from emoreal_bench.record.manifest import load_written_manifest
from emoreal_bench.record.records import delivery_record, is_delivery_record, read_delivery

JOBS_FOLDER = "jobs"
_JOBS_FILE = "jobs.json"
_BRING_BACK = "Bring the file back. Without it, what is with the service is asked again."
ClipFacts = tuple[float, float | None]
"""Of a clip: its length in seconds, and how loud it is if it has sound."""


class Job(Record):
    """A job that is, or may be, with a service."""

    token: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    """Our mark of it, which files are named after."""
    requests: Count
    name: str | None = Field(default=None, pattern=JOB_NAME)
    """The service's name for it; null until that is known."""


class _Jobs(Record):
    schema_version: Literal[1] = Field(default=1, alias="schema")
    run: str | None = None
    """The run that they belong to; earlier versions did not say."""
    jobs: tuple[Job, ...] = ()


@dataclass(slots=True)
class JobDraft:
    """A job that is being filled.

    Attributes:
        token: Our mark of it.
        lines: The file of its requests.
        asked: Position of each item among those of the run, with what of its clip is sent, and
            how long and how loud the clip is.
        size: Bytes of the lines.
    """

    token: str
    lines: Path
    asked: list[tuple[int, Delivery, ClipFacts]] = field(default_factory=list)
    size: int = 0

    def has_room(self, written: WrittenRequest, limits: JobLimits) -> bool:
        """Return whether another request fits."""
        fits = self.size + len(written.line) + 1 <= limits.size
        return fits and len(self.asked) < limits.requests

    def add(self, position: int, written: WrittenRequest, clip: ClipFacts) -> None:
        """Add a request.

        Raises:
            RunError: If the disk refuses.
        """
        with GrowingFile(self.lines) as file:
            file.append(written.line + b"\n")
        self.asked.append((position, written.sent, clip))
        self.size += len(written.line) + 1


def has_jobs(run_folder: Path) -> bool:
    """Return whether jobs of a run are, or may be, with a service, or were not tidied up."""
    return (run_folder / JOBS_FOLDER).is_dir()


class JobStore:
    """The jobs of a run whose lock is held.

    Args:
        run_folder: The run.

    Attributes:
        jobs: Those that are, or may be, with the service.

    Raises:
        RunError: If the folder's record of jobs cannot be read.
    """

    def __init__(self, run_folder: Path):
        self._folder = run_folder / JOBS_FOLDER
        self.jobs: list[Job] = list(self._load())

    def draft(self) -> JobDraft:
        """Begin to fill a job."""
        token = secrets.token_hex(16)
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        return JobDraft(token, self._folder / f"{token}.requests.jsonl")

    def add(self, draft: JobDraft) -> Job:
        """Write a filled job down; from now on it may be with the service.

        Raises:
            RunError: If the disk refuses.
        """
        job = Job(token=draft.token, requests=len(draft.asked))
        write_atomically(self._asked_path(job), _asked_lines(draft.asked))
        self._save([*self.jobs, job])
        return job

    def name(self, job: Job, name: str) -> None:
        """Note the service's name for a job, and drop its lines, which are over there now."""
        named = job.model_copy(update={"name": name})
        self._save([named if each.token == job.token else each for each in self.jobs])
        (self._folder / f"{job.token}.requests.jsonl").unlink(missing_ok=True)

    def asked(self, job: Job, items: int) -> dict[int, Delivery]:
        """Return what a job asks: the items' positions, with what of their clips was sent.

        Args:
            job: Of this store.
            items: How many the run has.

        Raises:
            RunError: If the file is not as it was written.
        """
        return {position: sent for position, sent, _ in self._read_asked(job, items)}

    def clips(self, job: Job, items: int) -> dict[int, ClipFacts]:
        """Return how long and how loud the clips are that a job asks about.

        Args:
            job: Of this store.
            items: How many the run has.

        Raises:
            RunError: If the file is not as it was written.
        """
        return {position: clip for position, _, clip in self._read_asked(job, items)}

    def _read_asked(self, job: Job, items: int) -> list[tuple[int, Delivery, ClipFacts]]:
        path = self._asked_path(job)
        try:
            check_plain_file(path)
            with path.open("rb") as file:
                asked = [_read_line(parse_json(line), items) for line in file]
            if len(asked) != job.requests:
                problem = f"it names {len(asked)} requests, and the job has {job.requests}"
                raise ValueError(problem)
            return asked
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"The record of what a job asks cannot be read: {error}",
                where=str(path),
                remedy="Bring the file back, or run again in a new folder.",
            ) from error

    def remove(self, job: Job) -> None:
        """Forget a job whose answers are logged, or which never reached the service."""
        self._save([each for each in self.jobs if each.token != job.token])
        self._asked_path(job).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what belongs to no job: half filled drafts, and a folder without jobs."""
        for lines in self._folder.glob("*.requests.jsonl"):
            lines.unlink()
        if not self.jobs:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _asked_path(self, job: Job) -> Path:
        return self._folder / f"{job.token}.asked.jsonl"

    def _load(self) -> Sequence[Job]:
        path = self._folder / _JOBS_FILE
        if self._folder.is_symlink():
            raise RunError(
                "The record of the jobs is a link, and may be another run's.",
                where=str(self._folder),
                remedy="Put the folder itself in its place.",
            )
        try:
            check_plain_file(path)
            kept = _Jobs.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError) as error:
            raise RunError(
                f"The record of the jobs cannot be read: {error}",
                where=str(path),
                remedy=_BRING_BACK,
            ) from error
        if kept.run not in (None, self._owner):
            problem = "The jobs are those of another run, so their answers are no answers here."
            raise RunError(problem, where=str(path), remedy=_BRING_BACK)
        return kept.jobs

    @cached_property
    def _owner(self) -> str:
        """Say whose jobs they are: who was asked what, as the manifest was written."""
        run = load_written_manifest(self._folder.parent)
        return hash_json([run.data.hash, run.request.hash, model_hash(run.model)])

    def _save(self, jobs: Sequence[Job]) -> None:
        text = _Jobs(run=self._owner, jobs=tuple(jobs)).model_dump_json(by_alias=True, indent=2)
        write_atomically(self._folder / _JOBS_FILE, [text.encode(), b"\n"])
        self.jobs = list(jobs)


def _read_line(record: dict[str, Any], items: int) -> tuple[int, Delivery, ClipFacts]:
    position, sent = record["position"], record["sent"]
    is_item = type(position) is int and 0 <= position < items
    if not is_item or not is_delivery_record(sent):
        raise ValueError("a line does not say what was sent of which item")
    return position, read_delivery(sent), _read_clip(record)


def _read_clip(asked: dict[str, Any]) -> ClipFacts:
    seconds, level = asked.get("clip", (0.0, None))  # Earlier versions kept nothing of it.
    return float(seconds), None if level is None else float(level)


def _asked_lines(asked: Sequence[tuple[int, Delivery, ClipFacts]]) -> Iterator[bytes]:
    for position, sent, clip in asked:
        record = {"position": position, "sent": delivery_record(sent), "clip": clip}
        yield json.dumps(record).encode() + b"\n"

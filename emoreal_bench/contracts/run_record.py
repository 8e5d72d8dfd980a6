"""What a run leaves behind.

A run is a folder:

``manifest.json``
    Who was asked what, under which identities (:class:`Manifest`).
``plan.jsonl``
    The items of the run in their order, so that a run can be scored, resumed
    and looked into without the data set.
``items.jsonl``
    One line per finished item with a checksum, appended by one writer.
``results.json``
    Scores only; the same bytes for the same plan and log.
``timings.json``
    How long it took; the one file that differs between equal runs.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.base import Count, Record
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.request import GenerationSettings
from emoreal_bench.contracts.vocabulary import AnswerMethod, JudgedMatter, Origin, Outcome

SCHEMA_VERSION: Literal[1] = 1

MANIFEST_FILE = "manifest.json"
PLAN_FILE = "plan.jsonl"
ITEMS_FILE = "items.jsonl"
RESULTS_FILE = "results.json"
TIMINGS_FILE = "timings.json"
LOCK_FILE = "lock"
HOLDER_FILE = "lock-holder"
SOFT_LOCK_FILE = "lock-soft"
"""Stands for the lock where the file system has none."""


class DataIdentity(Record):
    """Which items and clips were asked about."""

    hash: str
    """Over every item and the bytes of every clip."""
    items: Count
    clips: Count
    root: str
    """The folder as the user named it; not part of any hash."""
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Of the reader, to find the clips again; not part of any hash, since what
    they change shows in the items."""


class WorkedExample(Record):
    """A worked example as the model was shown it."""

    question: str
    """The words, as sent."""
    answer: str
    """The reply that stood behind them."""


class ExampleIdentity(Record):
    """Which worked examples stood in front of the questions."""

    seed: int
    """Of the draw of their clips."""
    items: dict[str, tuple[str, ...]]
    """By subtask: their ids, in the order in which they were shown."""
    hash: str
    """Over these items and the bytes of their clips."""


class RequestIdentity(Record):
    """What the task asked."""

    hash: str | None
    """Over everything below and the rendered templates; null for imported replies, of which
    nobody knows how they were asked for."""
    variant: str
    answer_method: AnswerMethod
    media: MediaWanted
    generation: GenerationSettings
    prompt_template: str
    system: str | None = None
    order: tuple[str, ...]
    choice_shuffle_seed: int | None = None
    shots: Count = 0
    examples: ExampleIdentity | None = None


class JudgedRun(Record):
    """The run whose replies a judge's run is about."""

    run_id: str
    model: ModelDescription
    task: str
    variant: str
    data_hash: str
    request_hash: str | None
    """Null if its replies were imported."""
    folder: str
    """As the user named it; not part of any hash."""
    repeats: Count
    """How often each reply is judged."""
    matter: JudgedMatter = JudgedMatter.DESCRIPTIONS
    """What is judged."""
    items: dict[str, int]
    """By subtask: open questions, with or without a reply; or replies to yes/no
    questions that hold no answer."""
    without_reply: dict[str, dict[Outcome, int]]
    """Those of them that there is nothing to judge of, by subtask and why."""


class AskedShard(Record):
    """The part of a run that a folder asks, where the clips are dealt to several machines."""

    number: int = Field(ge=1)
    of: int = Field(ge=1)
    """How many parts there are."""
    items: Count
    """Of the run, those whose clips fall to this part."""

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.number > self.of:
            raise ValueError(f"there is no part {self.number} of {self.of}")
        return self

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


class ImportedReplies(Record):
    """Where the replies of a run come from that this program did not ask for."""

    origin: Origin
    source: str
    """The file or folder as the user named it; not part of any hash."""
    source_hash: str
    """Over the bytes of every file that was read."""
    model: str | None = None
    """Who answered, as the source says; null if it does not."""


class Manifest(Record):
    """Identity of a run; written once, before the first request."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    run_id: str
    task: str
    task_version: str
    task_definition: dict[str, Any]
    """The task file as it was read, so that the run can be scored anywhere."""
    data: DataIdentity
    request: RequestIdentity
    model: ModelDescription
    worked_examples: dict[str, tuple[WorkedExample, ...]] = Field(default_factory=dict)
    """By subtask: what stood in front of its questions. Empty in runs without
    examples, and in those made before manifests held them."""
    judged: JudgedRun | None = None
    """Null but for the run of a judge."""
    shard: AskedShard | None = None
    """The part of the run that is asked here; null where all of it is. All else in the
    manifest, ``data`` and ``limit`` for instance, is about the whole run."""
    imported: ImportedReplies | None = None
    """Null if this program asked. Else nothing of the request is known, its hash is null, and
    what it says of media and settings means nothing."""
    limit: int | None = Field(default=None, ge=1)
    seed: int = 0
    media_version: int = 1
    """How clips were decoded: ``MEDIA_VERSION`` of :mod:`emoreal_bench.contracts.media` when
    the run began. Items asked later by another version are told at once, and odd clips
    among them by their notes."""
    emoreal_bench_version: str
    python_version: str
    platform: str
    created: str
    """UTC, ISO 8601."""
    command: tuple[str, ...]
    plan_hash: str | None = None
    """Over the bytes of ``plan.jsonl``; null in runs made before manifests held it."""
    blank_plan_hash: str | None = None
    """The same with every question blank, as a submission may keep its questions to itself."""
    checksum: str | None = None
    """Over everything else in the file."""


Share = Annotated[float, Field(ge=0.0, le=1.0)]


class HeldUp(Record):
    """What held a run up, as shares of its time; each moment counts once.

    Of what went on side by side, the first of these counts that the run had to wait for:
    writing, decoding, loading, then the model or the service.
    """

    decoding: Share
    """No question could be asked, since its clip was not decoded yet."""
    model: Share
    """A model on this machine or its cluster answered."""
    service: Share
    """A service answered, or was waited for because it asked for that."""
    writing: Share
    """Answers were recorded."""
    rest: Share
    """All else, such as rendering prompts."""
    loading: Share = 0.0
    """Before the first question: the model was loaded, copies and decoders started, or a service
    connected.
    Runs of versions that did not tell it apart count it as the model or the service."""


class Timings(Record):
    """Where the time went, over all sittings of a run."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    sittings: Count
    wall_seconds: float
    model_seconds: float
    decode_seconds: float
    clips_decoded: Count
    requests: Count
    cache_hits: Count
    items_per_second: float
    clips_from_cache: Count = 0
    """Clips that a media cache held; they are not among those decoded."""
    held_up: HeldUp | None = None
    """Null where a sitting of an earlier version has not said."""

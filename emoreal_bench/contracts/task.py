"""A task: which questions, asked how, scored by what. The schema of ``tasks/*.yaml``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from emoreal_bench.contracts.base import Record, refuse_yes_and_no
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.request import GenerationSettings
from emoreal_bench.contracts.scores import ScoringReport
from emoreal_bench.contracts.vocabulary import AnswerKind, Modality, QuestionType

DEFAULT_VARIANT = "answer-format"
PAPER_VARIANT = "paper"
UNSTATED_TERMS = "The terms are not stated yet."
"""Stands as the licence of a task whose owner has not written one."""
EVAL_FILE = "eval.yaml"
"""Describes tasks to the hub, in the repository of their data; no task file."""
DEFAULT_METRICS = (
    "accuracy",
    "f1",
    "yes_recall",
    "no_recall",
    "yes_rate",
    "hallucination_rate",
    "spurious_rate",
    "pair_accuracy",
    "uar",
    "war",
    "macro_f1",
    "weighted_f1",
)


class Subtask(Record):
    """One kind of question within a task, with a score of its own."""

    answer: AnswerKind
    question_type: QuestionType | None = None
    modality: Modality | None = None
    """The modality that the question asks about; null for both."""
    size: int | None = Field(default=None, ge=1)
    """Number of items in the published data set."""
    chance: float | None = Field(default=None, ge=0.0, le=1.0)
    """Accuracy of guessing. Without it, that of picking any option or label with equal chance,
    as its questions have them; an open question has none."""
    labels: tuple[str, ...] = ()
    """The classes of a label subtask, in the order of the paper."""

    _numbers = field_validator("size", "chance", mode="before")(refuse_yes_and_no)


class Variant(Record):
    """How a task asks."""

    description: str
    prompt: str
    """Path of the Jinja template, relative to the task file. It sees
    ``question``, ``choices``, ``letters``, ``subtask`` and ``labels``."""
    system: str | None = None
    """A system message in front, as plain text."""
    order: tuple[Modality, ...] = (Modality.VIDEO, Modality.AUDIO, Modality.TEXT)
    """Order of the parts of the user's message."""
    generation: GenerationSettings = GenerationSettings()


class Download(Record):
    """Where the data's owner lets anybody download it: the hub, or an address."""

    hub: str | None = None
    """Data set of the Hugging Face hub, ``owner/name``."""
    revision: str | None = None
    """Commit of the hub; else the user names one, or the newest is taken."""
    url: str | None = None
    """Address of a file, ``{file}`` in the place of its name."""
    files: dict[str, str | None] = Field(min_length=1)
    """Names of the files, each with its MD5 checksum if one is published. Zip
    files are unpacked."""

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> Self:
        if (self.hub is None) == (self.url is None):
            raise ValueError("one of hub and url is needed")
        if self.url is not None and "{file}" not in self.url:
            raise ValueError("url must hold {file}")
        return self


class Columns(Record):
    """Which columns of a table of questions hold what, where they have names of their own.

    Without an entry a column is looked for under the name of the entry; ``options`` also as
    ``option_a``, ``option_b`` and so on, or as ``A``, ``B`` and so on.
    """

    id: str | None = None
    """Without one, a question is named by the number of its row."""
    clip: str | None = None
    question: str | None = None
    options: str | tuple[str, ...] | None = None
    """One column with all options, or one for each, in the order of the letters."""
    answer: str | None = None
    subtask: str | None = None
    """Without one, the kinds of answers tell subtasks apart."""
    modality: str | None = None
    category: str | None = None
    """``hallucination``, ``spurious`` or ``no_hallucination``, of which rates are made."""
    group: str | None = None
    pair: str | None = None
    """What the questions of one pair share, which count together in ``pair_accuracy``."""


class DataSource(Record):
    """Which reader turns the user's folder into items."""

    reader: str
    split: str = "test"
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    columns: Columns = Columns()
    """Of the table that the reader ``questions`` reads; others know their own."""
    filter: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Keep only items whose ``subtask`` or metadata value is listed."""
    download: Download | None = None
    """Null where the owner has to be asked for the data."""


class Task(Record):
    """A task file. Unknown keys are refused."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    extends: str | None = None
    """A task file of the same folder or below it, without ``.yaml``, whose keys
    this one takes over and changes; mappings are joined key by key."""
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str
    title: str
    description: str
    homepage: str | None = None
    citation: str | None = None
    license: str | None = None
    """Terms of the data, in one sentence."""
    errata: tuple[str, ...] = ()
    """What is known to be wrong in the data as published; `data check` prints it."""
    data: DataSource
    media: MediaWanted = MediaWanted()
    subtasks: dict[str, Subtask] = Field(min_length=1)
    variants: dict[str, Variant] = Field(min_length=1)
    metrics: tuple[str, ...] = DEFAULT_METRICS
    """What tables show, in this order, and columns of a leaderboard hold."""
    slices: tuple[str, ...] = ()
    """Metadata keys by which scores are broken down."""
    shots: int = Field(default=0, ge=0)
    """Worked examples in front of the question."""

    _numbers = field_validator("shots", mode="before")(refuse_yes_and_no)

    @field_validator("subtasks")
    @classmethod
    def _have_names_of_their_own(cls, subtasks: dict[str, Subtask]) -> dict[str, Subtask]:
        for name in subtasks:
            if name in ScoringReport.model_fields or not name.strip():
                raise ValueError(f"no subtask can be named '{name}': results use the name")
        return subtasks

    @model_validator(mode="after")
    def _default_variant_exists(self) -> Self:
        if DEFAULT_VARIANT not in self.variants:
            raise ValueError(f"variants must contain '{DEFAULT_VARIANT}', the default")
        return self

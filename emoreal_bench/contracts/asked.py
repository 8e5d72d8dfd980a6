"""One question about one clip: what reached the model, what came back, how it is read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from emoreal_bench.contracts.base import Count, Record
from emoreal_bench.contracts.vocabulary import (
    Alteration,
    AnswerKind,
    DeliveryStatus,
    Modality,
    Outcome,
    Scoring,
)


class AskedReading(Record):
    """How one scoring reads the reply."""

    outcome: Outcome
    right_for: tuple[str, ...]
    """The letters for which the reply would count as right, if one of them were the right
    answer. More than one only under ``official``, which looks for the right letter alone."""


class AskedChoices(Record):
    """How likely the model finds each option."""

    probabilities: dict[str, float] | None
    """By letter, among the options; null where none has any."""
    mass: float | None
    """Share of all probability that falls on the options; null where unknown."""


class AskedDelivery(Record):
    """What reached the model, counted from what was fed to it."""

    frames: Count
    times: tuple[float, ...]
    """Of the frames, in seconds from the start of the clip."""
    audio_seconds: float
    audio_level: float | None
    """Root mean square of the sound, 0 to 1."""
    clip_seconds: float | None
    """Length of the clip; null where it was not decoded."""
    tokens: dict[Modality, int]
    input_hash: str | None
    notes: tuple[str, ...]
    """Every deviation from what was wanted."""


class AskedQuestion(Record):
    """What ``emoreal-bench ask --json`` prints."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    model: str
    clip: str
    question: str
    choices: tuple[str, ...]
    answer_kind: AnswerKind
    modalities: tuple[Modality, ...]
    """What was to be given besides the words."""
    alteration: Alteration
    prompt: str
    """The words as sent."""
    status: DeliveryStatus
    detail: str | None
    """For a status other than ok: why."""
    reply: str
    readings: dict[Scoring, AskedReading]
    """Empty for an open question, whose reply only a judge reads."""
    scores: AskedChoices | None
    """Null where the model does not score options, or there are none."""
    why_unscored: str | None
    """Why there are no scores, where there are options."""
    delivery: AskedDelivery
    input_tokens: Count
    output_tokens: Count
    seconds: float
    """Of the model."""
    cost: float | None
    """In US dollars, of all requests; null where unknown."""

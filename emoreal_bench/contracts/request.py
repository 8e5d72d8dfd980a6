"""What an adapter is asked: messages, settings, options and the clips they speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, field_validator

from emoreal_bench.contracts.base import Record, refuse_yes_and_no
from emoreal_bench.contracts.media import ClipMedia


class GenerationSettings(Record):
    """How a reply is to be written; part of the request hash."""

    max_new_tokens: int = Field(default=32, ge=1)
    temperature: float = Field(default=0.0, ge=0.0)
    """0 means greedy."""
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    seed: int = 0
    stop: tuple[str, ...] = ()
    reasoning_tokens: int = Field(default=0, ge=0)
    """Budget for hidden reasoning, for models that have it."""

    _numbers = field_validator(
        "max_new_tokens", "temperature", "top_p", "seed", "reasoning_tokens", mode="before"
    )(refuse_yes_and_no)


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True)
class VideoPart:
    """The picture of a clip, at this place of the message."""

    clip: str


@dataclass(frozen=True, slots=True)
class AudioPart:
    """The sound of a clip, at this place of the message."""

    clip: str


Part = TextPart | VideoPart | AudioPart


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One question as an adapter receives it. It holds no gold answer.

    Attributes:
        id: The item's id; the result carries it back.
        messages: The conversation. Media parts name a clip of ``clips``.
        settings: How to write the reply.
        letters: The letters of the options in their order (``("A", "B")``),
            for choice scoring; empty where there are none.
        labels: The classes that an answer without options may be, in the order of the task; the
            words of the question name them too, for whoever reads it.
        clips: Decoded clips by key. A part whose clip has no such modality
            (a silent file) is left out by the adapter and noted in the delivery.
    """

    id: str
    messages: tuple[Message, ...]
    settings: GenerationSettings
    letters: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    clips: Mapping[str, ClipMedia] = field(default_factory=dict)

"""What the driver and its copies say to each other: bytes, and no object of ours.

A copy may run an older installation of this package; bytes that do not say what
they should are refused, where an object of another class would be taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from types import MappingProxyType
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError

from emoreal_bench.contracts.base import Count, Record
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import (
    AudioPart,
    GenerationSettings,
    Message,
    Part,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.contracts.result import Result
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media.messages import Message as MediaMessage
from emoreal_bench.media.messages import pack_message, read_message

Bytes = NDArray[np.uint8]
"""Bytes as Ray hands them over without a copy."""


_PARTS: Mapping[str, Callable[[str], Part]] = MappingProxyType(
    {"text": TextPart, "video": VideoPart, "audio": AudioPart}
)


class _Turn(Record):
    role: Literal["system", "user", "assistant"]
    parts: tuple[tuple[Literal["text", "video", "audio"], str], ...]

    @classmethod
    def of(cls, message: Message) -> _Turn:
        return cls(role=message.role, parts=tuple(map(_part_record, message.parts)))

    def as_message(self) -> Message:
        return Message(self.role, tuple(_PARTS[kind](value) for kind, value in self.parts))


class _Asked(Record):
    """A request whose clips are named and lie elsewhere."""

    id: str
    messages: tuple[_Turn, ...]
    settings: GenerationSettings
    letters: tuple[str, ...]
    labels: tuple[str, ...]
    clips: tuple[str, ...]


_ASKED = TypeAdapter(tuple[_Asked, ...])
_RESULTS = TypeAdapter(tuple[Result, ...])


class Refusal(Record):
    """Why a copy does not do what it was asked, where that is no answer of the model."""

    problem: str
    where: str | None = None
    remedy: str | None = None
    is_ours: bool = False
    """Whether it is an :class:`EmorealError`, which concerns every item."""
    traceback: str | None = None


class ClipOutline(Record):
    """What is known of a decoded clip where its arrays are not."""

    model_config = ConfigDict(allow_inf_nan=True)

    frames: tuple[Count, ...] | None
    """Shape of the frames."""
    samples: Count | None
    """Of the sound."""
    sample_rate: int
    timestamps: tuple[float, ...]
    duration: float
    level: float | None
    notes: tuple[str, ...]
    picture_start: float

    @classmethod
    def of(cls, media: ClipMedia) -> ClipOutline:
        """Return the outline of a clip."""
        return cls(
            frames=None if media.frames is None else media.frames.shape,
            samples=None if media.waveform is None else len(media.waveform),
            sample_rate=media.sample_rate,
            timestamps=media.timestamps,
            duration=media.duration,
            level=media.level(),
            notes=media.notes,
            picture_start=media.picture_start,
        )


class ClipProblem(Record):
    """Why a clip cannot be decoded, as a :class:`MediaError` says it."""

    kind: MediaProblem
    problem: str
    where: str

    @classmethod
    def of(cls, error: MediaError) -> ClipProblem:
        """Return what an error says."""
        return cls(kind=error.kind, problem=error.problem, where=error.where or "")

    def as_error(self) -> MediaError:
        """Return the error."""
        return MediaError(self.kind, self.problem, self.where)


class DecodeAnswer(Record):
    """What became of a clip; one of them is there."""

    outline: ClipOutline | None = None
    problem: ClipProblem | None = None
    refusal: Refusal | None = None


Said = TypeVar("Said", bound=Record)


def read_as(kind: type[Said], said: str) -> Said:
    """Read what a machine of the cluster says.

    Raises:
        RunError: If it says something else.
    """
    try:
        return kind.model_validate_json(said)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or kind.__name__
        raise RunError(
            f"A machine of the cluster says what is not known here: {first['msg']} (at '{place}').",
            remedy="Install the same version of emoreal-bench on every machine.",
        ) from error


def pack(content: MediaMessage) -> Bytes:
    """Return a clip, a job or an error as bytes."""
    return np.frombuffer(b"".join(pack_message(content)), np.uint8)


def unpack_clip(content: Bytes) -> ClipMedia:
    """Return the clip that bytes hold, in memory of its own.

    Raises:
        MessageError: If they hold none.
    """
    media = read_message(BytesIO(content.tobytes()))
    assert isinstance(media, ClipMedia), "the driver sends clips"
    return media


def unpack_job(content: Bytes) -> DecodeJob:
    """Return the job that bytes hold.

    Raises:
        MessageError: If they hold none.
    """
    job = read_message(BytesIO(content.tobytes()))
    assert isinstance(job, DecodeJob), "the driver sends jobs"
    return job


def pack_requests(requests: Sequence[Request]) -> bytes:
    """Return requests as bytes, with the names of their clips in place of the clips."""
    asked = tuple(
        _Asked(
            id=request.id,
            messages=tuple(map(_Turn.of, request.messages)),
            settings=request.settings,
            letters=request.letters,
            labels=request.labels,
            clips=tuple(request.clips),
        )
        for request in requests
    )
    return _ASKED.dump_json(asked)


def unpack_requests(content: bytes, clips: Mapping[str, ClipMedia]) -> tuple[Request, ...]:
    """Return requests with their clips.

    Args:
        content: As :func:`pack_requests` gives it.
        clips: By name.

    Raises:
        ValueError: If the bytes hold no requests.
    """
    return tuple(
        Request(
            asked.id,
            tuple(turn.as_message() for turn in asked.messages),
            asked.settings,
            asked.letters,
            asked.labels,
            {name: clips[name] for name in asked.clips},
        )
        for asked in _ASKED.validate_json(content)
    )


def pack_results(results: Sequence[Result]) -> bytes:
    """Return results as bytes."""
    return json.dumps(_RESULTS.dump_python(tuple(results), mode="json")).encode("ascii")


def unpack_results(content: bytes) -> tuple[Result, ...]:
    """Return the results that bytes hold.

    Raises:
        ValueError: If they hold none.
    """
    return _RESULTS.validate_python(json.loads(content))


def _part_record(part: Part) -> tuple[Literal["text", "video", "audio"], str]:
    match part:
        case TextPart(text):
            return "text", text
        case VideoPart(clip):
            return "video", clip
        case AudioPart(clip):
            return "audio", clip

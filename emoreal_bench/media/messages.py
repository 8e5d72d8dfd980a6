"""How a decode pool and its workers write to each other.

A message is a head in JSON, behind which its arrays follow as they lie in memory,
so that frames are not copied first. The head names one of four kinds of message
and is validated, so that a worker that a clip has led astray can send nothing
that is carried out.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeInt

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media.limits import DecodeLimits

Message = DecodeLimits | DecodeJob | ClipMedia | MediaError

_COUNT = struct.Struct("<I")
_ARRAYS = ("frames", "waveform")
_MOST_PIECES = 1 + len(_ARRAYS)


class MessageError(Exception):
    """Bytes are no message."""


class _Part(Record):
    # A limit may be infinite.
    model_config = ConfigDict(allow_inf_nan=True)


class _Array(_Part):
    # Numbers only: an array of objects would take bytes for addresses.
    dtype: str = Field(pattern=r"^[<>|][buifc][0-9]{1,2}$")
    shape: tuple[NonNegativeInt, ...]

    @classmethod
    def of(cls, array: NDArray[Any] | None) -> Self | None:
        return None if array is None else cls(dtype=array.dtype.str, shape=array.shape)


class _Media(_Part):
    """As :class:`ClipMedia`, with what its arrays are in place of them."""

    key: str
    path: Path | None
    frames: _Array | None
    timestamps: tuple[float, ...]
    waveform: _Array | None
    sample_rate: int
    duration: float
    notes: tuple[str, ...]
    picture_start: float = 0.0


class _Error(_Part):
    kind: MediaProblem
    problem: str
    where: str


class _Head(_Part):
    """One of them is there."""

    limits: DecodeLimits | None = None
    job: DecodeJob | None = None
    media: _Media | None = None
    error: _Error | None = None


def pack_message(content: Message) -> list[memoryview]:
    """Return the pieces to write one after the other."""
    arrays: list[NDArray[Any]] = []
    match content:
        case DecodeLimits():
            head = _Head(limits=content)
        case DecodeJob():
            head = _Head(job=content)
        case MediaError():
            where = content.where or ""
            head = _Head(error=_Error(kind=content.kind, problem=content.problem, where=where))
        case ClipMedia():
            head = _Head(media=_describe(content))
            arrays = [array for array in (content.frames, content.waveform) if array is not None]
    # JSON of the standard library keeps paths that are no Unicode, and infinite limits.
    text = json.dumps(head.model_dump(mode="json")).encode("ascii")
    pieces = [memoryview(text), *map(_bytes_of, arrays)]
    lengths = struct.pack(f"<{len(pieces)}Q", *(piece.nbytes for piece in pieces))
    return [memoryview(_COUNT.pack(len(pieces)) + lengths), *pieces]


def read_message(file: BinaryIO) -> Message:
    """Read one message and wait for it if need be.

    Raises:
        EOFError: If the other end has closed.
        MessageError: If what comes is no message.
    """
    count = _count_of(_read_exactly(file, _COUNT.size))
    lengths = struct.unpack(f"<{count}Q", _read_exactly(file, 8 * count))
    return _load([_read_exactly(file, length) for length in lengths])


async def receive_message(reader: asyncio.StreamReader) -> Message:
    """Read one message without blocking the event loop.

    Raises:
        EOFError: If the other end has closed.
        MessageError: If what comes is no message.
    """
    count = _count_of(await _receive_exactly(reader, _COUNT.size))
    lengths = struct.unpack(f"<{count}Q", await _receive_exactly(reader, 8 * count))
    return _load([await _receive_exactly(reader, length) for length in lengths])


def _describe(media: ClipMedia) -> _Media:
    described = {name: getattr(media, name) for name in _Media.model_fields}
    arrays = {name: _Array.of(described[name]) for name in _ARRAYS}
    return _Media(**described | arrays)


def _bytes_of(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _count_of(content: bytearray) -> int:
    (count,) = _COUNT.unpack(content)
    if not 1 <= count <= _MOST_PIECES:
        raise MessageError(f"a message has no {count} pieces")
    return int(count)


def _load(pieces: Sequence[bytearray]) -> Message:
    try:
        return _content_of(_Head.model_validate(json.loads(pieces[0])), iter(pieces[1:]))
    except (ValueError, TypeError, RecursionError) as error:
        raise MessageError("the head of a message does not say what follows") from error


def _content_of(head: _Head, pieces: Iterator[bytearray]) -> Message:
    if head.media is not None:
        described = {name: getattr(head.media, name) for name in _Media.model_fields}
        arrays = {name: _take_array(described[name], pieces) for name in _ARRAYS}
        return ClipMedia(**described | arrays)
    if head.error is not None:
        return MediaError(head.error.kind, head.error.problem, head.error.where)
    content = head.limits or head.job
    if content is None:
        raise ValueError("the message is of no kind")
    return content


def _take_array(array: _Array | None, pieces: Iterator[bytearray]) -> NDArray[Any] | None:
    """Take the next bytes for the array that they are, without a copy."""
    if array is None:
        return None
    content, dtype = next(pieces, bytearray()), np.dtype(array.dtype)
    if prod(array.shape) * dtype.itemsize != len(content):
        raise ValueError("an array is shorter or longer than announced")
    return np.ndarray(array.shape, dtype, buffer=content)


def _read_exactly(file: BinaryIO, length: int) -> bytearray:
    try:
        content = bytearray(file.read(length))
    except (MemoryError, OverflowError):
        raise MessageError(f"a message has no piece of {length} bytes") from None
    if len(content) != length:
        raise EOFError
    return content


async def _receive_exactly(reader: asyncio.StreamReader, length: int) -> bytearray:
    # Into memory of the message's own, so that its arrays can be written to like
    # any other, and piece by piece, so that the reader's buffer stays small.
    try:
        content, filled = bytearray(length), 0
    except (MemoryError, OverflowError):
        raise MessageError(f"a message has no piece of {length} bytes") from None
    while filled < length:
        piece = await reader.read(length - filled)
        if not piece:
            raise EOFError
        content[filled : filled + len(piece)] = piece
        filled += len(piece)
    return content

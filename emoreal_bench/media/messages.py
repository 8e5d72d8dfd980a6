"""How a decode pool and its workers write to each other.

A message is a pickle whose arrays follow it as they lie in memory (protocol 5),
so that frames are not copied into the pickle first. Both ends are processes of
one run, started by each other; nothing of this is ever stored.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

_COUNT = struct.Struct("<I")


def pack_message(content: object) -> list[memoryview]:
    """Give the pieces to write one after the other."""
    arrays: list[pickle.PickleBuffer] = []
    text = pickle.dumps(content, protocol=5, buffer_callback=arrays.append)
    pieces = [memoryview(text), *(array.raw() for array in arrays)]
    lengths = struct.pack(f"<{len(pieces)}Q", *(piece.nbytes for piece in pieces))
    return [memoryview(_COUNT.pack(len(pieces)) + lengths), *pieces]


def read_message(file: BinaryIO) -> Any:
    """Read one message and wait for it if need be.

    Raises:
        EOFError: If the other end has closed.
    """
    (count,) = _COUNT.unpack(_read_exactly(file, _COUNT.size))
    lengths = struct.unpack(f"<{count}Q", _read_exactly(file, 8 * count))
    return _load([_read_exactly(file, length) for length in lengths])


async def receive_message(reader: asyncio.StreamReader) -> Any:
    """Read one message without blocking the event loop.

    Raises:
        EOFError: If the other end has closed.
    """
    (count,) = _COUNT.unpack(await _receive_exactly(reader, _COUNT.size))
    lengths = struct.unpack(f"<{count}Q", await _receive_exactly(reader, 8 * count))
    return _load([await _receive_exactly(reader, length) for length in lengths])


def _load(pieces: Sequence[bytearray]) -> Any:
    text, *arrays = pieces
    return pickle.loads(text, buffers=arrays)  # noqa: S301 - a process of our own wrote it


def _read_exactly(file: BinaryIO, length: int) -> bytearray:
    content = bytearray(file.read(length))
    if len(content) != length:
        raise EOFError
    return content


async def _receive_exactly(reader: asyncio.StreamReader, length: int) -> bytearray:
    # Into memory of the message's own, so that its arrays can be written to like
    # any other, and piece by piece, so that the reader's buffer stays small.
    content, filled = bytearray(length), 0
    while filled < length:
        piece = await reader.read(length - filled)
        if not piece:
            raise EOFError
        content[filled : filled + len(piece)] = piece
        filled += len(piece)
    return content

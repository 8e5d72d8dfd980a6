"""A JSON list read one value at a time, so that a large file is never held twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from emoreal_bench.contracts.errors import DataError

_CHUNK = 1 << 18
_SKIPPED = " \t\r\n,"


def iterate_json_list(path: Path) -> Iterator[Any]:
    """Yield the values of the JSON list that a file holds, in order.

    Args:
        path: A UTF-8 file, with or without a byte order mark.

    Raises:
        DataError: If the file cannot be read, is not UTF-8, or is not a JSON
            list; the message gives the line.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _values(file, path)
    except OSError as error:
        raise DataError(f"The file cannot be read: {error.strerror}.", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"The file is not UTF-8 text: {error.reason} at byte {error.start}.", where=str(path)
        ) from error


def _values(file: TextIO, path: Path) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    buffer = file.read(_CHUNK).lstrip()
    if not buffer.startswith("["):
        raise DataError(
            "The file is not a JSON list.", where=str(path), remedy="It must begin with '['."
        )
    position, lines_before, size = 1, 0, _CHUNK
    while True:
        while position < len(buffer) and buffer[position] in _SKIPPED:
            position += 1
        if position < len(buffer) and buffer[position] == "]":
            _refuse_rest(buffer[position + 1 :] + file.read(), path)
            return
        try:
            value, position = decoder.raw_decode(buffer, position)
        except json.JSONDecodeError as error:
            # A value may only be cut off by the end of the buffer: read on, and
            # read twice as much each time so that the cost stays linear.
            more = file.read(size)
            if not more:
                line = lines_before + buffer.count("\n", 0, error.pos) + 1
                raise DataError(
                    f"The JSON is not valid at line {line}: {error.msg}.",
                    where=str(path),
                    remedy="The file may be cut off; get it again from its owner.",
                ) from error
            lines_before += buffer.count("\n", 0, position)
            buffer, position, size = buffer[position:] + more, 0, size * 2
        else:
            yield value
            size = _CHUNK


def _refuse_rest(rest: str, path: Path) -> None:
    if rest.strip():
        raise DataError("There is more text after the end of the JSON list.", where=str(path))

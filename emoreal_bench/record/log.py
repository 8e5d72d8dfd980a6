"""``items.jsonl``: one line per finished item, appended by one writer, never edited.

A line is a compact JSON object whose last field is the CRC-32 of the bytes
before it, and it counts only with its newline: a line torn by a crash and a
flipped bit are both found without trusting the JSON. The last line of an id
wins, so an item that failed is simply asked again and appended again.
"""

from __future__ import annotations

import json
import time
import zlib
from array import array
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import numpy as np

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.identity import NotAPlainFileError, check_plain_file
from emoreal_bench.parsing import UnreadableError, parse_json
from emoreal_bench.record.files import GrowingFile, copy_file, write_atomically
from emoreal_bench.record.records import ItemRecord, is_item_record

SYNC_SECONDS = 1.0
"""A power cut costs at most the items of this time; a killed process costs none."""

_MARK = b',"crc32":"'
# Else Windows would write two bytes for each end of a line, and no checksum would hold.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def seal(record: Mapping[str, Any]) -> bytes:
    """Write one line of the log.

    Texts are escaped to ASCII, so that whatever a model wrote, half a character
    included, is read back unchanged.
    """
    body = _encode(record)[:-1].encode("ascii")
    return body + _seal_of(body)


def _seal_of(body: bytes) -> bytes:
    return b'%b%08x"}\n' % (_MARK, zlib.crc32(body))


def unseal(line: bytes) -> ItemRecord | None:
    """Read one line of the log; None if it is not exactly as it was written, or no record."""
    record = unseal_object(line)
    return record if is_item_record(record) else None


def unseal_object(line: bytes) -> dict[str, Any] | None:
    """Read one sealed line of anything; None if it is not exactly as it was written.

    Line ends of Windows, which some tools write, are no damage.
    """
    if line.endswith(b"\r\n"):
        line = line[:-2] + b"\n"
    body = line.rpartition(_MARK)[0]
    if not body or line != body + _seal_of(body):
        return None
    try:
        record: dict[str, Any] = parse_json(body + b"}")
    except UnreadableError:
        return None
    return record


class LogReader:
    """Iterates over the sound records of a log and notes the damaged lines.

    Attributes:
        damaged: Numbers of the damaged lines, from 1; complete once the
            iteration has ended.
    """

    def __init__(self, path: Path):
        self._path = path
        self.damaged: list[int] = []

    def __iter__(self) -> Iterator[ItemRecord]:
        self.damaged.clear()
        if not self._path.exists():
            return
        try:
            check_plain_file(self._path)
        except NotAPlainFileError as error:
            raise RunError(f"The log {error.strerror}.", where=str(self._path)) from error
        with self._path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                record = unseal(line)
                if record is None:
                    self.damaged.append(number)
                else:
                    yield record


def read_log(path: Path) -> LogReader:
    """Return the records of a log in the order in which they were written.

    Args:
        path: The ``items.jsonl`` of a run; one that is not there holds nothing.
    """
    return LogReader(path)


def is_whole(path: Path) -> bool:
    """Return whether no line of a log is damaged."""
    log = read_log(path)
    for _ in log:
        pass
    return not log.damaged


def read_final_records(path: Path, damaged: list[int] | None = None) -> Iterator[ItemRecord]:
    """Return the last sound record of each item, in the order of the log.

    Few items have several lines, so only those are remembered by id: a log of
    hundreds of thousands of lines costs eight bytes for each.

    Args:
        path: The ``items.jsonl`` of a run; one that is not there holds nothing.
        damaged: Takes the numbers of the damaged lines, from 1.
    """
    repeated = _repeated_digests(path)
    last: dict[str, int] = {}
    if repeated:
        for number, record in enumerate(read_log(path)):
            if _digest(record["id"]) in repeated:
                last[record["id"]] = number
    reader = read_log(path)
    for number, record in enumerate(reader):
        if last.get(record["id"], number) == number:
            yield record
    if damaged is not None:
        damaged += reader.damaged


def _repeated_digests(path: Path) -> frozenset[int]:
    digests = array("Q", (_digest(record["id"]) for record in read_log(path)))
    values, counts = np.unique(np.frombuffer(digests, np.uint64), return_counts=True)
    return frozenset(values[counts > 1].tolist())


def _digest(item_id: str) -> int:
    # Two ids with one digest would both be remembered, which is harmless.
    text = item_id.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def repair_log(path: Path) -> Path:
    """Drop the damaged lines of a log, so that their items are asked again.

    The damaged file is kept aside. The caller holds the lock of the run.

    Returns:
        Where the damaged file is.

    Raises:
        RunError: If the folder cannot be written.
    """
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    copy_file(path, aside)
    with path.open("rb") as file:
        write_atomically(path, (line for line in file if unseal(line) is not None))
    return aside


class ItemLog:
    """Appends finished items to a log.

    Args:
        path: The ``items.jsonl`` of a run whose lock is held and whose damage,
            if any, is repaired.

    Raises:
        RunError: If it cannot be opened for writing.
    """

    def __init__(self, path: Path):
        self._path = path
        self._file = GrowingFile(path)
        self._synced = time.monotonic()

    def append(self, record: ItemRecord) -> None:
        """Append one finished item.

        Raises:
            RunError: If the line cannot be written whole; the log then ends as
                it did before.
        """
        self._file.append(seal(record))
        if time.monotonic() - self._synced >= SYNC_SECONDS:
            self._file.sync()
            self._synced = time.monotonic()

    def close(self) -> None:
        """Bring everything to the disk and close the file.

        Raises:
            RunError: If the disk refuses.
        """
        try:
            self._file.sync()
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

"""What FFmpeg does not tell of an MPEG stream: its programs, and where recordings were joined.

The packets of a transport stream have 188 bytes, in some files with 4 bytes before or 16
behind each. Those of one kind are counted, so that a lost one shows (ISO/IEC 13818-1, 2.4.3).
"""

from __future__ import annotations

import mmap
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from av.container import InputContainer
from av.packet import Packet

from emoreal_bench.media.limits import Deadline

_SYNC = 0x47
_SIZES = ((188, 0), (192, 4), (204, 0))
"""Bytes from packet to packet, and those before the first."""
_HEADER = 4
_NULL = 0x1FFF
_PAT = 0
_LAST_TABLE = 0x1F
"""Identifiers up to here are of tables with fixed meaning."""
_FIRST_COUNT = 1
"""Writers begin to count at 0, some at 1; after a loss any of 16 numbers may follow."""
_PACKETS_WITH_TABLES = 20_000
"""Tables come several times a second; so many packets have the first of each."""
_FORMATS = frozenset({"mpegts", "mpeg"})
"""Those whose recordings may be joined byte by byte, and whose times may begin anew."""
_BACK = Fraction(1, 10)
_AHEAD = 10
"""Seconds by which times have to go back or ahead to count as those of another recording, as
in the ffmpeg program (its option ``dts_delta_threshold``)."""


class _Packet(NamedTuple):
    kind: int
    starts: bool
    """Whether a picture, a block of sound or a table begins in it."""
    counter: int
    may_jump: bool
    """Whether it says itself that the count begins anew."""
    is_broken: bool
    payload: bytes


def read_programs(path: Path) -> list[frozenset[int]]:
    """Return the identifiers of the tracks of each program; none if there are no tables."""
    with path.open("rb") as file:
        start = file.read(_PACKETS_WITH_TABLES * _SIZES[0][0])
    places: set[int] = set()
    programs: defaultdict[int, set[int]] = defaultdict(set)
    for packet in _packets(start):
        if packet.kind == _PAT and packet.starts:
            places.update(_program_places(_section(packet.payload)))
        elif packet.kind in places and packet.starts:
            programs[packet.kind].update(_track_kinds(_section(packet.payload)))
    return [frozenset(tracks) for tracks in programs.values() if tracks]


@dataclass(slots=True)
class _Join:
    """A place where another recording may begin: its tables come first.

    Attributes:
        jumps: What is not counted on across it; a single kind may be a lost packet.
        awaited: The kinds of which the new recording has shown nothing so far.
    """

    jumps: set[int] = field(default_factory=set)
    awaited: set[int] = field(default_factory=set)


def count_joins(path: Path, deadline: Deadline) -> int | None:
    """Count the places at which one whole recording follows on another.

    There the counts of all kinds begin anew at their first number, tables come first, and
    each track goes on with the beginning of a picture or of a block of sound.

    Args:
        path: A transport stream.
        deadline: When to stop.

    Returns:
        Their number; None if a packet is lost or broken somewhere else.
    """
    if not path.stat().st_size:  # which cannot be mapped
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        joins = _find_joins(_packets(data), deadline)
    if joins is None or any(len(join.jumps) < 2 for join in joins):
        return None
    return len(joins)


def _find_joins(packets: Iterator[_Packet], deadline: Deadline) -> list[_Join] | None:
    counters: dict[int, int] = {}
    tables = {_PAT}
    joins: list[_Join] = []
    latest = _Join()
    in_tables = False
    for number, packet in enumerate(packets):
        if number % 10_000 == 0:
            deadline.check()
        if packet.is_broken:
            return None
        if packet.kind == _PAT and packet.starts:
            tables.update(_program_places(_section(packet.payload)))
        is_table = packet.kind in tables or packet.kind <= _LAST_TABLE
        if is_table and not in_tables:
            latest = _Join(awaited=set(counters) - tables)
        in_tables = is_table
        last = counters.get(packet.kind)
        counters[packet.kind] = packet.counter
        goes_on = last is None or packet.may_jump or packet.counter == (last + 1) % 16
        current = joins[-1] if joins and packet.kind in joins[-1].awaited else latest
        if not goes_on:
            is_first = is_table or (packet.starts and packet.kind in current.awaited)
            if not is_first or packet.counter > _FIRST_COUNT:
                return None
            current.jumps.add(packet.kind)
            if current not in joins and not is_table:
                joins.append(current)
        current.awaited.discard(packet.kind)
    return joins


def _packets(data: bytes | mmap.mmap) -> Iterator[_Packet]:
    size, before = next(
        (
            (size, before)
            for size, before in _SIZES
            if all(data[at : at + 1] == b"\x47" for at in range(before, 5 * size, size))
        ),
        _SIZES[0],
    )
    for at in range(before, len(data) - 187, size):
        packet = data[at : at + 188]
        kind = (packet[1] & 0x1F) << 8 | packet[2]
        has_payload, has_field = bool(packet[3] & 0x10), bool(packet[3] & 0x20)
        if kind == _NULL or not has_payload:
            continue
        length = 1 + packet[4] if has_field else 0
        yield _Packet(
            kind,
            starts=bool(packet[1] & 0x40),
            counter=packet[3] & 0x0F,
            may_jump=length > 1 and bool(packet[5] & 0x80),
            is_broken=packet[0] != _SYNC or bool(packet[1] & 0x80),
            payload=packet[_HEADER + length :],
        )


def _section(payload: bytes) -> bytes:
    """Return a table that begins in a packet, without its checksum; cut off at the packet's end."""
    start = 1 + payload[0] if payload else 0
    length = int.from_bytes(payload[start + 1 : start + 3], "big") & 0x0FFF
    return payload[start : start + 3 + length - 4]


def _program_places(table: bytes) -> Iterator[int]:
    """Read in which packets the table of each program is (2.4.4.3)."""
    for at in range(8, len(table) - 3, 4):
        if int.from_bytes(table[at : at + 2], "big"):  # 0 is the network, no program
            yield int.from_bytes(table[at + 2 : at + 4], "big") & 0x1FFF


def _track_kinds(table: bytes) -> Iterator[int]:
    """Read which packets a program's tracks are in (2.4.4.8)."""
    at = 12 + (int.from_bytes(table[10:12], "big") & 0x0FFF)
    while at + 5 <= len(table):
        yield int.from_bytes(table[at + 1 : at + 3], "big") & 0x1FFF
        at += 5 + (int.from_bytes(table[at + 3 : at + 5], "big") & 0x0FFF)


class JoinedTimes:
    """Moves the times of packets where another recording begins, as the ffmpeg program does.

    Args:
        container: The file; of most formats nothing is moved.

    Attributes:
        jumps: How often times began anew.
    """

    def __init__(self, container: InputContainer):
        self._applies = is_joinable(container)
        self._shift = Fraction(0)
        self._expected: dict[int, Fraction] = {}
        self.jumps = 0

    def place(self, packet: Packet[Any]) -> None:
        """Move a packet's times; packets come in the order of the file."""
        stated = packet.pts if packet.dts is None else packet.dts
        base = packet.time_base
        if not self._applies or stated is None or base is None:
            return
        time = stated * base + self._shift
        expected = self._expected.get(packet.stream_index, time)
        if time < expected - _BACK or time > expected + _AHEAD:
            self._shift += expected - time
            self.jumps += 1
            time = expected
        self._expected[packet.stream_index] = time + (packet.duration or 0) * base
        ticks = round(self._shift / base)
        if ticks:
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks


def is_joinable(container: InputContainer) -> bool:
    """Return whether recordings of a file's format may be joined byte by byte."""
    return not _FORMATS.isdisjoint(container.format.name.split(","))

"""Reading the replies of large runs in two processes.

The second process is a program of its own rather than a fork or a spawned copy:
forks and threads do not go together, and a spawned copy would run the caller's
script again.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from types import TracebackType
from typing import NamedTuple, Self

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Subtask, Task
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Scoring
from emoreal_bench.scoring.reading.readings import Reading, read_reply

WORTH_A_PROCESS = 20_000
"""Fewer replies are read sooner than a process starts."""
BATCH = 2_000
_AHEAD = 4
_OF, _THERE = 9, 5
"""The second process reads five of nine replies, since this one also writes down the readings."""
ReplyReadings = tuple[Reading, ...]
"""Of one reply, in the order of the scorings."""
_Packed = tuple[str, tuple[str, ...], str, DeliveryStatus, str]
"""Subtask, choices and answer of the item; status and text of the reply."""
_PROGRAM = (sys.executable, "-P", "-m", "emoreal_bench.scoring.reading_worker")


class PlacedReply(NamedTuple):
    """A reply with its item.

    Attributes:
        position: Of the item in the plan.
        item: The item.
        status: What became of the request.
        text: The reply.
    """

    position: int
    item: Item
    status: DeliveryStatus
    text: str


_Batch = tuple[list[PlacedReply], Future[list[ReplyReadings] | None]]


def read_replies(
    task: Task, scorings: Sequence[Scoring], replies: Iterable[PlacedReply], *, are_many: bool
) -> Generator[tuple[PlacedReply, ReplyReadings]]:
    """Read replies under several scorings.

    Args:
        task: The task of the items.
        scorings: The rule books.
        replies: In any order.
        are_many: Whether a second process is worth its start.

    Yields:
        Each reply with its readings, in the order of the scorings. Replies to one
        item keep their order, others need not.
    """
    if not are_many or (os.cpu_count() or 1) < 2:
        for reply in replies:
            yield reply, read_one(task.subtasks, scorings, reply)
        return
    stream = iter(replies)
    under_way: deque[_Batch] = deque()
    with SecondProcess(task, scorings) as second:

        def settle() -> Generator[tuple[PlacedReply, ReplyReadings]]:
            there, future = under_way.popleft()
            readings = future.result()
            if readings is None:
                readings = [read_one(task.subtasks, scorings, reply) for reply in there]
            yield from zip(there, readings, strict=True)

        while batch := list(islice(stream, BATCH)):
            # By position, so that two replies to one item do not overtake each other.
            there = [reply for reply in batch if _is_read_there(reply)]
            under_way.append((there, second.read(there)))
            for reply in batch:
                if not _is_read_there(reply):
                    yield reply, read_one(task.subtasks, scorings, reply)
            # Some batches ahead, so that neither process waits for the other.
            if len(under_way) > _AHEAD:
                yield from settle()
        while under_way:
            yield from settle()


def _is_read_there(reply: PlacedReply) -> bool:
    return reply.position % _OF < _THERE


class SecondProcess:
    """Another process that reads replies; use it as a context manager.

    Args:
        task: The task of the items.
        scorings: The rule books.
    """

    def __init__(self, task: Task, scorings: Sequence[Scoring]):
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="to the second reader")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="from the second reader")
        self._process = subprocess.Popen(  # noqa: S603 - this package's own program
            _PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._send(pickle.dumps((dict(task.subtasks), tuple(scorings))))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._process.kill()  # What it still has to say is of no use.
        for thread in (self._writer, self._reader):
            thread.shutdown(cancel_futures=True)
        # It ends when its input does.
        with suppress(OSError):
            self._process.communicate()

    def read(self, replies: Sequence[PlacedReply]) -> Future[list[ReplyReadings] | None]:
        """Have replies read; None comes of it if the process is no more."""
        self._send(pickle.dumps(_pack(replies)))
        return self._reader.submit(self._receive)

    def _send(self, message: bytes) -> None:
        self._writer.submit(self._write, message)

    def _write(self, message: bytes) -> None:
        assert self._process.stdin is not None
        # Killed, for want of memory for instance: then there will be nothing to receive.
        with suppress(OSError):
            self._process.stdin.write(message)
            self._process.stdin.flush()

    def _receive(self) -> list[ReplyReadings] | None:
        assert self._process.stdout is not None
        try:
            readings: list[ReplyReadings] = pickle.load(self._process.stdout)  # noqa: S301 - ours
        except (OSError, EOFError, pickle.UnpicklingError):
            # An error of a reading ends it too, and is raised when the caller reads the
            # same reply.
            return None
        return readings


def read_packed(
    subtasks: Mapping[str, Subtask], scorings: Sequence[Scoring], packed: Sequence[_Packed]
) -> list[ReplyReadings]:
    """Read replies in the second process; equal readings are one object, which packs small."""
    known: dict[ReplyReadings, ReplyReadings] = {}
    found = []
    for subtask, choices, answer, status, text in packed:
        item = Item("", subtask, "", choices, answer, "")
        readings = read_one(subtasks, scorings, PlacedReply(0, item, status, text))
        found.append(known.setdefault(readings, readings))
    return found


def read_one(
    subtasks: Mapping[str, Subtask], scorings: Sequence[Scoring], reply: PlacedReply
) -> ReplyReadings:
    """Read a reply under each scoring."""
    subtask = subtasks[reply.item.subtask]
    return tuple(
        [read_reply(scoring, reply.item, subtask, reply.status, reply.text) for scoring in scorings]
    )


def _pack(replies: Sequence[PlacedReply]) -> list[_Packed]:
    """Take of replies what reading needs; equal choices are one object."""
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    return [
        (
            reply.item.subtask,
            known.setdefault(reply.item.choices, reply.item.choices),
            reply.item.answer,
            reply.status,
            reply.text,
        )
        for reply in replies
    ]

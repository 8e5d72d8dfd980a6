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
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from types import TracebackType
from typing import NamedTuple, Self

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Subtask, Task
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Scoring
from emoreal_bench.scoring.readings import Reading, read_reply

WORTH_A_PROCESS = 20_000
"""Fewer replies are read sooner than a process starts."""
BATCH = 4_000
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


def read_replies(
    task: Task, scorings: Sequence[Scoring], replies: Iterable[PlacedReply], *, are_many: bool
) -> Generator[tuple[PlacedReply, list[Reading]]]:
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
    with SecondProcess(task, scorings) as second:
        while batch := list(islice(stream, BATCH)):
            # By position, so that two replies to one item do not overtake each other.
            there = [reply for reply in batch if reply.position % 2]
            under_way = second.read(there)
            for reply in batch:
                if not reply.position % 2:
                    yield reply, read_one(task.subtasks, scorings, reply)
            readings = under_way.result()
            if readings is None:
                readings = [read_one(task.subtasks, scorings, reply) for reply in there]
            yield from zip(there, readings, strict=True)


class SecondProcess:
    """Another process that reads replies; use it as a context manager.

    Args:
        task: The task of the items.
        scorings: The rule books.
    """

    def __init__(self, task: Task, scorings: Sequence[Scoring]):
        self._settings = (dict(task.subtasks), tuple(scorings))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="second reader")
        self._process = subprocess.Popen(  # noqa: S603 - this package's own program
            _PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._is_told = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown()
        # It ends when its input does; what it still has to say is of no use.
        with suppress(OSError):
            self._process.communicate()

    def read(self, replies: Sequence[PlacedReply]) -> Future[list[list[Reading]] | None]:
        """Have replies read; None comes of it if the process is no more."""
        return self._thread.submit(self._read, replies)

    def _read(self, replies: Sequence[PlacedReply]) -> list[list[Reading]] | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            if not self._is_told:
                pickle.dump(self._settings, self._process.stdin)
                self._is_told = True
            pickle.dump(replies, self._process.stdin)
            self._process.stdin.flush()
            readings: list[list[Reading]] = pickle.load(self._process.stdout)  # noqa: S301 - ours
        except (OSError, EOFError):
            # Killed, for want of memory for instance. An error of a reading ends it too,
            # and is raised when the caller reads the same reply.
            return None
        return readings


def read_one(
    subtasks: Mapping[str, Subtask], scorings: Sequence[Scoring], reply: PlacedReply
) -> list[Reading]:
    """Read a reply under each scoring."""
    subtask = subtasks[reply.item.subtask]
    return [
        read_reply(scoring, reply.item, subtask, reply.status, reply.text) for scoring in scorings
    ]

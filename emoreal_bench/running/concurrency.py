"""How many batches may be with a model at once, by what its service bears.

A service that says "too many requests" to one request says it to all that are
under way. So the first such answer halves the number of batches, those of the
same moment are no further news, and every success earns a little back
(additive increase, multiplicative decrease, as in TCP; V. Jacobson,
"Congestion avoidance and control", SIGCOMM 1988). Where the service says how
long to wait, no batch at all starts before that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus


@dataclass(frozen=True, slots=True)
class Slot:
    """The right to hand one batch over.

    Attributes:
        limit: Whose it is.
        round: Counts how often the limit had been halved when the slot was given.
    """

    limit: ConcurrencyLimit
    round: int

    def report(self, result: Result) -> None:
        """Report what came of a request of the batch.

        A failure with a wait asked for, however short, is a service that is
        overloaded; any other failure says nothing about the number of requests.
        """
        if result.status is not DeliveryStatus.FAILED:
            self.limit.grow()
        elif result.retry_after is not None:
            self.limit.back_off(self.round, result.retry_after)


class ConcurrencyLimit:
    """Bounds the batches under way.

    Args:
        most: Never more than these, and as many to begin with.
        clock: Gives the time in seconds.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._allowed = float(most)
        self._under_way = 0
        self._round = 0
        self._resume_at = 0.0
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def allowed(self) -> int:
        """How many batches may be under way now, 1 or more."""
        return int(self._allowed)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Wait until another batch may start; the slot is free again at the end."""
        await self._wait_for_room()
        self._under_way += 1
        try:
            yield Slot(self, self._round)
        finally:
            self._under_way -= 1
            self._wake()

    def grow(self) -> None:
        """Allow one batch more for every full round of successes."""
        self._allowed = min(self._allowed + 1.0 / self._allowed, float(self._most))
        self._wake()

    def back_off(self, round_: int, retry_after: float) -> None:
        """Halve the number of batches and start none for a while.

        Args:
            round_: Of the slot; an answer to a batch from before the last
                halving brings no further one.
            retry_after: Seconds that the service asked to wait.
        """
        self._resume_at = max(self._resume_at, self._clock() + retry_after)
        if round_ == self._round:
            self._round += 1
            self._allowed = max(1.0, self._allowed / 2.0)

    def end_wait(self) -> None:
        """Forget what the service asked for: nothing will be asked any more."""
        self._resume_at = self._clock()

    async def _wait_for_room(self) -> None:
        while True:
            pause = self._resume_at - self._clock()
            if pause > 0.0:
                await self._sleep(pause)
            elif self._under_way < self.allowed:
                return
            else:
                waiter = asyncio.get_running_loop().create_future()
                self._waiting.append(waiter)
                await waiter

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

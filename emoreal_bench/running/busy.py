"""Measures how long something was under way, and what a run had to wait for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from emoreal_bench.contracts.run_record import HeldUp


class BusyClock:
    """A clock that runs while it is entered, once or several times over.

    Two clips decoded side by side for a second are one second, so that the
    times of a run can be set against its length.

    Args:
        clock: Gives seconds.

    Attributes:
        seconds: How long it ran.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._under_way = 0
        self._since = 0.0
        self.seconds = 0.0

    def __enter__(self) -> None:
        if not self._under_way:
            self._since = self._clock()
        self._under_way += 1

    def __exit__(self, *_: object) -> None:
        self._under_way -= 1
        if not self._under_way:
            self.seconds += self._clock() - self._since


class Holdup(StrEnum):
    """What a run may have to wait for; where several go on at a time, the first here counts.

    Whoever waits for a clip could ask something, whatever the model is doing beside it.
    """

    WRITING = "writing"
    DECODING = "decoding"
    LOADING = "loading"
    MODEL = "model"
    SERVICE = "service"


_REST = "rest"


class HoldupClock:
    """Divides the time since it was made among what the run had to wait for.

    Args:
        clock: Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._under_way = dict.fromkeys(Holdup, 0)
        self._seconds: dict[str, float] = dict.fromkeys([*Holdup, _REST], 0.0)
        self._since = clock()

    @contextmanager
    def during(self, holdup: Holdup) -> Iterator[None]:
        """Count what goes on in a block."""
        self._count()
        self._under_way[holdup] += 1
        try:
            yield
        finally:
            self._count()
            self._under_way[holdup] -= 1

    def shares(self) -> HeldUp:
        """Return the shares up to now."""
        self._count()
        total = self.seconds
        return HeldUp(
            **{name: seconds / total if total else 0.0 for name, seconds in self._seconds.items()}
        )

    @property
    def seconds(self) -> float:
        """How long it has run, up to the last look."""
        return sum(self._seconds.values())

    def _count(self) -> None:
        now = self._clock()
        first = next((holdup for holdup, number in self._under_way.items() if number), _REST)
        self._seconds[first] += now - self._since
        self._since = now

"""Measures how long something was under way, however much of it at a time."""

from __future__ import annotations

import time
from collections.abc import Callable


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

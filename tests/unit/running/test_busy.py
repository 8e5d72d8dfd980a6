"""The clock that runs while anything is under way."""

from __future__ import annotations

import pytest

from emoreal_bench.running.busy import BusyClock


class Moments:
    """A clock that is moved by hand."""

    now = 10.0

    def __call__(self) -> float:
        return self.now


def test_things_side_by_side_count_once_and_pauses_do_not_count() -> None:
    moments = Moments()
    clock = BusyClock(moments)
    with clock:
        moments.now = 11.0
        with clock:
            moments.now = 13.0
    moments.now = 20.0
    with clock:
        moments.now = 20.5
    assert clock.seconds == 3.5


def test_an_error_stops_the_clock_too() -> None:
    moments = Moments()
    clock = BusyClock(moments)

    def fail() -> None:
        with clock:
            moments.now = 12.0
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    moments.now = 99.0
    assert clock.seconds == 2.0

"""The clock that runs while anything is under way."""

from __future__ import annotations

import pytest

from emoreal_bench.running.busy import BusyClock, Holdup, HoldupClock


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


def test_what_held_a_run_up_adds_up_to_its_time() -> None:
    moments = Moments()
    clock = HoldupClock(moments)
    for holdup, seconds in ((Holdup.MODEL, 4.0), (Holdup.DECODING, 3.0), (Holdup.WRITING, 1.0)):
        with clock.during(holdup):
            moments.now += seconds
    moments.now += 2.0
    shares = clock.shares()
    assert clock.seconds == 10.0
    assert (shares.model, shares.decoding, shares.writing, shares.rest) == (0.4, 0.3, 0.1, 0.2)
    assert shares.service == 0.0


def test_of_what_goes_on_side_by_side_the_one_that_is_waited_for_counts() -> None:
    """A question that waits for its clip could be asked, whatever else the model is doing."""
    moments = Moments()
    clock = HoldupClock(moments)
    with clock.during(Holdup.SERVICE):
        moments.now += 1.0
        with clock.during(Holdup.DECODING):
            moments.now += 2.0
            with clock.during(Holdup.WRITING):
                moments.now += 1.0
    shares = clock.shares()
    assert (shares.service, shares.decoding, shares.writing) == (0.25, 0.5, 0.25)


def test_a_clock_that_has_not_run_has_shares_of_nothing() -> None:
    assert sum(HoldupClock(Moments()).shares().model_dump().values()) == 0.0

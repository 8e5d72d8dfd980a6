"""How text and numbers are written in tables and on pages.

Names, labels and notes come from models, data sets and other people's run
folders, so they pass through :mod:`emoreal_bench.printable` before anybody sees them.
"""

from __future__ import annotations

from math import copysign

from emoreal_bench.contracts.scores import Interval
from emoreal_bench.printable import plain_text
from emoreal_bench.scoring.metrics import Unit, metric_of

UNDEFINED = "\N{EN DASH}"
"""Printed where a number is not defined."""


def words(name: str) -> str:
    """Write an identifier as words: ``reasoning_basic_audio`` as "reasoning basic audio"."""
    return plain_text(name).replace("_", " ")


def write_number(metric: str, value: float | None) -> str:
    """Write the value of a metric in its unit."""
    if value is None or metric_of(metric).unit is not Unit.PLAIN:
        return percent(value)
    return f"{value:.3f}"


def write_interval(metric: str, interval: Interval) -> str:
    """Write the interval of a metric in its unit."""
    return "\N{EN DASH}".join(write_number(metric, bound) for bound in interval)


def percent(fraction: float | None) -> str:
    """Write a fraction of 0..1 in percent with one decimal, without the sign."""
    return UNDEFINED if fraction is None else f"{100 * fraction:.1f}"


def minute_of(time: str) -> str:
    """Write a time such as "2026-11-20T10:00:59Z" to the minute: "2026-11-20 10:00"."""
    return time[:16].replace("T", " ")


def rating(value: float | None) -> str:
    """Write a mean rating, or the agreement of raters, with two decimals."""
    return UNDEFINED if value is None else f"{value:.2f}"


def percent_of_whole(fraction: float) -> str:
    """Write a share in percent; only the whole is 100.0, however little is lacking."""
    return percent(fraction if fraction >= 1 else min(fraction, 0.999))


def percent_interval(interval: Interval) -> str:
    """Write an interval of fractions in percent, as "58.1 to 64.3" with a dash."""
    return f"{percent(interval[0])}\N{EN DASH}{percent(interval[1])}"


def points(difference: float) -> str:
    """Write a difference of fractions in percentage points, always with its sign.

    A half is rounded away from zero, as whoever subtracts 45.8 from 77.1 expects; it would go
    to the even digit.
    """
    text = f"{100 * difference + copysign(1e-9, difference):+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def count_of(number: int, noun: str) -> str:
    """Write a count with its noun: ``1 item``, ``4,000 items``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

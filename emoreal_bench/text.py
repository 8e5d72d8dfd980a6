"""How text and numbers are written in tables and on pages.

Names, labels and notes come from models, data sets and other people's run
folders, so they pass through :func:`plain_text` before anybody sees them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from emoreal_bench.contracts.scores import Interval
from emoreal_bench.scoring.metrics import Unit, metric_of

UNDEFINED = "\N{EN DASH}"
"""Printed where a number is not defined."""

_ESCAPE_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # control sequences: colours, cursor, erase
    # strings: window titles, links
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]"
)
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf"})
_SPACE_CATEGORIES = frozenset({"Zl", "Zp"})


@lru_cache(maxsize=4096)  # The same names stand in many rows.
def plain_text(text: str, limit: int = 200) -> str:
    """Make untrusted text safe to show on one line.

    Terminal escape sequences, control characters and the invisible characters
    that reorder or hide text are removed; line breaks become spaces; lone
    surrogates, which no file can hold, become the replacement character.

    Args:
        text: What somebody else wrote.
        limit: Longest result in characters; the rest is cut and marked with an ellipsis.
    """
    cleaned = []
    for character in _ESCAPE_SEQUENCE.sub("", text):
        category = unicodedata.category(character)
        if character in "\t\n\r\v\f" or category in _SPACE_CATEGORIES:
            cleaned.append(" ")
        elif category == "Cs":
            cleaned.append("\N{REPLACEMENT CHARACTER}")
        elif category not in _INVISIBLE_CATEGORIES:
            cleaned.append(character)
    line = " ".join("".join(cleaned).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


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


def rating(value: float | None) -> str:
    """Write a mean rating, or the agreement of raters, with two decimals."""
    return UNDEFINED if value is None else f"{value:.2f}"


def percent_floor(fraction: float) -> str:
    """Write a share in percent, rounded down, so that only the whole is 100.0."""
    return f"{int(1000 * fraction + 1e-9) / 10:.1f}"


def percent_interval(interval: Interval) -> str:
    """Write an interval of fractions in percent, as "58.1 to 64.3" with a dash."""
    return f"{percent(interval[0])}\N{EN DASH}{percent(interval[1])}"


def points(difference: float) -> str:
    """Write a difference of fractions in percentage points, always with its sign."""
    text = f"{100 * difference:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def count_of(number: int, noun: str) -> str:
    """Write a count with its noun: ``1 item``, ``4,000 items``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

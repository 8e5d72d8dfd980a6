"""No reply can hold scoring up: every pattern of the reading works in time that grows with it."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Subtask
from emoreal_bench.contracts.vocabulary import AnswerKind, DeliveryStatus, Scoring
from emoreal_bench.scoring import reading
from emoreal_bench.scoring.reading.readings import read_reply

LENGTHS = (20, 30, 40, 60, 120, 500, 2000, 8000)
"""Of the texts, in characters. The first are so short that even doubling work ends."""
MEASURABLE = 0.004
"""Seconds: what takes less is not compared."""
STEEPER = 2.5
"""How much faster than the text the work may grow: 1 if it is linear, 4 if it is quadratic."""
MOST_SAMPLES = 40
MOST_ROUNDS = 100
"""A repetition of more rounds counts as one without end."""
SOURCES = "".join(
    path.read_text(encoding="utf-8") for path in Path(reading.__path__[0]).glob("*.py")
)
PATTERNS = {
    f"{info.name}.{name}": value
    for info in pkgutil.iter_modules(reading.__path__)
    for name, value in vars(importlib.import_module(f"{reading.__name__}.{info.name}")).items()
    if isinstance(value, re.Pattern)
}


def _samples(pattern: re.Pattern[str]) -> list[str]:
    """Write texts of which each takes another way through a pattern, as far as it is known."""
    found = dict.fromkeys(_ways(_parser.parse(pattern.pattern, pattern.flags)))
    return sorted((text for text in found if text), key=len)[:MOST_SAMPLES]


def _ways(tree: Any) -> Iterator[str]:
    """Yield the texts of a parsed sequence, with one part at a time taken another way."""
    parts = [list(dict.fromkeys(_texts(*node))) or [""] for node in tree]
    yield "".join(part[0] for part in parts)
    for index, part in enumerate(parts):
        for other in part[1:]:
            yield (
                "".join(x[0] for x in parts[:index])
                + other
                + "".join(x[0] for x in parts[index + 1 :])
            )
        yield from part  # A part alone is what a nested repetition can be made of.


def _texts(kind: Any, value: Any) -> Iterator[str]:
    match str(kind):
        case "LITERAL":
            yield chr(value)
        case "NOT_LITERAL" | "ANY":
            yield "x"
        case "IN":
            yield next(_members(value), "x")
        case "BRANCH":
            for way in value[1]:
                yield from _ways(way)
        case "SUBPATTERN":
            yield from _ways(value[3])
        case "ATOMIC_GROUP":
            yield from _ways(value)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            for text in _ways(value[2]):
                yield text * max(1, value[0])
        case _:
            yield ""


def _members(value: Any) -> Iterator[str]:
    if str(value[0][0]) == "NEGATE":
        yield "x"
    for kind, member in value:
        match str(kind):
            case "LITERAL":
                yield chr(member)
            case "RANGE":
                yield chr(member[0])
            case "CATEGORY":
                yield " " if str(member) == "CATEGORY_SPACE" else "a"


def _seconds(pattern: re.Pattern[str], text: str, *, anchored: bool) -> float:
    start = time.process_time()
    if anchored:
        pattern.match(text)
    else:
        for _ in pattern.finditer(text):
            pass
    return time.process_time() - start


def _is_anchored(name: str) -> bool:
    """Return whether the package looks for a pattern at one place only."""
    name = name.rpartition(".")[2]
    return not re.search(rf"\b{name}\.(?:search|sub|finditer|findall|split)\b", SOURCES)


def _is_steep(pattern: re.Pattern[str], unit: str, *, anchored: bool = False) -> str | None:
    """Say between which lengths the work grows faster than the text; None if it does not."""
    before, length_before = 0.0, 1
    for length in LENGTHS:
        text = (unit * (length // len(unit) + 1))[:length]
        seconds = _seconds(pattern, text, anchored=anchored)
        growth = length / length_before * STEEPER
        if seconds > MEASURABLE and before and seconds > growth * before:
            # What disturbed one measurement does not disturb the best of several.
            shorter = text[:length_before]
            again = min(_seconds(pattern, text, anchored=anchored) for _ in range(4))
            best = min(_seconds(pattern, shorter, anchored=anchored) for _ in range(4))
            if again > MEASURABLE and again > growth * max(best, 1e-6):
                return f"{unit!r}: {again / best:.0f} times for {length / length_before:.0f} times"
        before, length_before = seconds, length
    return None


@pytest.mark.parametrize("name", PATTERNS)
def test_the_work_of_a_pattern_grows_with_the_text_alone(name: str) -> None:
    pattern = PATTERNS[name]
    # Runs of one sign are cut before a reply is read; see test_quick_patterns.
    samples = [text for text in _samples(pattern) if re.search(r"\w", text) or len(set(text)) > 1]
    units = [form for text in samples for form in (text, f"{text} ")]
    anchored = _is_anchored(name)
    steep = [found for unit in units if (found := _is_steep(pattern, unit, anchored=anchored))]
    assert not steep, steep[:3]


def _nested(tree: Any) -> Iterator[str]:
    """Yield the repetitions that could share out one text among their rounds in many ways.

    Each round can be one repetition alone, as in ``([ ,]*)*`` or ``(?:\\w+ ?)*``: nothing else
    has to stand between two rounds. What is possessive or atomic does not go back.
    """
    for kind, value in tree:
        match str(kind):
            case "MAX_REPEAT" | "MIN_REPEAT":
                if value[1] > MOST_ROUNDS and any(map(_is_one_repetition, _alternatives(value[2]))):
                    yield str(value[2])
                yield from _nested(value[2])
            case "SUBPATTERN":
                yield from _nested(value[3])
            case "BRANCH":
                for way in value[1]:
                    yield from _nested(way)
            case "ASSERT" | "ASSERT_NOT":
                yield from _nested(value[1])


def _alternatives(tree: Any) -> Iterator[list[Any]]:
    """Yield the ways through a sequence that groups and branches alone do not hide."""
    parts = list(tree)
    for index, (kind, value) in enumerate(parts):
        ways = [value[3]] if str(kind) == "SUBPATTERN" else []
        ways = list(value[1]) if str(kind) == "BRANCH" else ways
        if ways:
            for way in ways:
                yield from _alternatives([*parts[:index], *way, *parts[index + 1 :]])
            return
    yield parts


def _is_one_repetition(parts: list[Any]) -> bool:
    """Return whether one repetition without end is all that a round needs, or even it is not."""
    needed = [part for part in parts if not _may_be_nothing(*part)]
    endless = [kind for kind, value in parts if "REPEAT" in str(kind) and value[1] > MOST_ROUNDS]
    possessive = [kind for kind in endless if str(kind) == "POSSESSIVE_REPEAT"]
    if len(endless) == len(possessive):
        return False
    return not needed or (
        len(needed) == 1 and str(needed[0][0]).endswith("_REPEAT") and needed[0][1][1] > MOST_ROUNDS
    )


def _may_be_nothing(kind: Any, value: Any) -> bool:
    if "REPEAT" in str(kind):
        return bool(value[0] == 0)
    return str(kind) in ("AT", "ASSERT", "ASSERT_NOT")


@pytest.mark.parametrize("name", PATTERNS)
def test_no_repetition_can_share_out_a_text_among_its_rounds(name: str) -> None:
    pattern = PATTERNS[name]
    assert not [*_nested(_parser.parse(pattern.pattern, pattern.flags))]


@pytest.mark.parametrize(
    "pattern", [r"([\s,:]*)*c", r"(?:\w+ ?)*c", r"(?:a|(?:b+))*c", r"(?:yes|[\s,]+)+c"]
)
def test_such_a_repetition_is_found(pattern: str) -> None:
    assert [*_nested(_parser.parse(pattern))]


@pytest.mark.parametrize("pattern", [r"(?:\w+ )*c", r"([\s,:]*+)*+c", r"(?:a|b)*c", r"(?:,\s*a)*"])
def test_a_repetition_whose_rounds_are_told_apart_is_none(pattern: str) -> None:
    assert not [*_nested(_parser.parse(pattern))]


def test_the_test_of_growth_finds_patterns_that_are_not_linear() -> None:
    assert _is_steep(re.compile(r"(?:(?:a|b|:)\b[\s:]*)*c"), "a:")
    assert _is_steep(re.compile(r"x+y"), "x")


@pytest.mark.parametrize(
    "piece",
    [
        *(".", "(", "A ", "(A) ", "<|", "no ", "answer is ", "`~", "she is sad ", "<think>"),
        *("Answer:", "a:", "ah:", "absolutely:", "Option:", "</think>", "{", "[[", '{"answer":'),
        *("not A, ", "A or "),
    ],
)
def test_no_reply_can_hold_scoring_up(piece: str) -> None:
    """However long: what is read is bounded, so ten times the length costs no more steps."""
    item = Item("i", "s", "", ("(A) Yes", "(B) No"), "A", "c")
    subtask = Subtask(answer=AnswerKind.YES_NO, chance=0.5)
    lengths = (20_000, 200_000)
    readings = [
        read_reply(Scoring.STRICT, item, subtask, DeliveryStatus.OK, piece * (n // len(piece)))
        for n in lengths
    ]
    assert readings[0] == readings[1]

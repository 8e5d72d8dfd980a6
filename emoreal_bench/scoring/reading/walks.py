"""Read lists that give each option its verdict or its value."""

from __future__ import annotations

import re
from typing import NamedTuple

from emoreal_bench.scoring.reading.marks import (
    ANY,
    OFF_LIST,
    REJECTED,
    WEAK,
    WORD,
    kind_of,
    number_of,
)

_ITEM = re.compile(
    rf"^[^\w\n\ue000-\ue1ff]*+(?:\d{{1,2}}[.)]\s?)?(?:options?\s|choice\s"
    rf"|answer\s)?[\"'(\[]*({ANY}|{REJECTED})",
    re.M,
)
_NUMBERED = re.compile(rf"^[^\w\n\ue000-\ue1ff]*+\d{{1,2}}[.)]\s?[(\[]?({ANY})[^\n]*$", re.M)
_VALUE = re.compile(
    r"\W*+(\d++(?:\.\d++)?|\.\d++)(?:(st|nd|rd|th)|\s?(?:%|percent|/\s?\d++|points?|out\s+of\s+\d++))?"
    r"(?:\s?\([^()\n]{0,80}\))?[\s|.,;)}*]*\Z"
)
_LAST_CELL = re.compile(r"[:|=]|\.\s")
_NEGATIVE = re.compile(
    r"\b(?:no|not|cannot|false|wrong|incorrect|unlikely|never|nobody|nothing|none|without|absent"
    r"|eliminated|ruled out|excluded|irrelevant|lacks?"
    r"|out|contradicts?|unsupported|implausible|low|nein|non|falsch|faux|falso)\b|n't\b"
    r"|[\N{CROSS MARK}✗✘✖\N{NEGATIVE SQUARED CROSS MARK}]|不|没有|否|错|いいえ|ない|아니"
)
_POSITIVE = re.compile(
    r"\b(?:yes|correct|true|right|best|most|fits?|match(?:es)?|supported|likely|chosen|high|clearly"
    r"|ja|oui|sí|richtig|vrai|correcto)\b|[\N{WHITE HEAVY CHECK MARK}✔✓☑]|是|对|正确|符合|はい|네"
)
_MARKED = re.compile(
    rf"({ANY})[\"')\]]{{0,3}}[ ]?(?:[:=|.,(-]|->|→){{0,3}}[ ]?"
    r"(?:(\d++(?:\.\d++)?|\.\d++)(?:\s?%|\s?/\s?\d++|\s?points?)?|(\N{WHITE HEAVY CHECK MARK}|[✔✓☑]"
    r"|(?:yes|true|correct|likely|right|high|certain|very likely)\b)"
    rf"|(\N{{CROSS MARK}}|[✗✘✖]|(?:no|false|incorrect|unlikely|wrong|low"
    rf"|impossible)\b))\)?(?=[ ]*(?:\Z|[,;.|/}}\n(]|{ANY}))"
)


class Walk(NamedTuple):
    """A list of verdicts.

    Attributes:
        found: The one answer that it calls right, or :data:`OFF_LIST`; None without a list.
        rest: The reply without the list.
    """

    found: int | None
    rest: str


def take_walk(marked: str) -> Walk:
    """Take the list of verdicts out of a marked reply."""
    ranking = _NUMBERED.findall(marked) if "\n" in marked else []
    if len(ranking) > 1 and len({number_of(sign) for sign in ranking}) == len(ranking):
        numbers = [number_of(sign) for sign in ranking]
        if numbers != list(range(len(numbers))):
            return Walk(numbers[0], _NUMBERED.sub("", marked))
    lines = _lines_of(marked)
    if lines:
        return lines
    inline = [
        match
        for match in _MARKED.finditer(marked)
        if match[2] or kind_of(match[1]) not in (WORD, WEAK)
    ]
    if len({match[1] for match in inline}) > 1:
        return Walk(_best_marked(inline), _MARKED.sub(" ", marked))
    if is_refuted(marked):
        return Walk(OFF_LIST, _MARKED.sub(" ", marked))
    return Walk(None, marked)


def is_refuted(marked: str) -> bool:
    """Return whether a reply begins by calling an option wrong: "(D) ...: no"."""
    match = _MARKED.match(marked)
    return match is not None and bool(match[4]) and kind_of(match[1]) not in (WORD, WEAK)


def _lines_of(marked: str) -> Walk | None:
    """Read a list with one option a line; None if there is none."""
    lines = marked.split("\n")
    heads = {index: match for index, line in enumerate(lines) if (match := _ITEM.match(line))}
    said = [
        index for index, match in heads.items() if re.search(r"\w", lines[index][match.end() :])
    ]
    if said and len(said) < len(heads) and max(heads) not in said:
        del heads[max(heads)]  # The answer below a list.
    signs = [match[1] for match in heads.values()]
    if len(heads) < 2 or (len(set(signs)) == 1 and REJECTED not in signs):
        return None
    first, second = list(heads)[:2]
    if (signs[1] != REJECTED != signs[0] and number_of(signs[0]) > number_of(signs[1])) or (
        second - first > 1 and not lines[first][heads[first].end() :].strip(" .)*")
    ):
        del heads[first]
        if len(heads) < 2:
            return None
    rest = "\n".join(line for index, line in enumerate(lines) if index not in heads)
    return Walk(
        _best_line(
            [
                (match[1], lines[index][: match.start(1)] + lines[index][match.end() :])
                for index, match in heads.items()
            ]
        ),
        rest,
    )


def _value_in(line: str) -> re.Match[str] | None:
    """Find the value that a line or the last cell of a row is."""
    return _VALUE.match(line) or _VALUE.match(_LAST_CELL.split(line.rstrip(" |."))[-1])


def _best_marked(matches: list[re.Match[str]]) -> int:
    if all(match[2] for match in matches):
        return _highest([(number_of(match[1]), match[2]) for match in matches])
    right = {number_of(match[1]) for match in matches if match[3]}
    return right.pop() if len(right) == 1 else OFF_LIST


def _best_line(items: list[tuple[str, str]]) -> int:
    """Find the one option whose line speaks for it, or that no line speaks against."""
    values = [(sign, match) for sign, rest in items if (match := _value_in(rest))]
    if len(values) == len(items) and REJECTED not in dict(items):
        places = all(match[2] for _, match in values)
        return _highest([(number_of(sign), f"{'-' * places}{match[1]}") for sign, match in values])
    right: set[int] = set()
    open_still: set[int] = set()
    for sign, rest in items:
        if sign == REJECTED or _NEGATIVE.search(rest):
            continue
        (right if _POSITIVE.search(rest) else open_still).add(number_of(sign))
    if len(right) == 1:
        return right.pop()
    silent = not right and len(open_still) == 1 and len(items) > 2
    return open_still.pop() if silent else OFF_LIST


def _highest(values: list[tuple[int, str]]) -> int:
    """Return the option with the one highest value."""
    numbers = [(float(value), number) for number, value in values]
    top = max(numbers)[0]
    best = {number for value, number in numbers if value == top}
    return best.pop() if len(best) == 1 else OFF_LIST

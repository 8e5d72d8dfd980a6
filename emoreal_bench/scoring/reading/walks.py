"""Read lists that give each option its verdict or its value."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from emoreal_bench.scoring.reading.marks import (
    ANY,
    BARE,
    LETTER,
    OFF_LIST,
    SIGN,
    TEXT,
    WEAK,
    WORD,
    any_of,
    kind_of,
    number_of,
)

_ITEM = re.compile(
    rf"^[^\w\n\ue000-\ue1ff]*+(?:\d{{1,2}}[.)]\s?)?(?:(?:option|choice|answer|label|emotion"
    rf"|prediction)s?[ =])?[\"'(\[]*({ANY})",
    re.M,
)
_NAMED = any_of(LETTER, BARE, TEXT)
_IS_OF_ONE = re.compile(rf"\W*(?:option\s)?{_NAMED}|[^\n]*{_NAMED}\W*\Z")
_BETWEEN = tuple(
    re.compile(rf"{sign}(?=\s|\Z|[^\x00-\x7f])") for sign in (r"\n", ";", r"\|", r"\.", ",")
)
_SAYS = re.compile(r"[\w✓✗✔✘☑✖\u2705\u274c]")
_NUMBERED = re.compile(rf"^[^\w\n\ue000-\ue1ff]*+\d{{1,2}}[.)]\s?[(\[]?({ANY})[^\n]*$", re.M)
_UNIT = r"(?:%|percent|/\s?\d++|points?|stars?|(?:out\s+)?of\s+\d++(?:\s[a-z]++)?)"
_VALUE = re.compile(
    rf"\W*+(\d++(?:\.\d++)?|\.\d++)(?:(st|nd|rd|th)|\s?{_UNIT})?(?:\s(?:for|to))?"
    r"(?:\s?\([^()\n]{0,80}\))?[\s|.,;)}*]*\Z"
)
_VALUE_FIRST = re.compile(rf"\W*+(\d++(?:\.\d++)?)()\s?{_UNIT}(?=[\s.,;])")
_VALUE_LAST = re.compile(rf"(?<![\d.:])(\d++(?:\.\d++)?)()(?:\s?{_UNIT})?\W*\Z")
_LAST_CELL = re.compile(r"[:|=]|\.\s")
_NEGATIVE = re.compile(
    r"\b(?:no|not|cannot|false|wrong|incorrect|unlikely|never|nobody|nothing|none|without|absent"
    r"|eliminated?|ruled out|(?<!be\s)excluded?|irrelevant|lacks?|reject(?:ed)?|discard(?:ed)?|out"
    r"|too|contradict(?:s|ed)?|unsupported|implausible|impossible|inconsistent|poor|low|nein|non"
    r"|falsch|faux|falso|bad|dropp?(?:ed)?|refuted?|far-fetched|hardly|denied)\b|n't\b"
    r"|[\N{CROSS MARK}✗✘✖\N{NEGATIVE SQUARED CROSS MARK}]|不|没有"
    r"|无(?=\W*\Z)|否|错|いいえ|ない|아니"
)
_POSITIVE = re.compile(
    r"\b(?:yes|correct|true|right|best|most|fits?|match(?:es|ed)?|support(?:s|ed)|likely|chosen"
    r"|high|certain|clearly|accept(?:ed)?|ke(?:ep|pt)|fully|confirm(?:ed|s)?|convincing"
    r"|select(?:ed)?|definitely|heard|seen|shown|present|plausible|good|consistent|excellent"
    r"|perfect(?:ly)?|strong(?:est|ly)?|partly|possible|medium|moderate|weak(?:ly)?|fair|somewhat"
    r"|ja|oui|sí|richtig|vrai|correcto)\b|[\N{WHITE HEAVY CHECK MARK}✔✓☑]|<-|←|是|对"
    r"|正确|符合|はい|네"
)
_SLIGHT = re.compile(r"\b(?:partly|possible|medium|moderate|weak(?:ly)?|fair|somewhat|second)\b")
_STRONG = re.compile(
    r"\b(?:very|fully|entirely|totally|completely|best|excellent|perfect(?:ly)?|strongest|most"
    r"|clearly|correct)\b|<-|←"
)
_TICKED = re.compile(r"[\s:|=.)*-]*[\N{WHITE HEAVY CHECK MARK}✔✓☑]")
_LIMITED = re.compile(r"\b(?:but|only|though|although|yet)\b")
_MARKED = re.compile(
    rf"({ANY})[\"')\]]{{0,3}}[ ]?(?:[:=|.,(-]|->|→){{0,3}}[ ]?"
    r"(?:(\d++(?:\.\d++)?|\.\d++)(?:\s?%|\s?/\s?\d++|\s?points?)?|(\N{WHITE HEAVY CHECK MARK}|[✔✓☑]"
    r"|(?:yes|true|correct|likely|right|high|certain|very likely|best|fully|accept|keep)\b)"
    rf"|(\N{{CROSS MARK}}|[✗✘✖]|(?:no|false|incorrect|unlikely|wrong|low|not at all|none|reject"
    rf"|impossible|(?:second|third|next)\sbest)\b))\)?(?=[ ]*(?:\Z|[,;.|/}}\n(]|{ANY}|p\())"
)
_PAIR = re.compile(
    r"(?P<lead>(?:\A|[\n;,|{\[]|(?<=\d)[ ])[^\w\n(]{0,4}(?:\d{1,2}[.)]\s)?)(?P<key>(?:\d:\d"
    r"|[^\n:=;,|\[\]{}?!]){1,60}?)[ ]?(?:[:=]|→|->|[ ]-[ ]|(?=[ ][✓✗✔✘\u2705\u274c]))[ ]?(?=\S)"
)
_SEPARATOR = re.compile(r"[:=|→✓✗✔✘\u2705\u274c]|->| - ")
_KEY_NOUN = re.compile(r"\A(?:p|option|choice|answer|label|score|prob(?:ability)?)\b(?=.)", re.I)
_FIRST_CELL = re.compile(r"^[ ]?\|([^|\n]{1,60})\|(?=[^\n]*\w)", re.M)
_RULE = re.compile(r"^[\s|:-]+$\n?", re.M)


class Walk(NamedTuple):
    """A list of verdicts.

    Attributes:
        found: The one answer that it calls right, or :data:`OFF_LIST`; None without a list.
        rest: The reply without the list.
    """

    found: int | None
    rest: str


def with_keys(reply: str, number_for: Callable[[str], int | None], names: Sequence[str]) -> str:
    """Write a list of values with the options' own names: "pos=0.6" as "positive: 0.6".

    Args:
        reply: Cleaned reply.
        number_for: Finds the option that a key means.
        names: Of the options, by number.
    """
    if _SEPARATOR.search(reply) is None:
        return reply
    if reply.count("|") > 3 and "\n" in reply:
        reply = _FIRST_CELL.sub(r"|\1:", _upright(reply, number_for))
    pairs = list(_PAIR.finditer(reply))
    if len(pairs) < 2:
        return reply
    found = [number_for(_KEY_NOUN.sub("", pair["key"]).strip(" ()*\"'")) for pair in pairs]
    known = [number for number in found if number is not None]
    if len(known) < 2 or len(set(known)) < len(known) or 2 * len(known) <= len(found):
        return reply
    parts, end = [], 0
    for pair, number in zip(pairs, found, strict=True):
        if number is not None:
            lead = pair["lead"] if pair["lead"][-1:].isspace() else f"{pair['lead']} "
            parts += [reply[end : pair.start()], lead, f"{names[number]}: "]
            end = pair.end()
    return "".join(parts) + reply[end:]


def _upright(reply: str, number_for: Callable[[str], int | None]) -> str:
    """Turn a table that has an option in each column into one that has them in lines."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in _RULE.sub("", reply).split("\n")
        if line.count("|") > 1
    ]
    if len(rows) != 2 or len(rows[0]) != len(rows[-1]):
        return reply
    options = [cell for cell in rows[0] if cell and number_for(cell) is not None]
    if len(options) < 2 or len(options) < len(rows[0]) - 1:
        return reply
    return "\n".join(
        f"{head}: {said}" for head, said in zip(rows[0], rows[-1], strict=True) if head in options
    )


def take_walk(marked: str, *, wanted_is_not: bool = False) -> Walk:
    """Take the list of verdicts out of a marked reply.

    Args:
        marked: The reply.
        wanted_is_not: Whether the question asks which option does *not* hold.
    """
    ranking = _NUMBERED.findall(marked) if "\n" in marked else []
    if len(ranking) > 1 and len({number_of(sign) for sign in ranking}) == len(ranking):
        numbers = [number_of(sign) for sign in ranking]
        if numbers != list(range(len(numbers))):
            return Walk(numbers[0], _NUMBERED.sub("", marked))
    lines = _lines_of(marked, wanted_is_not=wanted_is_not)
    if lines:
        return lines
    parts = _parts_of(marked)
    best = _best_line(parts, wanted_is_not=wanted_is_not) if parts else OFF_LIST
    if best != OFF_LIST:
        return Walk(best, "")
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


def _parts_of(marked: str) -> list[tuple[str, str]]:
    """Return the options of "A: not heard; B: heard" with what is said of each."""
    for between in _BETWEEN:
        parts: list[str] = []
        for part in between.split(marked):
            if parts and not SIGN.search(part):
                parts[-1] += part
            elif _SAYS.search(part) or SIGN.search(part):
                parts.append(part)
        found = [SIGN.findall(part) for part in parts]
        numbers = [
            number_of(signs[0])
            for signs, part in zip(found, parts, strict=True)
            if len({*map(number_of, signs)}) == 1 and _IS_OF_ONE.match(part)
        ]
        if len(numbers) == len(parts) == len(set(numbers)) > 1:
            items = [
                (signs[0], SIGN.sub(" ", part)) for signs, part in zip(found, parts, strict=True)
            ]
            # Each has its verdict, or it is no list of verdicts.
            if all(_value_in(said) or _grade(said) for _, said in items):
                return items
    return []


def _lines_of(marked: str, *, wanted_is_not: bool) -> Walk | None:
    """Read a list with one option a line; None if there is none."""
    lines = marked.split("\n")
    heads = {index: match for index, line in enumerate(lines) if (match := _ITEM.match(line))}
    texts = {
        index: lines[index][: match.start(1)] + lines[index][match.end() :]
        for index, match in heads.items()
    }
    said = [i for i, text in texts.items() if _SAYS.search(text) or _PLUS_OR_MINUS.search(text)]
    if said and len(said) < len(heads) and max(heads) not in said:
        del heads[max(heads)]  # The answer below a list.
    signs = [match[1] for match in heads.values()]
    if len(heads) < 2 or len(set(signs)) == 1:
        return None
    first, second = list(heads)[:2]
    if (number_of(signs[0]) > number_of(signs[1]) and first not in said) or (
        second - first > 1 and not lines[first][heads[first].end() :].strip(" .)*")
    ):
        del heads[first]
        if len(heads) < 2:
            return None
    rest = "\n".join(line for index, line in enumerate(lines) if index not in heads)
    items = [(match[1], texts[index]) for index, match in heads.items()]
    return Walk(_best_line(items, wanted_is_not=wanted_is_not), rest)


def _value_in(line: str) -> re.Match[str] | None:
    """Find the value that a line or the last cell of a row is."""
    cell = _LAST_CELL.split(line.rstrip(" |."))[-1]
    return (
        _VALUE.match(line)
        or _VALUE.match(cell)
        or _VALUE_FIRST.match(line)
        or _VALUE_LAST.search(line[-40:])
    )


def _best_marked(matches: list[re.Match[str]]) -> int:
    if all(match[2] for match in matches):
        return _highest([(number_of(match[1]), match[2]) for match in matches])
    right = {number_of(match[1]) for match in matches if match[3]}
    return right.pop() if len(right) == 1 else OFF_LIST


def _best_line(items: list[tuple[str, str]], *, wanted_is_not: bool) -> int:
    """Find the one option whose line speaks for it most, or that no line speaks against."""
    values = [(sign, match) for sign, rest in items if (match := _value_in(rest))]
    if len(values) == len(items):
        places = all(match[2] for _, match in values)
        return _highest([(number_of(sign), f"{'-' * places}{match[1]}") for sign, match in values])
    grades = [(number_of(sign), _grade(rest)) for sign, rest in items]
    against = [number for number, grade in grades if grade < 0]
    if wanted_is_not and len(items) > 2 and len(against) != len(items) - 1:
        return against[0] if len(against) == 1 else OFF_LIST
    if max(grade for _, grade in grades) > 0:
        return _highest(grades)
    silent = [number for number, grade in grades if grade == 0]
    return silent[0] if len(silent) == 1 and len(items) > 2 else OFF_LIST


_PLUS_OR_MINUS = re.compile(r"(?:(\++)|-++)[\s|.,;]*\Z")


def _grade(said: str) -> int:
    """Return how far a line speaks for its option: -1 against, 0 says nothing, 1 to 4 for it."""
    sign = _PLUS_OR_MINUS.search(said)
    if sign and not _SAYS.search(said):
        return len(sign[1]) if sign[1] else -1
    ticked = _TICKED.match(said)
    if ticked is None and _NEGATIVE.search(said):
        return -1
    if not _POSITIVE.search(said):
        return 0
    grade = 1 if _SLIGHT.search(said) else 3 + (_STRONG.search(said) is not None)
    return max(1, grade - (_LIMITED.search(said) is not None))


def _highest(values: Sequence[tuple[int, str | int]]) -> int:
    """Return the option with the one highest value."""
    numbers = [(float(value), number) for number, value in values]
    top = max(numbers)[0]
    best = {number for value, number in numbers if value == top}
    return best.pop() if len(best) == 1 else OFF_LIST

"""Find options that a reply names by their place: "the third option", "option 2", "the latter"."""

from __future__ import annotations

import re

from emoreal_bench.scoring.reading.caseless import caseless

_WORDS = (
    ("first", "1st", "erste", "première", "premier", "primera", "primeira", "prima", "一", "1"),
    ("second", "2nd", "zweite", "deuxième", "seconde", "segunda", "seconda", "二", "2"),
    ("third", "3rd", "dritte", "troisième", "tercera", "terceira", "terza", "三", "3"),
    ("fourth", "4th", "vierte", "quatrième", "cuarta", "quarta", "四", "4"),
    ("fifth", "5th", "fünfte", "cinquième", "quinta", "五", "5"),
    ("sixth", "6th", "sechste", "sixième", "sexta", "sesta", "六", "6"),
)
_NUMBERS = (
    ("one", "eins", "un", "uno"),
    ("two", "zwei", "deux", "dos"),
    ("three", "drei", "trois", "tres"),
    ("four", "vier", "quatre", "cuatro"),
    ("five", "fünf", "cinq", "cinco"),
    ("six", "sechs", "seis"),
)
_PLACES = {
    word: place
    for names in (_WORDS, _NUMBERS)
    for place, words in enumerate(names)
    for word in words
} | {"last": -1, "letzte": -1, "dernière": -1, "última": -1, "最后一": -1}
_ORDINAL = "|".join(word for words in _WORDS for word in words if word.isascii() and len(word) > 1)
_FOREIGN_ORDINAL = "|".join(word for words in _WORDS for word in words if not word.isdigit())
_NUMBER = "|".join(word for words in _NUMBERS for word in words)
_NAMED = re.compile(
    rf"""
    (?:\bthe\s+very\s+|\bthe\s+|(?:^|[.:])[ ]?)(?P<english>{_ORDINAL}|last)\s+
        (?:answer\s+)?(?:option|choice|alternative)\b(?!s)
    | \b(?:die|der|la|a)\s+(?P<before>{_FOREIGN_ORDINAL}|letzte|dernière|última)\s+
        (?:option|antwort(?:möglichkeit)?|réponse|opción|respuesta|opção|opzione|risposta)\b
    | \b(?:options?|choice|alternative|opción|opção|opzione)\s+
        (?:number\s+|no\.?\s*|nr\.?\s*|\#\s*)?
        (?P<after>{_NUMBER}|[1-6])\b(?![.,]\d|\s+(?:people|seconds|by\b|at\s+a\b|after\b))
    | \banswer\s+(?:number\s+|no\.\s*|\#\s*)(?P<answer>{_NUMBER}|[1-6])\b
    | 第(?P<sign>[一二三四五六1-6])\s*(?:个|個|项|項)?\s*(?:选项|選項|答案|(?=\W*\Z))
    | (?P<last>最后一)(?:个|項|项)\s*(?:选项|選項)?
    | 选项\s*(?P<item>[一二三四五六1-6])
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_HINTS = re.compile(r"option|choice|alternative|number|no\.|#|antwort|respuesta|risposta|opzione")
"""What an ASCII text in lower case that matches holds one of."""
_NUMBER_WORD = re.compile(rf"\b(?:{_NUMBER}|[1-6])\b", re.I)
_LISTED = re.compile(
    rf"\b(?:options|choices)\s+(?:{_NUMBER}|[1-6])"
    rf"(?:\s*(?:,|,?\s*and|,?\s*or|&)\s*(?:{_NUMBER}|[1-6])\b)+",
    re.I,
)
_PAIR = re.compile(
    rf"\bthe\s+({_ORDINAL})\s+(?:and|or)\s+(?:the\s+)?({_ORDINAL}|last)"
    r"\s+(?:options?|choices?|answers?)\b",
    re.I,
)
_AT_START = caseless(
    rf"""
    \W*(?:(?:it'?s|it\ is|definitely|probably|clearly|most\ likely)\s+)?
    (?:(?=the\s|\w+\s+(?:one|answer)\b|\w+\W*\Z)  # "First, the voice" goes through steps.
        (?:the\s+)?(?P<place>{_ORDINAL}|last)(?:\s+(?:one|answer))?
      | (?:the\s+)?(?P<pair>former|latter)(?:\s+one)?
      | number\s+(?P<number>{_NUMBER}|[1-6]))
    (?=\W*\Z|[.,;:!]|\s+(?:because|since|as|is\s+(?:correct|right|the\s+best|most))\b)
    """,
    re.VERBOSE,
)


def with_letters(text: str, letters: tuple[str, ...]) -> str:
    """Write "option B" for "the second option", "option two" or "choice number 2".

    Args:
        text: Cleaned reply.
        letters: Of the options, in their order.
    """

    def letter_of(match: re.Match[str]) -> str:
        letter = _at(match[match.lastgroup or 0], letters)
        line_start = match.group().startswith((".", ":")) and match.group()[0] + " "
        return f"{line_start or ''}option {letter} " if letter else match.group()

    text = _PAIR.sub(lambda match: _both(match, letters), text)
    if not _may_name_places(text):
        return text
    text = _LISTED.sub(lambda match: _spelt(match, letters), text)
    return _NAMED.sub(letter_of, text)


def _may_name_places(text: str) -> bool:
    """Return whether a text can match, for less than it costs to try; most replies cannot."""
    return not text.isascii() or _HINTS.search(text.lower()) is not None


def _both(match: re.Match[str], letters: tuple[str, ...]) -> str:
    """Write two ordinals with one noun as letters: "the first and the third option"."""
    first, second = _at(match[1], letters), _at(match[2], letters)
    return f"option {first} and option {second} " if first and second else match[0]


def _spelt(match: re.Match[str], letters: tuple[str, ...]) -> str:
    """Write the numbers of a list as letters: "options 1 and 4"."""
    return _NUMBER_WORD.sub(lambda number: _at(number[0], letters) or number[0], match[0])


def place_at_start(passage: str, letters: tuple[str, ...]) -> str | None:
    """Find the option that a passage names by place at its beginning: "the last one".

    The former and the latter are options only where there are two.
    """
    match = _AT_START.match(passage)
    if match is None:
        return None
    if match["pair"]:
        return letters[match["pair"].lower() == "latter"] if len(letters) == 2 else None
    return _at(match["place"] or match["number"], letters)


def is_place(reply: str) -> bool:
    """Return whether a reply is nothing but the place of an option."""
    match = _AT_START.match(reply)
    return match is not None and not re.search(r"\w", reply[match.end() :])


def _at(word: str, letters: tuple[str, ...]) -> str | None:
    place = _PLACES[word.lower()] if word.lower() in _PLACES else len(letters)
    return letters[place] if place < len(letters) else None

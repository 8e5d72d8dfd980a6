"""Find options that a reply names by their place: "the third option", "option 2", "the latter"."""

from __future__ import annotations

import re

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
} | {
    "last": -1,
    "final": -1,
    "letzte": -1,
    "dernière": -1,
    "última": -1,
    "最后一": -1,
    "latter": -1,
    "former": 0,
    "첫": 0,
    "두": 1,
    "세": 2,
    "네": 3,
    "다섯": 4,
}
_ORDINAL = "|".join(word for words in _WORDS for word in words if word.isascii() and len(word) > 1)
_FOREIGN_ORDINAL = "|".join(word for words in _WORDS for word in words if not word.isdigit())
_NUMBER = "|".join(word for words in _NUMBERS for word in words)
_PLACE = re.compile(
    rf"""
    \b(?:the\s+(?:very\s+)?)?(?P<english>{_ORDINAL}|last)\s+(?:answer\s+)?(?:option|choice
      |alternative)\b
      (?!s)(?!\s*(?::|is|would\s+be)\s*\W?[A-Z]\b)
    | \b(?:die|der|la|a)\s+(?P<before>{_FOREIGN_ORDINAL}|letzte|dernière|última)\s+
        (?:option|antwort(?:möglichkeit)?|réponse|opción|respuesta|opção|opzione|risposta)\b
    | \b(?:options?|choice|alternative|opción|opção|opzione)\s+
        (?:number\s+|no\.?\s*|nr\.?\s*|\#\s*)?
        (?P<after>{_NUMBER}|[1-6])\b(?![.,]\d|\s+(?:people|seconds|by\b|at\s+a\b|after\b))
    | \banswer\s+(?:number\s+|no\.\s*|\#\s*)(?P<answer>{_NUMBER}|[1-6])\b
    | (?P<jp>[1-6一二三四五六])番目(?:の(?:選択肢|もの))?
    | (?P<ko>첫|두|세|네|다섯)\s?번째(?:\s?(?:보기|선택지|옵션|것))?
    | 第(?P<sign>[一二三四五六1-6])\s*(?:个|個|项|項)?\s*(?:选项|選項|答案|(?=\W*\Z))
    | (?P<last>最后一)(?:个|項|项)\s*(?:选项|選項)?
    | 选项\s*(?P<item>[一二三四五六1-6])
    | (?:[;:]\s|\A\W*+(?:(?:it's|it\ is|definitely|probably|clearly|most\ likely)\s+)?
        |\b(?:is|it's|be|but|pick|choose|select|with|say|for)\s+|\b(?:choice|answer|pick):\s*)
      (?:the\s+(?:(?P<one>{_ORDINAL}|last)(?:\s+(?:one|answer))?|(?P<pair>former|latter)(?:\s+one)?)
        |(?P<bare>{_ORDINAL}|last)\s+one|number\s+(?P<number>{_NUMBER}|[1-6]))
      (?=\W*\Z|[.,;:!]|\s+(?:because|since|as|is\s+(?:correct|right|the\s+best|most))\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HINTS = (
    "option", "choice", "alternative", "number", "no.", "#", "antwort", "respuesta", "risposta",
    "opzione", "opção",
    "réponse", "opción", "选项", "選項", "第", "最后一", "番目", "번째",
    "the f", "the s", "the t", "the l",
    "the 1",
    "the 2", "the 3", "the 4", "the very", " one",
)  # fmt: skip
"""Parts of words of which a text that names a place holds one; most replies hold none."""
_NUMBER_WORD = re.compile(rf"\b(?:{_NUMBER}|[1-6])\b", re.I)
_LISTED = re.compile(
    rf"\b(?:options|choices)\s+(?:{_NUMBER}|[1-6])"
    rf"(?:\s*(?:,\s*(?:and\b)?|and\b|or\b|&)\s*(?:{_NUMBER}|[1-6])\b)++",
    re.I,
)
_PAIR = re.compile(
    rf"\bthe\s+({_ORDINAL})\s+(?:and|or)\s+(?:the\s+)?({_ORDINAL}|last)"
    r"\s+(?:options?|choices?|answers?)\b",
    re.I,
)


def with_letters(text: str, letters: tuple[str, ...]) -> str:
    """Write "option (B)" for "the second option", "option two" or "the latter".

    Args:
        text: Cleaned reply.
        letters: Of the options, in their order.
    """
    lowered = text.lower()
    if not any(hint in lowered for hint in _HINTS):
        return text

    def letter_of(match: re.Match[str]) -> str:
        letter = _at(match[match.lastgroup or 0], letters)
        if letter is None or (match["pair"] and len(letters) != 2):
            return match.group()
        return (
            match.group()[: match.start(match.lastgroup or 0) - match.start()].removesuffix("the ")
            + f" option ({letter}) "
        )

    text = _PAIR.sub(lambda match: _both(match, letters), text)
    text = _LISTED.sub(lambda match: _spelt(match, letters), text)
    return _PLACE.sub(letter_of, text)


def _both(match: re.Match[str], letters: tuple[str, ...]) -> str:
    """Write two ordinals with one noun as letters: "the first and the third option"."""
    first, second = _at(match[1], letters), _at(match[2], letters)
    return f"option ({first}) and option ({second}) " if first and second else match[0]


def _spelt(match: re.Match[str], letters: tuple[str, ...]) -> str:
    """Write the numbers of a list as letters: "options 1 and 4"."""
    return _NUMBER_WORD.sub(lambda number: _at(number[0], letters) or number[0], match[0])


def _at(word: str, letters: tuple[str, ...]) -> str | None:
    place = _PLACES.get(word.lower(), len(letters))
    return letters[place] if place < len(letters) else None

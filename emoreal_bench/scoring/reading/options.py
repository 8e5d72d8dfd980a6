"""The options of one question, prepared for finding them in a reply."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from emoreal_bench.choices import polarity, split_choice, words_of

_LED_BY_HEADING = r"(?:\b(?:options?|choices|answers?)\W{1,4})?"
_BEGUN_LIST = re.compile(r"\A\W*(?:options|choices)\s?:[^\n]*(?:\n\W{0,4}[A-Z][).:][^\n]*)*+", re.I)
_NUMBER_WORDS = """
zero one two three four five six seven eight nine ten
"""
_VALUES = dict.fromkeys(("never", "none", "nobody", "no one", "nothing"), 0)
_VALUES |= {"once": 1, "twice": 2, "thrice": 3, "两": 2}
_VALUES |= {word: value for value, word in enumerate(_NUMBER_WORDS.split())}
_VALUES |= {sign: value for value, sign in enumerate("零一二三四五六七八九十")}
_NUMBER_OR_TIME = re.compile(
    r"(?<![\d.,])\d{1,3}:\d\d\b|(?<![\d.,-])\d{1,6}(?![\d.,:-]*\d)|\b(?:zero|one|two|three|four"
    r"|five|six|seven|eight"
    r"|nine|ten|never|none|nobody|no one|nothing|once|twice|thrice)\b"
    r"|[零一二两三四五六七八九十](?=[个個人次名位种])",
    re.I,
)
_MINUS = re.compile(r"\A[-\N{MINUS SIGN}](?=\d)")
_NUMBERS = re.compile(r" (?:minus )?\d+(?: \d+)? ")


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """The options of one question, equal to no others, for they are keys of many caches.

    Attributes:
        letters: In their order, upper case.
        texts: The texts as :func:`words_of` writes them.
        pairs: Each letter with its text.
        claims: Whether an option says more than one word.
        numbers: Whether all options but one at most are numbers or spans of numbers.
        values: The number or time that each option is; empty if some are none.
    """

    letters: tuple[str, ...]
    texts: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    claims: bool
    numbers: bool
    values: tuple[int, ...]

    @staticmethod
    def parse(choices: tuple[str, ...]) -> Options:
        """Read the options of an item; the same tuple is read once.

        Raises:
            ValueError: If an option does not begin with a letter.
        """
        return _parse(choices)

    def polarity(self) -> tuple[str, str]:
        """Return the letters of the yes and of the no option.

        Raises:
            ValueError: If the options are not one yes and one no.
        """
        found = {polarity(text): letter for letter, text in self.pairs}
        if len(self.letters) != 2 or set(found) != {True, False}:
            raise ValueError(f"the options {' /'.join(self.texts)}are not one yes and one no")
        return found[True], found[False]

    def without_list(self, reply: str) -> str:
        """Leave out the whole list of options, quoted back in its order."""
        if len(reply) > sum(map(len, self.texts)):
            words = words_of(reply)
            if all(text in words for text in self.texts):
                reply = _list_of(self).sub("\n", reply)
        is_begun = "ptions" in reply or "hoices" in reply
        return _BEGUN_LIST.sub("", reply) if is_begun else reply


@lru_cache(maxsize=1024)
def _list_of(options: Options) -> re.Pattern[str]:
    """Return the pattern of all options with their letters, one behind the other."""
    each = (
        rf"[\s(\[*,;/-]{{0,6}}\b{letter}\W{{1,4}}" + r"\W{1,4}".join(map(re.escape, text.split()))
        for letter, text in options.pairs
    )
    return re.compile(_LED_BY_HEADING + r"\b[,;\s]{0,3}(?:and\s|or\s)?".join(each), re.I)


@lru_cache(maxsize=8192)
def _parse(choices: tuple[str, ...]) -> Options:
    split = [(letter, _MINUS.sub("minus ", text)) for letter, text in map(split_choice, choices)]
    # A text without any word, such as a smiley, stands for itself.
    pairs = tuple(
        (letter, said if (said := words_of(text)) != " " else f" {text} ") for letter, text in split
    )
    texts = tuple(text for _, text in pairs)
    claims = any(text.count(" ") > 2 for text in texts)
    numbers = sum(_NUMBERS.fullmatch(text) is not None for text in texts) > max(1, len(texts) - 2)
    found = [values_in(text) for _, text in map(split_choice, choices)]
    values = tuple(value for one in found for value in one)
    if any(len(one) != 1 for one in found) or len(set(values)) < len(values):
        values = ()
    return Options(tuple(letter for letter, _ in pairs), texts, pairs, claims, numbers, values)


def values_in(text: str) -> set[int]:
    """Return the numbers and the times, in seconds, that a text holds: "twice", "0:09", "三个"."""
    return {_value_of(match[0].lower()) for match in _NUMBER_OR_TIME.finditer(text)}


def _value_of(written: str) -> int:
    minutes, colon, seconds = written.partition(":")
    if colon:
        return 60 * int(minutes) + int(seconds)
    return int(written) if written.isdecimal() else _VALUES[written]

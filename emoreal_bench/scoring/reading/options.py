"""The options of one question, prepared for finding them in a reply."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from emoreal_bench.choices import polarity, split_choice, words_of

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
        numbers: Whether all options are numbers or spans of numbers.
    """

    letters: tuple[str, ...]
    texts: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    claims: bool
    numbers: bool

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


@lru_cache(maxsize=8192)
def _parse(choices: tuple[str, ...]) -> Options:
    split = [(letter, _MINUS.sub("minus ", text)) for letter, text in map(split_choice, choices)]
    # A text without any word, such as a smiley, stands for itself.
    pairs = tuple(
        (letter, said if (said := words_of(text)) != " " else f" {text} ") for letter, text in split
    )
    texts = tuple(text for _, text in pairs)
    claims = any(text.count(" ") > 2 for text in texts)
    numbers = all(_NUMBERS.fullmatch(text) for text in texts)
    return Options(tuple(letter for letter, _ in pairs), texts, pairs, claims, numbers)

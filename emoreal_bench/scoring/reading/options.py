"""The options of one question, prepared for finding them in a reply."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from emoreal_bench.choices import split_choice

_NOT_WORD = re.compile(r"[^\w']+")
_BLANKED = {sign: " " for sign in range(128) if _NOT_WORD.match(chr(sign))}


def straight_quotes(text: str) -> str:
    """Write apostrophes as keyboards do."""
    return text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


@lru_cache(maxsize=64)
def words_of(text: str) -> str:
    """Write a text as lower-case words with one space between and around them.

    The spaces around let ``in`` compare whole words.
    """
    if text.isascii():  # The same, for a fraction of the time.
        words = " ".join(text.lower().translate(_BLANKED).split()).strip(" '")
    else:
        words = _NOT_WORD.sub(" ", straight_quotes(text).casefold()).strip(" '")
    return f" {words} " if words else " "


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """The options of one question, equal to no others, for they are keys of many caches.

    Attributes:
        letters: In their order, upper case.
        texts: The texts as :func:`words_of` writes them.
        pairs: Each letter with its text.
    """

    letters: tuple[str, ...]
    texts: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]

    @staticmethod
    def parse(choices: tuple[str, ...]) -> Options:
        """Read the options of an item; the same tuple is read once.

        Raises:
            ValueError: If an option does not begin with a letter.
        """
        return _parse(choices)

    def polarity(self) -> tuple[str, str]:
        """Give the letters of the yes and of the no option.

        Raises:
            ValueError: If the options are not one yes and one no.
        """
        found = {_polarity(text): letter for letter, text in self.pairs}
        if len(self.letters) != 2 or set(found) != {True, False}:
            raise ValueError(f"the options {' /'.join(self.texts)}are not one yes and one no")
        return found[True], found[False]


@lru_cache(maxsize=8192)
def _parse(choices: tuple[str, ...]) -> Options:
    split = [split_choice(choice) for choice in choices]
    pairs = tuple((letter, words_of(text)) for letter, text in split)
    return Options(tuple(x for x, _ in pairs), tuple(text for _, text in pairs), pairs)


def _polarity(text: str) -> bool | None:
    """Say whether an option means yes, by its first yes or no."""
    for word in text.split():
        if word in ("yes", "no"):
            return word == "yes"
    return None

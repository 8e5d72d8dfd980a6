"""The options of one question, prepared for finding them in a reply."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from emoreal_bench.choices import split_choice

_NOT_WORD = re.compile(r"[^\w']+")


def straight_quotes(text: str) -> str:
    """Write apostrophes as keyboards do."""
    return text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


@lru_cache(maxsize=64)
def words_of(text: str) -> str:
    """Write a text as lower-case words with one space between and around them.

    The spaces around let ``in`` compare whole words.
    """
    words = _NOT_WORD.sub(" ", straight_quotes(text).casefold()).strip(" '")
    return f" {words} " if words else " "


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one question.

    Attributes:
        letters: In their order, upper case.
        texts: The texts as :func:`words_of` writes them.
    """

    letters: tuple[str, ...]
    texts: tuple[str, ...]

    @classmethod
    def parse(cls, choices: tuple[str, ...]) -> Self:
        """Read the options of an item; the same tuple is read once.

        Raises:
            ValueError: If an option does not begin with a letter.
        """
        return cls(*_parse(choices))

    def polarity(self) -> tuple[str, str]:
        """Give the letters of the yes and of the no option.

        Raises:
            ValueError: If the options are not one yes and one no.
        """
        found = {_polarity(text): letter for letter, text in self.by_letter()}
        if len(self.letters) != 2 or set(found) != {True, False}:
            raise ValueError(f"the options {' /'.join(self.texts)}are not one yes and one no")
        return found[True], found[False]

    def by_letter(self) -> tuple[tuple[str, str], ...]:
        """Pair each letter with its text."""
        return tuple(zip(self.letters, self.texts, strict=True))


@lru_cache(maxsize=8192)
def _parse(choices: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    pairs = [split_choice(choice) for choice in choices]
    return tuple(letter for letter, _ in pairs), tuple(words_of(text) for _, text in pairs)


def _polarity(text: str) -> bool | None:
    """Say whether an option means yes, by its first yes or no."""
    for word in text.split():
        if word in ("yes", "no"):
            return word == "yes"
    return None

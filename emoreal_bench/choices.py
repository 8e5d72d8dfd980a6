"""Options as data sets write them: a letter and a text, such as ``(A) Yes``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_NOT_WORD = re.compile(r"[^\w']+")
_BLANKED = {sign: " " for sign in range(128) if _NOT_WORD.match(chr(sign))}
_CHOICE = re.compile(r"\s*\(?([A-Za-z])(?:\)[.:]?|[.:])\s*(.*)\Z", re.DOTALL)


def split_choice(choice: str) -> tuple[str, str]:
    """Part an option into its letter, in upper case, and its text.

    Args:
        choice: For example ``"(A) Yes"``, ``"B. No"`` or ``"C) a smile"``.

    Raises:
        ValueError: If it does not begin with a letter that a bracket, a full
            stop or a colon sets apart.
    """
    match = _CHOICE.match(choice)
    if match is None:
        raise ValueError(f"the option {choice!r} does not begin with a letter such as (A)")
    return match.group(1).upper(), match.group(2).strip()


def letters_of(choices: Sequence[str]) -> tuple[str, ...]:
    """Return the letters of options in their order.

    Raises:
        ValueError: As :func:`split_choice`.
    """
    return tuple(split_choice(choice)[0] for choice in choices)


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


_YES_WORDS = "yes oui ja sí sì si sim да 是 是的 有 对 會 会 はい 예 네 evet tak"
_NO_WORDS = "no non nein não nao нет 否 不是 没有 沒有 不对 不会 いいえ 아니요 아니오 nie"
_POLAR = dict.fromkeys(_YES_WORDS.split(), True) | dict.fromkeys(_NO_WORDS.split(), False)


def polarity(text: str) -> bool | None:
    """Return whether the text of an option means yes, by its first yes or no; None without one.

    In other languages than English the option must begin with it.
    """
    words = words_of(text).split()
    for word in words:
        if word in ("yes", "no"):
            return word == "yes"
    return _POLAR.get(words[0]) if words else None

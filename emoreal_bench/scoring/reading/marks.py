"""The signs that stand for possible answers in a marked reply.

Each mention of an answer becomes one private-use character, so that the
patterns of :mod:`.verdicts` are the same for letters, words and texts.
"""

from __future__ import annotations

import re

_FIRST = 0xE000
_PER_KIND = 64
OFF_LIST = _PER_KIND - 1
"""The number of an answer that is not on the list, or of two answers at once."""
LETTER, BARE, WORD, TEXT, WEAK = range(5)
"""How an answer is named: letter set apart, letter alone, yes or no, text, the no of "no tears"."""


def mark(kind: int, number: int) -> str:
    """Return the sign of an answer."""
    return chr(_FIRST + kind * _PER_KIND + number)


def number_of(sign: str) -> int:
    """Return the number of the answer that a sign stands for."""
    return (ord(sign) - _FIRST) % _PER_KIND


def kind_of(sign: str) -> int:
    """Return how a sign names its answer."""
    return (ord(sign) - _FIRST) // _PER_KIND


def any_of(*kinds: int) -> str:
    """Return a pattern for the signs of some kinds."""
    spans = (f"{mark(kind, 0)}-{mark(kind, OFF_LIST)}" for kind in kinds)
    return f"[{''.join(spans)}]"


ANY = any_of(LETTER, BARE, WORD, TEXT, WEAK)
SIGN = re.compile(ANY)
ANY_LETTER = any_of(LETTER, BARE)
REJECTED = any_of(5)
"""What takes the place of a sign that the reply rejects."""


def rejected(sign: str) -> str:
    """Return what takes the place of a sign that the reply rejects."""
    return mark(5, number_of(sign))

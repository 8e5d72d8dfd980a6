"""The letter rules of the authors' evaluator, bug for bug.

``official`` looks whether the gold letter stands anywhere in the reply, so the
article "a" is the answer A, and a reply that names two letters is right for
either. ``official-lenient`` is a second reading that the authors' code holds
and never switches on. Both are described rule by rule in ``docs/metrics.md``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_CHOICE = re.compile(r"\s*\(?([A-Z])\)?[.)]?\s*(.*)", re.IGNORECASE)
_LETTER = re.compile(r"\b[A-Z]\b")
_SMALL_LETTER = re.compile(r"\b[a-z]\b")
_FOLDED = str.maketrans(
    {"\N{LATIN SMALL LETTER DOTLESS I}": "i", "\N{LATIN SMALL LETTER LONG S}": "s"}
)
"""The signs that the original takes for i and s, since it ignores case."""
_OTHER_CHARACTERS = re.compile(r"[^a-z0-9]+")


def names_letter(reply: str, letter: str) -> bool:
    """Return whether a letter stands between word boundaries anywhere in a reply."""
    return letter.upper() in _letters_alone(reply)


def official_polarity(text: str) -> bool | None:
    """Return whether an option counts as yes, by substring: "no, dry eyes" does.

    Args:
        text: Of the option, without its letter.

    Returns:
        True for yes, False for no, None where the original stops.
    """
    lowered = text.lower()
    if "yes" in lowered:
        return True
    return False if "no" in lowered else None


def lenient_answer(reply: str, choices: tuple[str, ...]) -> str | None:
    """Read a reply by the authors' lenient rules.

    Args:
        reply: As the model wrote it.
        choices: As the data set writes them, letter included.

    Returns:
        The letter in upper case, or None.
    """
    options = _lenient_options(choices)
    named = _letters_alone(reply) if reply.isascii() else _letters_of(reply.lower().upper())
    for letter in options.texts:
        if letter in named:
            return letter
    normalised = _normalise(reply)
    words = normalised.split()
    if options.yes is not None and "yes" in words:
        return options.yes
    if options.no is not None and "no" in words:
        return options.no
    return next((x for x, text in options.texts.items() if text and text in normalised), None)


@dataclass(frozen=True, slots=True)
class _LenientOptions:
    texts: dict[str, str]
    yes: str | None
    no: str | None


@lru_cache(maxsize=8192)
def _lenient_options(choices: tuple[str, ...]) -> _LenientOptions:
    """Read options; of several that contain "yes" (or "no"), the last is the yes (no) option.

    Of a text of several lines the original reads the first.
    """
    texts: dict[str, str] = {}
    for choice in choices:
        match = _CHOICE.match(choice)
        if match is not None:
            texts[match.group(1).upper()] = _normalise(match.group(2))
    yes = [letter for letter, text in texts.items() if "yes" in text]
    no = [letter for letter, text in texts.items() if "no" in text]
    return _LenientOptions(texts, yes[-1] if yes else None, no[-1] if no else None)


def _normalise(text: str) -> str:
    return _OTHER_CHARACTERS.sub(" ", text.lower()).strip()


@lru_cache(maxsize=8)
def _letters_alone(reply: str) -> frozenset[str]:
    """Find the letters that stand between word boundaries; both rule books ask for the same."""
    lowered = reply.lower()
    if lowered.isascii():
        return _letters_of(lowered.upper())
    return frozenset(letter.upper() for letter in _SMALL_LETTER.findall(lowered.translate(_FOLDED)))


def _letters_of(capitals: str) -> frozenset[str]:
    return frozenset(_LETTER.findall(capitals))

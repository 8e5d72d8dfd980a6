"""Options as data sets write them: a letter and a text, such as ``(A) Yes``."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
    """Give the letters of options in their order.

    Raises:
        ValueError: As :func:`split_choice`.
    """
    return tuple(split_choice(choice)[0] for choice in choices)

"""What the data sets of bare yes/no questions share."""

from __future__ import annotations

from emoreal_bench.readers.problems import MalformedItem

CHOICES = ("(A) Yes", "(B) No")
"""The options of every yes/no question whose owner writes none."""
_LETTERS = {"yes": "A", "no": "B"}


def gold_letter(answer: str) -> str:
    """Give the letter of an owner's answer.

    Raises:
        MalformedItem: If it is neither yes nor no.
    """
    letter = _LETTERS.get(answer.strip().lower())
    if letter is None:
        raise MalformedItem(f"its answer is {answer!r}; it must be yes or no")
    return letter


def question_text(text: str) -> str:
    """Give a question without surrounding spaces.

    Raises:
        MalformedItem: If it is empty.
    """
    if not text.strip():
        raise MalformedItem("its question is empty")
    return text.strip()

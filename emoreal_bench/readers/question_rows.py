"""What a row of a table of questions says: its options, with letters, and its answer."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from emoreal_bench.choices import polarity, split_choice
from emoreal_bench.file_names import one_form
from emoreal_bench.parsing import UnreadableError, parse_json
from emoreal_bench.readers.records import MalformedItem

MOST_OPTIONS = 26
_BAR = "|"
_MARKER = re.compile(r"(?:^|(?<=[\s,;]))\(?([A-Za-z])(?:\)[.:]?|[.:])\s*")
_LONGEST_LIST = 100_000
"""Characters of a list in one cell."""
_SIGNS = " \t()[].:"
_TRUTHS = {"true": True, "y": True, "false": False, "n": False}
_SHOWN = 200


def cell_text(value: object) -> str:
    """Write a cell as a text: empty for null and NaN, whole numbers without a decimal point."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).strip()


def fold(text: str) -> str:
    """Return a text as texts are compared: in one Unicode form, without case and spaces."""
    return " ".join(one_form(text).split()).casefold()


def read_options(value: object, parted_by: str | None) -> tuple[str, ...]:
    """Return the options of one cell with their letters; none for an empty cell.

    Args:
        value: A list, a mapping of letters to texts, or a text that holds either, or
            options that a bar, a line break or their letters part.
        parted_by: What parts them instead, if the task says so.

    Raises:
        MalformedItem: If it is none of these.
    """
    if isinstance(value, str):
        value = _part(value.strip(), parted_by)
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if not isinstance(value, list | tuple):
        if not cell_text(value):
            return ()
        raise MalformedItem(f"its options are {_short(value)}; write a list, or texts parted by |")
    if any(isinstance(one, Mapping | list | tuple) for one in value):
        raise MalformedItem(f"its options are {_short(value)}; write them as a list of texts")
    return with_letters([cell_text(one) for one in value])


def read_option_cells(cells: Sequence[object]) -> tuple[str, ...]:
    """Return the options that stand in a column each, under the letters of their columns.

    Raises:
        MalformedItem: If one is left out.
    """
    texts = [cell_text(cell) for cell in cells]
    letters = [chr(ord("A") + place) for place in range(len(texts))]
    found = [_letter(text) for text in texts if text]
    if found and found == letters[: len(found)]:
        return with_letters(texts)
    return with_letters(
        [text and f"({letter}) {text}" for letter, text in zip(letters, texts, strict=True)]
    )


def with_letters(texts: Sequence[str]) -> tuple[str, ...]:
    """Put letters before options that have none.

    Raises:
        MalformedItem: If an option before another is empty, or there are too many.
    """
    texts = list(texts)
    while texts and not texts[-1]:
        texts.pop()
    if "" in texts:
        place = texts.index("") + 1
        raise MalformedItem(f"its option {place} is empty, and a later one is not; fill it in")
    if len(texts) > MOST_OPTIONS:
        many = f"it has {len(texts)} options, and there are {MOST_OPTIONS} letters"
        raise MalformedItem(f"{many}; leave some out, or ask an open question")
    if any(_letter(text) is not None for text in texts):
        return tuple(texts)
    return tuple(f"({chr(ord('A') + place)}) {text}" for place, text in enumerate(texts))


def find_letter(
    answer: str, choices: Sequence[str], columns: Sequence[str], first_index: int | None
) -> str:
    """Return the letter of the right option.

    Args:
        answer: Its letter, its text, both, or the name of its column; of a yes/no question also
            a word that means one of the two. Its number, where ``first_index`` is given.
        choices: The options with their letters.
        columns: Of the options, where each has one.
        first_index: The number of the first option, 0 or 1.

    Raises:
        MalformedItem: If it is none of the options.
    """
    lettered = [split_choice(choice) for choice in choices if _letter(choice) is not None]
    if first_index is not None:
        return _by_number(answer, [letter for letter, _ in lettered], first_index)
    letter = answer.strip(_SIGNS).upper()
    if letter in dict(lettered):
        return letter
    texts = [(fold(text), letter) for letter, text in lettered]
    if _letter(answer) is not None:  # "B. a smile": both have to fit.
        letter, text = split_choice(answer)
        if (fold(text), letter) in texts:
            return letter
    named = [letter for text, letter in texts if text == fold(answer)]
    if len(named) > 1:
        both = " and ".join(named)
        raise MalformedItem(f"its answer is the text of the options {both}; write the letter")
    if named:
        return named[0]
    if answer in columns[: len(lettered)]:
        return lettered[columns.index(answer)][0]
    meant = _meaning(answer)
    means = [letter for letter, text in lettered if polarity(text) is meant]
    if meant is not None and len(lettered) == 2 and len(means) == 1:
        return means[0]
    raise MalformedItem(_no_option(answer, choices))


def _no_option(answer: str, choices: Sequence[str]) -> str:
    problem = f"its answer is {_short(answer)}, which is none of its options {', '.join(choices)}"
    if whole_number(answer) is None:
        return f"{problem}; write the letter or the text of one"
    return f"{problem}; if it is a number of an option, say first_index: 0 or 1 in the task"


def _meaning(answer: str) -> bool | None:
    word = fold(answer)
    return _TRUTHS[word] if word in _TRUTHS else polarity(answer)


def means_yes_or_no(answer: str) -> bool:
    """Return whether an answer is a single word for yes or no."""
    return len(answer.split()) == 1 and _meaning(answer) is not None


def _by_number(answer: str, letters: Sequence[str], first: int) -> str:
    number = whole_number(answer)
    if number is None or not first <= number < first + len(letters):
        last = first + len(letters) - 1
        raise MalformedItem(
            f"its answer is {_short(answer)}, and its options are numbered {first} to {last}; "
            "correct it, or first_index in the task"
        )
    return letters[number - first]


def whole_number(text: str) -> int | None:
    """Read a whole number, also as a table with gaps writes it (``2.0``)."""
    match = re.fullmatch(r"(\d{1,9})(?:\.0+)?", text.strip(), re.ASCII)
    return None if match is None else int(match[1])


def _letter(text: str) -> str | None:
    try:
        return split_choice(text)[0]
    except ValueError:
        return None


def _of_mapping(value: Mapping[Any, Any]) -> tuple[str, ...]:
    labels, texts = value.get("label"), value.get("text")
    if isinstance(labels, list) and isinstance(texts, list) and len(labels) == len(texts):
        value = dict(zip(map(cell_text, labels), texts, strict=True))
    letters = [cell_text(key).upper() for key in value]
    if any(len(letter) != 1 or not "A" <= letter <= "Z" for letter in letters):
        raise MalformedItem("its options are a mapping, and not of letters; write a list of texts")
    texts = [cell_text(text) for text in value.values()]
    pairs = sorted(zip(letters, texts, strict=True))
    return tuple(f"({letter}) {text}" for letter, text in pairs if text)


def _part(text: str, parted_by: str | None) -> object:
    """Part the options of one text."""
    if not text:
        return ()
    if parted_by:
        return [part.strip() for part in text.split(parted_by)]
    if text[0] + text[-1] in ("[]", "{}", "()"):
        value = _literal(text)
        if value is not None:
            return value
    if _BAR in text:
        return [part.strip() for part in text.split(_BAR)]
    parts = _by_letters(text) or [line.strip() for line in text.splitlines() if line.strip()]
    if len(parts) > 1:
        return parts
    raise MalformedItem(
        f"its options are one text, {_short(text)}; part them with |, or say parted_by in the task"
    )


def _literal(text: str) -> object:
    """Read a list or a mapping as JSON writes it, or as Python does; None if it is neither."""
    if len(text) > _LONGEST_LIST:
        return None
    try:
        return parse_json(text)
    except UnreadableError:
        pass
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, list | tuple | dict) else None


def _by_letters(text: str) -> list[str]:
    """Part a text before each letter that follows the one before it, from A on."""
    starts: list[int] = []
    for match in _MARKER.finditer(text):
        if match[1].upper() == chr(ord("A") + len(starts)) and (starts or match.start() == 0):
            starts.append(match.start())
    parts = [text[start:end].strip() for start, end in pairwise([*starts, None])]
    for sign in ",;":
        if parts and all(part.endswith(sign) for part in parts[:-1]):
            return [part.rstrip(sign) for part in parts]
    return parts


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

"""Reads JSON and YAML that others wrote: a value, or one kind of error that says what is wrong.

The libraries raise a dozen kinds of errors for text that is not what it should be (of nesting,
of digits, of dates, of encodings), and a few lines of YAML can stand for more values than a
memory holds. Whoever reads a file from outside reads it here and adds the file and the remedy.
"""

from __future__ import annotations

import json
import math
import re
from codecs import BOM_UTF8
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NoReturn

_MOST_VALUES = 1_000_000
"""Of a YAML file with its repetitions written out; a task file has a few hundred."""
_VALUE_CHARACTERS = 100
"""A longer text counts as several values: repeated, it fills a memory as well as many do."""
_LONGEST_NUMBER_KEY = 18
"""Python finds all multiples of 2**61 - 1 at one place of a dictionary, one after the other."""
_YAML_TAG = "tag:yaml.org,2002:"
_TOO_DEEP = "it is nested too deep"
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_MOST_DIGITS = 300
"""Of a whole number; one of more is no longer a number to compute with."""
_DEEPEST = 100
"""Lists in lists in lists. Whoever takes a value that was read here may walk it in recursion."""


class UnreadableError(ValueError):
    """A text is not what it should be; its words complete the sentence "The file ..."."""


def parse_json(
    content: str | bytes, object_pairs: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """Read one JSON value.

    Args:
        content: A text, or its bytes in UTF-8, with or without a byte order mark.
        object_pairs: Makes an object of its pairs of keys and values; a dict if None.

    Raises:
        UnreadableError: If it is not JSON, or uses numbers that JSON does not have.
    """
    decoder = _DECODER if object_pairs is None else _make_decoder(object_pairs)
    try:
        # Python's codec for a byte order mark is written in Python, and a log has many lines.
        text = content if isinstance(content, str) else content.removeprefix(BOM_UTF8).decode()
        value = decoder.decode(text)
    except UnreadableError:
        raise
    except json.JSONDecodeError as error:
        problem = f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise UnreadableError(problem) from error
    except UnicodeDecodeError as error:
        raise UnreadableError("is not JSON: it is not written in UTF-8") from error
    except RecursionError as error:
        raise UnreadableError(f"is not JSON that anybody means: {_TOO_DEEP}") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise UnreadableError(f"holds a number that cannot be read: {error}") from error
    if text.count("[") + text.count("{") > _DEEPEST and _is_deep(value):
        raise UnreadableError(f"is not JSON that anybody means: {_TOO_DEEP}")
    return value


def _make_decoder(
    object_pairs: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> json.JSONDecoder:
    # Raw control characters in texts are no reason to refuse a file that says what it means.
    return json.JSONDecoder(
        strict=False,
        parse_constant=_refuse,
        parse_float=_finite,
        parse_int=_whole,
        object_pairs_hook=object_pairs,
    )


def _refuse(name: str) -> NoReturn:
    raise UnreadableError(f"is not JSON, which has no {name}")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UnreadableError(f"is not JSON that anybody means: {text} is too large")
    return number


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"it has {len(text):,} digits")
    return int(text)


_DECODER = _make_decoder()


def _is_deep(value: Any) -> bool:
    """Return whether a value is nested deeper than the code behind a parser follows."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list | tuple)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def parse_yaml(content: str | bytes) -> Any:
    """Read one YAML document of plain values.

    Args:
        content: A text, or its bytes in UTF-8 or UTF-16.

    Raises:
        UnreadableError: If it is not YAML, asks for anything but plain values, or stands
            for more of them than a configuration has.
    """
    import yaml

    try:
        value = yaml.load(content, _plain_loader())  # noqa: S506 - a safe loader
    except UnreadableError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
        raise UnreadableError(f"is not YAML: {error.problem}{where}") from error
    except (
        yaml.YAMLError,
        ValueError,  # !!int x, a date that is none
        LookupError,  # !!bool x
        AttributeError,  # !!timestamp x
        TypeError,
        OverflowError,
        RecursionError,  # [[[[[...
    ) as error:
        raise UnreadableError(f"is not YAML: {type(error).__name__}: {error}") from error
    if _is_deep(value):
        raise UnreadableError(f"is not YAML that anybody means: {_TOO_DEEP}")
    return value


@cache
def _plain_loader() -> Any:
    import yaml

    class PlainLoader(yaml.SafeLoader):
        """Counts the values, those that an alias repeats as well, and makes plain ones only."""

        def __init__(self, stream: str | bytes):
            super().__init__(stream)
            self.values = 0
            self.sizes: dict[str, int] = {}

        compose_node = _compose

    loader: Any = PlainLoader
    for kind, check in _YAML_CHECKS.items():
        make = getattr(yaml.SafeLoader, f"construct_yaml_{kind}")
        loader.add_constructor(f"{_YAML_TAG}{kind}", partial(_construct, make, check))
    for kind in ("binary", "set", "omap", "pairs"):  # no values that JSON has too
        loader.add_constructor(f"{_YAML_TAG}{kind}", loader.construct_undefined)
    return loader


def _compose(loader: Any, parent: Any, index: Any) -> Any:
    import yaml

    event = loader.peek_event()
    anchor: str | None = event.anchor if isinstance(event, yaml.NodeEvent) else None
    before = loader.values
    is_alias = isinstance(event, yaml.AliasEvent)
    if is_alias and anchor in loader.anchors and anchor not in loader.sizes:
        raise UnreadableError(f"is not YAML: *{anchor} stands for what it is a part of")
    loader.values += loader.sizes.get(anchor or "", 1) if is_alias else 1
    if isinstance(event, yaml.ScalarEvent):
        loader.values += len(event.value) // _VALUE_CHARACTERS
    if loader.values > _MOST_VALUES:
        raise UnreadableError(f"stands for more than {_MOST_VALUES:,} values")
    node = yaml.SafeLoader.compose_node(loader, parent, index)
    if anchor is not None and not is_alias:
        loader.sizes[anchor] = loader.values - before
    if isinstance(node, yaml.MappingNode) and not is_alias:
        _check_keys([key for key, _ in node.value if isinstance(key, yaml.ScalarNode)])
    return node


def _check_keys(keys: list[Any]) -> None:
    """Refuse keys that cost much to compare, and one that comes twice: one value would be lost."""
    seen = set()
    for key in keys:
        if key.tag == f"{_YAML_TAG}int" and len(key.value) > _LONGEST_NUMBER_KEY:
            raise UnreadableError(f"has a number of {len(key.value):,} digits as a key")
        if (key.tag, key.value) in seen and key.tag != f"{_YAML_TAG}merge":
            mark = key.start_mark
            raise UnreadableError(
                f"says {key.value[:100]!r} twice, the second time at line {mark.line + 1}, column "
                f"{mark.column + 1}"
            )
        seen.add((key.tag, key.value))


def _construct(
    make: Callable[[Any, Any], Any], check: Callable[[Any], None], loader: Any, node: Any
) -> Any:
    # Numbers to the base of 60 (1:30:00) take the square of their length to be read.
    if node.tag == f"{_YAML_TAG}int" and len(node.value) > 2 * _MOST_DIGITS:
        _refuse_digits()
    value = make(loader, node)
    check(value)
    return value


def _refuse_half_characters(text: str) -> None:
    if _HALF_CHARACTER.search(text):
        raise UnreadableError("holds half a character")


def _refuse_date(date: object) -> NoReturn:
    raise UnreadableError(f"holds the date {date}, which is to stand in quotation marks")


def _refuse_endless(number: float) -> None:
    if not math.isfinite(number):
        raise UnreadableError(f"holds {number}, which is no number")


def _refuse_many_digits(number: int) -> None:
    if abs(number) >= 10**_MOST_DIGITS:
        _refuse_digits()


def _refuse_digits() -> NoReturn:
    raise UnreadableError(f"holds a number of more than {_MOST_DIGITS} digits")


_YAML_CHECKS: dict[str, Callable[[Any], None]] = {
    "str": _refuse_half_characters,
    "timestamp": _refuse_date,
    "float": _refuse_endless,
    "int": _refuse_many_digits,
}

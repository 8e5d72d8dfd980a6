"""Reads JSON and YAML that others wrote: a value, or one kind of error that says what is wrong.

The libraries raise a dozen kinds of errors for text that is not what it should be (of nesting,
of digits, of dates, of encodings), and a few lines of YAML can stand for more values than a
memory holds. Whoever reads a file from outside reads it here and adds the file and the remedy.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

_MOST_VALUES = 1_000_000
"""Of a YAML file with its repetitions written out; a task file has a few hundred."""


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
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        # Raw control characters in texts are no reason to refuse a file that says what it means.
        return json.loads(
            text, strict=False, parse_constant=_refuse, object_pairs_hook=object_pairs
        )
    except json.JSONDecodeError as error:
        problem = f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise UnreadableError(problem) from error
    except UnicodeDecodeError as error:
        raise UnreadableError("is not JSON: it is not written in UTF-8") from error
    except RecursionError as error:
        raise UnreadableError("is not JSON that anybody means: it is nested too deep") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise UnreadableError(f"holds a number that cannot be read: {error}") from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


def parse_yaml(content: str | bytes) -> Any:
    """Read one YAML document of plain values.

    Args:
        content: A text, or its bytes in UTF-8 or UTF-16.

    Raises:
        UnreadableError: If it is not YAML, asks for anything but plain values, or stands
            for more of them than a configuration has.
    """
    import yaml

    class BoundedLoader(yaml.SafeLoader):
        """Counts the values, those that an alias repeats as well."""

        def __init__(self, stream: str | bytes):
            super().__init__(stream)
            self.values = 0
            self.sizes: dict[str, int] = {}

        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.peek_event()  # type: ignore[no-untyped-call]
            anchor: str | None = event.anchor if isinstance(event, yaml.NodeEvent) else None
            before = self.values
            is_alias = isinstance(event, yaml.AliasEvent)
            self.values += self.sizes.get(anchor or "", 1) if is_alias else 1
            if self.values > _MOST_VALUES:
                raise UnreadableError(f"stands for more than {_MOST_VALUES:,} values")
            node = super().compose_node(parent, index)
            if anchor is not None and not is_alias:
                self.sizes[anchor] = self.values - before
            return node

    try:
        return yaml.load(content, BoundedLoader)  # noqa: S506 - a safe loader
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

"""Arguments of an adapter: ``--model-arg key=value``, validated by its own schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.hiding import holds_key


class AdapterArguments(Record):
    """Base of every adapter's schema: frozen, and unknown names are refused."""


Arguments = TypeVar("Arguments", bound=AdapterArguments)


def parse_arguments(schema: type[Arguments], arguments: Mapping[str, str], model: str) -> Arguments:
    """Turn the texts of the command line into the adapter's arguments.

    Args:
        schema: The adapter's schema.
        arguments: Name to value, as written by the user.
        model: The model's name, for the error.

    Raises:
        UsageError: Names each wrong argument, what it got and what is valid; or the
            argument that holds a key or a zero byte.
    """
    refuse_keys(arguments, model)
    refuse_zero_bytes(arguments, model)
    try:
        return schema.model_validate(dict(arguments))
    except ValidationError as error:
        problems = "; ".join(
            _problem(_name_of(detail), arguments, detail["type"], detail["msg"])
            for detail in error.errors()
        )
        raise UsageError(
            f"{model}: {problems}.", remedy=f"Valid arguments: {_describe(schema)}."
        ) from error


def refuse_zero_bytes(arguments: Mapping[str, Any], model: str) -> None:
    """Refuse a text that cannot be the name of a file.

    Args:
        arguments: Name to value.
        model: The model's name, for the error.

    Raises:
        UsageError: Names the argument.
    """
    for name, value in arguments.items():
        if isinstance(value, str) and "\0" in value:
            raise UsageError(
                f"{model}: the argument '{name}' holds a zero byte, which no name has.",
                remedy="Write it without.",
            )


def refuse_keys(arguments: Mapping[str, Any], model: str) -> None:
    """Refuse arguments that hold a key, because arguments are written into records.

    Args:
        arguments: Name to value.
        model: The model's name, for the error.

    Raises:
        UsageError: Names the argument and does not repeat what it holds.
    """
    for name, value in arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        if holds_key(text) or holds_key(f"{name}={text}"):
            raise UsageError(
                f"{model}: the argument '{name}' holds a key, which would end up in records.",
                remedy="Leave it out. Keys are read from the environment, or else from a keyring; "
                "`emoreal-bench doctor --model` says from which variable.",
            )


def _name_of(detail: ErrorDetails) -> str:
    return str(next(iter(detail["loc"]), ""))


def _problem(name: str, arguments: Mapping[str, str], kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return f"unknown argument '{name}'"
    if kind == "missing":
        return f"argument '{name}' is missing"
    return f"argument '{name}' got '{arguments.get(name)}' ({message})"


def _describe(schema: type[AdapterArguments]) -> str:
    names = [
        name if field.is_required() else f"{name} (default {field.default})"
        for name, field in schema.model_fields.items()
    ]
    return ", ".join(names) or "none"

"""The base of everything that is read from a file or written to one."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Count = Annotated[int, Field(ge=0, lt=2**53)]
"""A number of things, such as can be computed with: exact as a float too."""


def refuse_yes_and_no(value: object) -> object:
    """Refuse yes and no where a number is meant, which Python takes for 1 and 0.

    Raises:
        ValueError: If the value is one of them.
    """
    if isinstance(value, bool):
        raise ValueError("a number is meant, not yes or no")
    return value


def argument_text(value: object) -> object:
    """Return a number, or yes and no, as it is typed on a command line; all else as it is.

    YAML reads ``true`` and ``3`` as such, where ``--model-arg`` takes texts.
    """
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


ArgumentText = Annotated[
    str, BeforeValidator(argument_text, json_schema_input_type=str | int | float | bool)
]
"""The value of an argument, which may be written as a number, or as true and false."""


class Record(BaseModel):
    """An immutable record that refuses unknown keys and numbers that JSON does not have."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        allow_inf_nan=False,
    )

"""The base of everything that is read from a file or written to one."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, lt=2**53)]
"""A number of things, such as can be computed with: exact as a float too."""


class Record(BaseModel):
    """An immutable record that refuses unknown keys and numbers that JSON does not have."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        allow_inf_nan=False,
    )

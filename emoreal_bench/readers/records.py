"""Objects of a JSON list, validated one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Item
from emoreal_bench.readers.json_list import iterate_json_list
from emoreal_bench.readers.problems import MalformedItem, Problems


class Record(BaseModel):
    """One object of an annotation file; keys that a reader does not use are let be."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


RecordT = TypeVar("RecordT", bound=Record)


def read_items(
    path: Path, model: type[RecordT], make_items: Callable[[int, RecordT], Iterable[Item]]
) -> list[Item]:
    """Turn the objects of a JSON list into items.

    Args:
        path: The file.
        model: What an object holds.
        make_items: Turns the object of a number, counted from 1, into its
            items, or raises :class:`MalformedItem`.

    Raises:
        DataError: If the file is not a JSON list or holds no items; with every
            malformed object if there is one.
    """
    remedy = "Get the file again from its owner, or correct these items."
    problems = Problems(path, remedy)
    items: list[Item] = []
    for number, value in enumerate(iterate_json_list(path), start=1):
        try:
            items += make_items(number, model.model_validate(value))
        except ValidationError as error:
            problems.add(f"number {number}", _explain(error))
        except MalformedItem as error:
            problems.add(f"number {number}", str(error))
    problems.raise_if_any()
    if not items:
        raise DataError("The list holds no items.", where=str(path), remedy=remedy)
    return items


def _explain(error: ValidationError) -> str:
    told = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "missing":
            told.append(f"it lacks {key}")
        elif not key:
            told.append("it is not an object")
        else:
            told.append(f"its {key} is wrong: {problem['msg'].lower()}")
    return "; ".join(told)

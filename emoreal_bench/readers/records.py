"""What annotation files hold: their objects, read one by one, and all that is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TextIO, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Item, id_text
from emoreal_bench.printable import plain_text
from emoreal_bench.readers.parquet import iterate_parquet
from emoreal_bench.readers.tables import read_table, told_errors
from emoreal_bench.text_files import open_text

CHOICES = ("(A) Yes", "(B) No")
"""The options of every yes/no question whose owner writes none."""
_LETTERS = {"yes": "A", "no": "B"}
_SHOWN = 10
_CHUNK = 1 << 18
_SKIPPED = " \t\r\n,"


class MalformedItem(Exception):  # noqa: N818 - it names the item's state; it never leaves a reader
    """What is wrong with one item; a reader collects these in :class:`Problems`."""


class Problems:
    """The problems found in one file.

    Args:
        path: The file.
        remedy: What to do about them.
    """

    def __init__(self, path: Path, remedy: str):
        self._path = path
        self._remedy = remedy
        self._lines: list[str] = []
        self._count = 0

    def add(self, item: str, problem: str) -> None:
        """Note one problem of one item (its id, or its place in the file)."""
        self.add_line(f"item {item}", problem)

    def add_line(self, where: str, problem: str) -> None:
        """Note one problem, and where it is."""
        self._count += 1
        if self._count <= _SHOWN:
            self._lines.append("  " + plain_text(f"{where}: {problem}", limit=500))

    def raise_if_any(self) -> None:
        """Raise one error that names the file and its first problems.

        Raises:
            DataError: If there are any.
        """
        if not self._count:
            return
        if self._count > _SHOWN:
            self._lines.append(f"  and {self._count - _SHOWN} more")
        noun = "problem" if self._count == 1 else "problems"
        raise DataError(
            f"{self._count} {noun} found.\n" + "\n".join(self._lines),
            where=str(self._path),
            remedy=self._remedy,
        )


def gold_letter(answer: str) -> str:
    """Return the letter of an owner's answer.

    Raises:
        MalformedItem: If it is neither yes nor no.
    """
    letter = _LETTERS.get(answer.strip().lower())
    if letter is None:
        raise MalformedItem(f"its answer is {answer!r}; it must be yes or no")
    return letter


def question_text(text: str) -> str:
    """Return a question without surrounding spaces.

    Raises:
        MalformedItem: If it is empty.
    """
    if not text.strip():
        raise MalformedItem("its question is empty")
    return text.strip()


class Record(BaseModel):
    """One object of an annotation file; keys that a reader does not use are let be."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


ItemId = Annotated[str, BeforeValidator(lambda value: id_text(value) or value)]
"""An id in a record, which may be a number, 0 too."""

RecordT = TypeVar("RecordT", bound=Record)


def read_items(
    path: Path, model: type[RecordT], make_items: Callable[[int, RecordT], Iterable[Item]]
) -> list[Item]:
    """Turn the rows or objects of an annotation file into items.

    Args:
        path: The file.
        model: What an object holds.
        make_items: Turns the object of a number, counted from 1, into its
            items, or raises :class:`MalformedItem`.

    Raises:
        DataError: If the file cannot be read or holds no items; with every
            malformed object if there is one.
    """
    remedy = "Get the file again from its owner, or correct these items."
    problems = Problems(path, remedy)
    items: list[Item] = []
    for number, (place, value) in enumerate(iterate_records(path), start=1):
        try:
            items += make_items(number, model.model_validate(value))
        except ValidationError as error:
            problems.add(place, _explain(error))
        except MalformedItem as error:
            problems.add(place, str(error))
    problems.raise_if_any()
    if not items:
        raise DataError("The file holds no items.", where=str(path), remedy=remedy)
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


def iterate_records(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the place and the value of every row or object of a file.

    Args:
        path: A table (``.csv``, ``.tsv``, ``.xlsx``, ``.parquet``), JSON lines (``.jsonl``,
            ``.ndjson``) or a JSON list.

    Raises:
        DataError: If the file cannot be read as what its name says; the message
            gives the line.
        MissingExtraError: If the library that reads such tables is not installed.
    """
    match path.suffix.lower():
        case ".csv" | ".tsv" | ".xlsx":
            yield from ((f"on line {row.line}", row.cells) for row in read_table(path))
        case ".parquet":
            for number, record in enumerate(iterate_parquet(path), start=1):
                yield f"in row {number}", record
        case ".jsonl" | ".ndjson":
            # A line ends at a line feed: other line breaks may stand inside a text.
            with told_errors(path), open_text(path) as file:
                for number, line in enumerate(file, start=1):
                    if line.strip():
                        yield f"on line {number}", _read_line(line, number, path)
        case _:
            for number, value in enumerate(iterate_json_list(path), start=1):
                yield f"number {number}", value


def _read_line(line: str, number: int, path: Path) -> Any:
    try:
        return json.loads(line, strict=False)
    except (ValueError, RecursionError) as error:
        raise _not_valid(path, number, error) from error


def _not_valid(path: Path, line: int, error: ValueError | RecursionError) -> DataError:
    # Beside what is no JSON: numbers of thousands of digits, and lists in lists in lists.
    reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    return DataError(
        f"The JSON is not valid at line {line}: {reason}.",
        where=str(path),
        remedy="The file may be cut off; get it again from its owner.",
    )


def iterate_json_list(path: Path) -> Iterator[Any]:
    """Yield the values of the JSON list that a file holds, in order.

    Args:
        path: A file in a Unicode encoding, with or without a byte order mark.

    Raises:
        DataError: If the file cannot be read, is in another encoding, or is not a
            JSON list; the message gives the line.
    """
    with told_errors(path), open_text(path) as file:
        yield from _values(file, path)


def _values(file: TextIO, path: Path) -> Iterator[Any]:
    decoder = json.JSONDecoder(strict=False)
    buffer = file.read(_CHUNK).lstrip()
    if not buffer.startswith("["):
        raise DataError(
            "The file is not a JSON list.", where=str(path), remedy="It must begin with '['."
        )
    position, lines_before, size = 1, 0, _CHUNK
    while True:
        while position < len(buffer) and buffer[position] in _SKIPPED:
            position += 1
        if position < len(buffer) and buffer[position] == "]":
            _refuse_rest(buffer[position + 1 :] + file.read(), path)
            return
        try:
            value, position = decoder.raw_decode(buffer, position)
        except json.JSONDecodeError as error:
            # A value may only be cut off by the end of the buffer: read on, and
            # read twice as much each time so that the cost stays linear.
            more = file.read(size)
            if not more:
                line = lines_before + buffer.count("\n", 0, error.pos) + 1
                raise _not_valid(path, line, error) from error
            lines_before += buffer.count("\n", 0, position)
            buffer, position, size = buffer[position:] + more, 0, size * 2
        except (ValueError, RecursionError) as error:
            line = lines_before + buffer.count("\n", 0, position) + 1
            raise _not_valid(path, line, error) from error
        else:
            yield value
            size = _CHUNK


def _refuse_rest(rest: str, path: Path) -> None:
    if rest.strip():
        raise DataError("There is more text after the end of the JSON list.", where=str(path))

"""Files of preference pairs: read, checked to the line, and written whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from emoreal_bench.catalog import explain
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import id_text
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.identity import canonical_json, hash_json
from emoreal_bench.parsing import parse_json
from emoreal_bench.record.files import write_atomically
from emoreal_bench.text_files import number_lines, read_text

_REMEDY = "docs/preferences.md describes the file; `emoreal-bench prefs build` writes one."


def read_pairs(path: Path) -> tuple[PreferencePair, ...]:
    """Read a file of pairs: JSON lines of this project, or the JSON list of the paper's authors.

    Args:
        path: The file. A list of objects is read as the authors' format.

    Raises:
        DataError: If the file cannot be read, is empty, or a line is not a pair.
    """
    text = read_text(path)
    if text.lstrip().startswith("["):
        from emoreal_bench.preferences.released import read_released

        pairs = read_released(text, path)
    else:
        pairs = tuple(_read_lines(text, path))
    if not pairs:
        raise DataError("There is no pair in the file.", where=str(path), remedy=_REMEDY)
    _check_unique(pairs, path)
    return pairs


def write_pairs(pairs: Iterable[PreferencePair], path: Path) -> None:
    """Write pairs as JSON lines; a reader sees the old file or the new one.

    Raises:
        RunError: If the system refuses.
    """
    write_atomically(path, (f"{canonical_json(pair_record(pair))}\n".encode() for pair in pairs))


def hash_pairs(pairs: Sequence[PreferencePair]) -> str:
    """Hash the pairs in their order, as 64 hexadecimal digits; clips count by their paths."""
    return hash_json([pair_record(pair) for pair in pairs])


def pair_record(pair: PreferencePair) -> dict[str, Any]:
    """Return a pair as the JSON object of its line; what it does not have has no key."""
    return pair.model_dump(mode="json", exclude_none=True)


def _read_lines(text: str, path: Path) -> Iterator[PreferencePair]:
    for number, line in number_lines(text):
        where = f"{path}, line {number}"
        try:
            record = parse_json(line)
        except ValueError as error:
            raise DataError(f"This {error}.", where=where, remedy=_REMEDY) from error
        if isinstance(record, dict) and (name := id_text(record.get("id"))) is not None:
            record["id"] = name
        try:
            yield PreferencePair.model_validate(record)
        except ValidationError as error:
            raise DataError(
                f"This is not a pair:\n{explain(error)}", where=where, remedy=_REMEDY
            ) from error


def _check_unique(pairs: Sequence[PreferencePair], path: Path) -> None:
    seen: set[str] = set()
    for pair in pairs:
        if pair.id in seen:
            raise DataError(
                f"The id '{pair.id}' is given twice.",
                where=str(path),
                remedy="Give each pair an id of its own; what is kept of a pair is kept by it.",
            )
        seen.add(pair.id)

"""Reads JSON records whose files hold a checksum of everything else in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.identity import checksum


def read_record(path: Path, remedy: str) -> dict[str, Any]:
    """Read the JSON object of a file.

    Args:
        path: The file.
        remedy: How to get it back, should it be damaged.

    Raises:
        FileNotFoundError: If there is no such file.
        RunError: If it cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_bytes(), parse_constant=_refuse_number)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RunError(f"The file cannot be read: {error.strerror}.", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        problem = f"The file is damaged, it is not JSON: {error}."
        raise RunError(problem, where=str(path), remedy=remedy) from error
    if not isinstance(content, dict):
        problem = "The file is damaged: it does not hold a JSON object."
        raise RunError(problem, where=str(path), remedy=remedy)
    return content


def unsealed(content: Mapping[str, Any], path: Path, remedy: str) -> dict[str, Any]:
    """Return a record without its checksum; one of earlier versions has none.

    Args:
        content: Of the file.
        path: The file.
        remedy: How to get it back, should it not be as it was written.

    Raises:
        RunError: If it was changed after it was written.
    """
    try:
        is_whole = content.get("checksum") in (None, checksum(content))
    except ValueError:  # an infinite number
        is_whole = False
    if not is_whole:
        raise RunError(
            "The file was changed after it was written: its checksum does not fit.",
            where=str(path),
            remedy=remedy,
        )
    return {name: value for name, value in content.items() if name != "checksum"}


def _refuse_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")

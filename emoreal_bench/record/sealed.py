"""Reads JSON records whose files hold a checksum of everything else in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.identity import canonical_json, check_plain_file, checksum
from emoreal_bench.parsing import UnreadableError, parse_json


def read_record(path: Path, remedy: str) -> dict[str, Any]:
    """Read the JSON object of a file.

    Args:
        path: The file.
        remedy: How to get it back, should it be damaged.

    Raises:
        FileNotFoundError: If there is no such file; NotADirectoryError where its folder is none.
        RunError: If it cannot be read or holds something else.
    """
    try:
        check_plain_file(path)
        content = parse_json(path.read_bytes())
        canonical_json(content).encode()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise RunError(f"The file cannot be read: {error.strerror}.", where=str(path)) from error
    except UnicodeEncodeError as error:
        problem = "The file is damaged: it holds half a character."
        raise RunError(problem, where=str(path), remedy=remedy) from error
    except UnreadableError as error:
        problem = f"The file is damaged: it {error}."
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
    if content.get("checksum") not in (None, checksum(content)):
        raise RunError(
            "The file was changed after it was written: its checksum does not fit.",
            where=str(path),
            remedy=remedy,
        )
    return {name: value for name, value in content.items() if name != "checksum"}

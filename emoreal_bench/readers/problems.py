"""Collects what is wrong with a data set, so that a user mends it in one go."""

from __future__ import annotations

from pathlib import Path

from emoreal_bench.contracts.errors import DataError

_SHOWN = 10


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
        self._count += 1
        if self._count <= _SHOWN:
            self._lines.append(f"  item {item}: {problem}")

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

"""What the fuzz suite knows of one parser of outside input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emoreal_bench.contracts.errors import EmorealError


@dataclass(frozen=True)
class Parser:
    """A way in for what others wrote.

    Attributes:
        name: In tests and in the record.
        form: Which of ``mutation.FORMS`` its files have.
        make: Makes sound files below an empty folder, with the project's own writers where
            there are any; returns the one that is broken.
        read: Reads that file, and everything that is computed from what it holds.
        covers: The functions that read, ``module:function``, as the list of parsers has them.
        refusals: The errors that it may end in.
        settle: What somebody does who means the broken file: makes checksums elsewhere fit.
        place: What an error names where it names no file.
        is_slow: Whether the long form gives it its least share of the inputs.
    """

    name: str
    form: str
    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    covers: tuple[str, ...]
    refusals: tuple[type[Exception], ...] = (EmorealError,)
    settle: Callable[[Path], object] | None = None
    place: str = ""
    is_slow: bool = False


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file, its folder too."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def each(*readers: Callable[[], object]) -> None:
    """Read in several ways; a way that refuses keeps none of the others from being tried.

    Raises:
        EmorealError: The first one.
    """
    first: EmorealError | None = None
    for read in readers:
        try:
            read()
        except EmorealError as error:
            first = first or error
    if first is not None:
        raise first

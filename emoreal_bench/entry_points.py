"""What other packages add by entry points; one that is broken is named and costs only itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from traceback import extract_tb
from typing import TypeVar

from emoreal_bench.contracts.errors import EmorealError, UsageError

T = TypeVar("T")

_logger = logging.getLogger(__name__)


def owner_of(entry: EntryPoint) -> str:
    """Return the name and version of the package that brings an entry point."""
    if entry.dist is None:
        return entry.value.partition(":")[0].partition(".")[0]
    return f"{entry.dist.name} {entry.dist.version}"


def load_entry_point(entry: EntryPoint) -> object:
    """Import what an entry point names.

    Raises:
        UsageError: If the import fails, for whatever reason.
    """
    owner = owner_of(entry)
    try:
        added: object = entry.load()
    except KeyboardInterrupt:
        raise
    # A module may end the program while it is imported, or raise what is no Exception.
    except BaseException as error:
        raise UsageError(
            f"'{entry.name}' of the package {owner} cannot be imported: "
            f"{type(error).__name__}: {error}",
            where=entry.value,
            remedy=f"Fix or uninstall {owner}.",
        ) from error
    return added


def load_group(
    entries: Iterable[EntryPoint], load: Callable[[EntryPoint], T]
) -> tuple[dict[str, T], dict[str, UsageError]]:
    """Load all entry points of a group; one that fails costs only itself.

    Args:
        entries: Of the group.
        load: Loads one, or raises a :class:`UsageError`.

    Returns:
        By name: what was loaded, and why the others were not; these are logged too.
    """
    loaded: dict[str, T] = {}
    broken: dict[str, UsageError] = {}
    for entry in entries:
        try:
            loaded[entry.name] = load(entry)
        except UsageError as error:
            broken[entry.name] = error
            _logger.warning("Warning: %s It is left out.", error)
    return loaded, broken


@contextmanager
def foreign_code(what: str, owner: str, kind: type[EmorealError] = UsageError) -> Iterator[None]:
    """Turn whatever the code of another package raises into an error that names the package.

    Args:
        what: What is at work, such as ``"The reader toy"``.
        owner: The package, with its version.
        kind: Of the error.

    Raises:
        EmorealError: As the code raised it, or of that kind.
    """
    try:
        yield
    except (EmorealError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        from asyncio import CancelledError  # Dear, and loaded where it can be raised.

        if isinstance(error, CancelledError):
            raise
        place = extract_tb(error.__traceback__)[-1]
        raise kind(
            f"{what} of the package {owner} failed: {type(error).__name__}: {error}.",
            where=f"{place.filename}, line {place.lineno}",
            remedy=f"Fix {owner}, or ask its author to.",
        ) from error

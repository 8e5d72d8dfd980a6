"""What other packages add by entry points; one that is broken is named and costs only itself."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
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


def find_entry_point(group: str, name: str) -> EntryPoint | None:
    """Return the entry point of a name; None if no package brings one.

    Raises:
        UsageError: If several packages do: which of them was meant nobody can tell, and the order
            in which they are found is that of the folders on this machine.
    """
    found = _apart(entry_points(group=group, name=name))
    if len(found) > 1:
        raise name_clash(f"'{name}'", map(owner_of, found))
    return found[0] if found else None


def load_group(
    entries: Iterable[EntryPoint],
    load: Callable[[EntryPoint], T],
    built_in: Container[str] = (),
) -> tuple[dict[str, T], dict[str, UsageError]]:
    """Load all entry points of a group; one that fails costs only itself.

    Args:
        entries: Of the group.
        load: Loads one, or raises a :class:`UsageError`.
        built_in: Names that are taken.

    Returns:
        By name: what was loaded, and why the others were not; these are logged too. Of several
        packages that bring one name none is loaded.
    """
    loaded: dict[str, T] = {}
    broken: dict[str, UsageError] = {}
    named: dict[str, list[EntryPoint]] = defaultdict(list)
    for entry in entries:
        named[entry.name].append(entry)
    for name, alike in named.items():
        found = _apart(alike)
        try:
            if name in built_in or len(found) > 1:
                raise name_clash(f"'{name}'", map(owner_of, found), built_in=name in built_in)
            loaded[name] = load(found[0])
        except UsageError as error:
            broken[name] = error
            warn_of(error)
    return loaded, broken


def name_clash(what: str, owners: Iterable[str], *, built_in: bool = False) -> UsageError:
    """Make the error for a name that several packages bring, or this one has."""
    packages = " and ".join(sorted(owners))
    if built_in:
        return UsageError(
            f"{what} of {packages} has the name of a built-in one, which is used.",
            remedy="Its author has to take another name.",
        )
    return UsageError(
        f"{what} is brought by more than one package: {packages}.",
        remedy="Uninstall all but one, or ask an author to take another name.",
    )


def warn_of(error: UsageError) -> None:
    """Tell the person that something of another package is left out."""
    _logger.warning("Warning: %s It is left out.", error)


def _apart(entries: Iterable[EntryPoint]) -> list[EntryPoint]:
    """Return the entry points, one of those that a package brings twice over."""
    return list({(owner_of(entry), entry.value): entry for entry in entries}.values())


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

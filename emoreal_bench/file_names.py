"""File names compared in one Unicode form.

An accented letter is one character in a table (NFC) and two in a name that macOS
wrote (NFD). Both look the same, and are the same name.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from emoreal_bench.contracts.errors import UsageError

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
"""One slash, since paths leave out the second; more than one letter, since Windows has drives."""

_ALIKE = 0.7
"""How alike a name is that may be meant, 0..1: half the letters in common are chance."""


def refuse_address(path: Path) -> None:
    """Refuse an address such as ``https://...`` in the place of a path.

    Raises:
        UsageError: If it is one.
    """
    if _ADDRESS.match(str(path)):
        raise UsageError(
            "It is an address, and only files and folders of this machine are read and written.",
            where=str(path),
            remedy="Name a file or folder; one that is really called so by its whole path.",
        )


def one_form(name: str) -> str:
    """Return a name in the form in which names are compared (NFC)."""
    return unicodedata.normalize("NFC", name)


def path_on_disk(path: Path) -> Path:
    """Return the path as the disk writes it, where it writes it in another Unicode form.

    Args:
        path: As a table or a person writes it.

    Returns:
        The same path if there is something, or if no form of it is there.
    """
    if str(path).isascii() or os.path.lexists(path):
        return path
    found = _follow(path, any_case=False)
    return path if found is None else found


def _follow(path: Path, *, any_case: bool) -> Path | None:
    """Return what is there under a path whose names the disk writes otherwise; None for nothing.

    Not by recursion: a table may name a path of a thousand folders.
    """
    above, below = path, list[str]()
    while not os.path.lexists(above) and above != above.parent:
        below.append(above.name)
        above = above.parent
    for name in reversed(below):
        try:
            changed = above.stat().st_mtime_ns
        except (OSError, ValueError):  # The second: a name that no disk can hold.
            return None
        names = _names_in(above, changed, any_case=any_case)
        form = one_form(name)
        found = names.get(form.casefold() if any_case else form)
        if found is None:
            return None
        above /= found
    return above


def is_file(path: Path) -> bool:
    """Return whether there is such a file; there is none of a name that no disk can hold."""
    try:
        return path.is_file()
    except OSError:
        return False


def nearest_path(path: Path) -> Path | None:
    """Return what may be meant by a path that leads nowhere: each wrong part by its likest name.

    Args:
        path: As a person wrote it.

    Returns:
        A path that leads somewhere; None if that path does, or no name is like it.
    """
    from difflib import get_close_matches  # Only for slips of the pen.

    if os.path.lexists(path):
        return None
    found = Path(path.anchor)
    for part in path.relative_to(path.anchor).parts:
        if os.path.lexists(found / part):
            found /= part
            continue
        try:
            names = sorted(one.name for one in found.iterdir())
        except OSError:
            return None
        near = get_close_matches(part, names, n=1, cutoff=_ALIKE)
        if not near:
            return None
        found /= near[0]
    return found


def is_folder(path: Path) -> bool:
    """Return whether there is such a folder; there is none of a name that no disk can hold."""
    try:
        return path.is_dir()
    except OSError:
        return False


def in_other_case(path: Path) -> Path | None:
    """Return what is there under a name that differs in upper and lower case only.

    Args:
        path: Under which there is nothing.
    """
    found = _follow(path, any_case=True)
    return None if found is None or found == path else found


@lru_cache(maxsize=64)  # Where thousands of clips are missing, each folder is listed once.
def _names_in(folder: Path, changed: int, *, any_case: bool = False) -> Mapping[str, str]:
    del changed  # A folder that has changed since is listed again.
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return {}
    forms = map(one_form, names)
    return dict(zip(map(str.casefold, forms) if any_case else forms, names, strict=True))

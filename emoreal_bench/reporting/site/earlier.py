"""What stands where pages are to be written: earlier pages of ours, or what is somebody's own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.run_record import MANIFEST_FILE
from emoreal_bench.identity import check_plain_file
from emoreal_bench.reporting.site.pages import PAGE_FILE

_HEAD = 8192
_POLICY = b"""http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha"""
_NAME = b"EmoReal Bench"
"""Each page of ours has both in its head, those of earlier versions too."""
_PART = re.compile(
    r"(?P<page>(?:runs/[^/]+/|items-\d+/)?)"
    r"(?:(?:items|texts|clips)/(?:\d{6}|index)\.js|stills/\d{6}\.jpg|index\.html)"
    r"|(?P<file>(?:breakdowns|questions)/[^/]+\.html|tables/[^/]+\.(?:csv|json|md|tex))"
)
"""The files that we write, from the folder of a site: a page with its parts, or a file alone."""


def refuse_foreign(out: Path) -> None:
    """Refuse a folder that holds anything else than pages and runs. Hidden files do not count.

    Raises:
        RunError: With the first thing that is somebody else's.
    """
    if not out.is_dir() or _is_ours(out / PAGE_FILE):
        return
    foreign = next((path for path, _ in _walk(out) if not _is_part(path, out)), None)
    if foreign is not None:
        raise RunError(
            f"The folder holds something else than a page of ours: {foreign.relative_to(out)}.",
            where=str(out),
            remedy="Nothing was written. Name a new folder, an empty one, or that of an earlier "
            "page: --out FOLDER.",
        )


def forget_earlier(out: Path, kept: Collection[str] = ()) -> None:
    """Remove what was written here before and is not written now; nothing that is not ours.

    Args:
        out: The folder. Its own ``index.html`` stays, to be replaced.
        kept: What is written now: folders of pages such as ``runs/NAME/`` (the page of a run
            itself: an empty text), and files such as ``tables/NAME.csv``.
    """
    if not out.is_dir():
        return
    folders = {out}
    for path, name in list(_walk(out)):
        match = _PART.fullmatch(name)
        if match is None or name == PAGE_FILE or not _is_part(path, out):
            continue
        if (match["page"] if match["file"] is None else match["file"]) not in kept:
            path.unlink()
            folders |= {path.parent, path.parent.parent, path.parent.parent.parent}
    for folder in sorted(folders, key=lambda one: -len(one.parts)):
        if out in folder.parents:
            with suppress(OSError):  # Something is in it still.
                folder.rmdir()


def _walk(out: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file that is neither hidden nor of a run, and its name from the folder."""
    for path in sorted(out.iterdir()):
        if path.name.startswith(".") or (path / MANIFEST_FILE).is_file():
            continue
        if path.is_dir() and not path.is_symlink():
            for below, name in _walk(path):
                yield below, f"{path.name}/{name}"
        else:
            yield path, path.name


def _is_part(path: Path, out: Path) -> bool:
    if _PART.fullmatch(path.relative_to(out).as_posix()) is None or path.is_symlink():
        return False
    return path.suffix != ".html" or _is_ours(path)


def _is_ours(page: Path) -> bool:
    try:
        check_plain_file(page)
        with page.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return _POLICY in head and _NAME in head

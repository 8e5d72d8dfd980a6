"""Downloads the data whose owner lets anybody have it: what ``data get`` does.

A file appears under its name once it is whole and its checksum, if one is
known, agrees; files that are there are kept.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote, urlsplit
from urllib.request import urlopen
from zipfile import ZipFile

from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.task import Download, Task
from emoreal_bench.datasets.hub import check_installed, get_from_hub, settle_revision
from emoreal_bench.readers.tables import DAMAGED_ARCHIVE
from emoreal_bench.record.files import (
    NewFile,
    folder_unless_empty,
    move_file,
    new_file,
    scratch_folder,
)

_CHUNK = 1 << 20
_SECONDS = 60.0
_MOST_BYTES = 1 << 40
"""Of a file, and of an archive unpacked: beyond any data set; a sender may go on for ever."""
_LEAST_RATE = 1_000
"""Bytes a second; a sender that gives less may go on for ever too."""
_RATE_SECONDS = 60.0
"""Over so long the rate is taken."""
_REMEDY = "Try again later; files that are whole are kept."


def download_data(
    task: Task,
    out: Path,
    revision: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Download the files of a data set.

    Args:
        task: Says where they are.
        out: The folder to put them in.
        revision: Commit of the hub, where the task file pins none. Without one it is
            the newest, which the folder then remembers.
        progress: Called after each file with the number of files done and of all.

    Returns:
        The files, in the order of the task file.

    Raises:
        UsageError: If the owner has to be asked for the data, or the folder holds another
            revision.
        DataError: If a file cannot be had or is not what it should be.
        MissingExtraError: If the hub's library is needed and not installed.
    """
    source = task.data.download
    if source is None:
        terms = task.license or "not stated."
        raise UsageError(
            f"{task.title} cannot be downloaded: its owner has to be asked.",
            where=task.homepage,
            remedy=f"Terms: {terms} docs/data.md says how the files must lie.",
        )
    if source.hub is not None:
        check_installed()
    commit = source.revision or revision
    found: list[Path] = []
    with folder_unless_empty(out):
        if source.hub is not None:
            commit = settle_revision(source.hub, out, commit)
        for name, checksum in source.files.items():
            found.append(_get(source, name, checksum, out, commit))
            if progress is not None:
                progress(len(found), len(source.files))
    return found


def _get(
    source: Download, name: str, checksum: str | None, out: Path, revision: str | None
) -> Path:
    target = out / name
    if not target.is_file():
        if source.url is not None:
            _get_file(source.url.replace("{file}", quote(name)), target, checksum)
        else:
            get_from_hub(str(source.hub), name, out, str(revision), _most_bytes(out))
    if target.suffix == ".zip":
        _unpack(target, out)
    return target


def _get_file(address: str, target: Path, checksum: str | None) -> None:
    if urlsplit(address).scheme not in ("http", "https"):
        raise UsageError(f"{address} is not an address of the web.")
    try:
        # The scheme is checked above, so no file of this machine can be meant.
        with urlopen(address, timeout=_SECONDS) as reply, new_file(target) as file:  # noqa: S310
            promised = reply.headers.get("Content-Length")
            most = _most_bytes(target.parent)
            if promised is not None and int(promised) > most:
                raise OSError(f"more than {most:,} bytes come, for which there is no room")
            size, digest = _copy(reply, file, most if promised is None else int(promised))
            if promised is not None and size != int(promised):
                raise DataError(
                    f"The download ended after {size} of {promised} bytes.",
                    where=address,
                    remedy=_REMEDY,
                )
            if checksum is not None and digest != checksum:
                raise DataError(
                    f"The MD5 checksum is {digest}; the owner publishes {checksum}.",
                    where=address,
                    remedy="Try again; if it stays so, the owner has changed the file.",
                )
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise DataError(
            f"The file cannot be downloaded: {error}.", where=address, remedy=_REMEDY
        ) from error


def _copy(source: HTTPResponse, target: NewFile, most: int) -> tuple[int, str]:
    """Copy, and return the number of bytes and their checksum.

    Raises:
        OSError: If more comes than was promised or than there is room for, or next to nothing.
    """
    # MD5 because that is what owners publish; it guards against damage, not attack.
    digest = hashlib.md5(usedforsecurity=False)
    size = size_then = 0
    then = time.monotonic()
    while chunk := source.read1(_CHUNK):
        size += len(chunk)
        if size > most:
            raise OSError(f"more than {most:,} bytes come")
        target.write(chunk)
        digest.update(chunk)
        if (passed := time.monotonic() - then) >= _RATE_SECONDS:
            if size - size_then < passed * _LEAST_RATE:
                raise OSError(f"less than {_LEAST_RATE:,} bytes a second come")
            size_then, then = size, time.monotonic()
    return size, digest.hexdigest()


def _most_bytes(folder: Path) -> int:
    return min(_MOST_BYTES, shutil.disk_usage(folder).free)


def _unpack(archive: Path, out: Path) -> None:
    """Unpack what is not there yet; names that lead out of the folder are kept inside it."""
    try:
        with ZipFile(archive) as file, scratch_folder(out) as draft:
            _refuse_endless(file, archive, out)
            for member in file.infolist():
                there = out / member.filename
                if not there.is_file() or there.stat().st_size != member.file_size:
                    made = Path(file.extract(member, draft))
                    if not member.is_dir():
                        move_file(made, out / made.relative_to(draft))
    except DAMAGED_ARCHIVE as error:
        raise DataError(
            f"The archive is damaged: {error}.",
            where=str(archive),
            remedy="Delete it and download it again.",
        ) from error
    except OSError as error:
        raise DataError(
            f"The archive cannot be unpacked: {error}.",
            where=str(archive),
            remedy="Make room if there is none; else delete it and download it again.",
        ) from error


def _refuse_endless(file: ZipFile, archive: Path, out: Path) -> None:
    """Refuse an archive before it fills the disk; what it says of itself is what it unpacks to."""
    size = sum(member.file_size for member in file.infolist())
    room = shutil.disk_usage(out).free + sum(
        path.stat().st_size for path in out.rglob("*") if path.is_file()
    )
    if size > min(room, _MOST_BYTES):
        raise DataError(
            f"The archive unpacks to {size:,} bytes, and there is room for {room:,}.",
            where=str(archive),
            remedy="Make room, or choose a folder on a larger disk.",
        )

"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from emoreal_bench.contracts.errors import RunError


def write_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file so that a reader sees the old or the new one, even after a crash.

    Args:
        path: The file; its folder exists.
        chunks: Its content, in pieces, so that a large file is never held whole.

    Raises:
        RunError: If it cannot be written, for example on a full disk.
    """
    draft = path.with_name(f"{path.name}.draft")
    try:
        with draft.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def _sync_folder(folder: Path) -> None:
    # A new name is only on the disk once its folder is; not every system can ask for that.
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def cannot_write(path: Path, error: OSError) -> RunError:
    """Make the error for a file of a run that the system refuses to write."""
    return RunError(
        f"The file cannot be written: {error.strerror or error}.",
        where=str(path),
        remedy="Make room or mend the folder's permissions, then give the same command again; "
        "what is finished is kept.",
    )

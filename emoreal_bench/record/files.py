"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from emoreal_bench.contracts.errors import RunError

# How file systems say that they cannot do what was asked: CIFS, FUSE, 9p, some of NFS.
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
_NO_FOLDER_SYNC = frozenset({errno.EACCES, errno.EPERM, errno.EBADF, errno.EISDIR})
_OF_THE_DISK = frozenset({errno.EIO, errno.EINVAL, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT})


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
            sync_file(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def grant_usual_modes(folder: Path) -> None:
    """Let the files of a folder be read by whom the umask lets read new files.

    Some libraries (safetensors since 0.8) write into a private file and rename it, so that it
    stays with its owner.

    Args:
        folder: With files that have just been written, at any depth.

    Raises:
        RunError: If the folder cannot be written.
    """
    probe = folder / f".mode-{os.getpid()}"
    try:
        # Only a new file tells the umask; to ask for it is to change it for all threads.
        probe.touch(exist_ok=False)
        mode = stat.S_IMODE(probe.stat().st_mode)
        probe.unlink()
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.chmod(mode | stat.S_IMODE(path.stat().st_mode))
    except OSError as error:
        probe.unlink(missing_ok=True)
        raise cannot_write(folder, error) from error


def sync_file(handle: int) -> None:
    """Bring a file to the disk, where its file system can do that at all.

    Raises:
        OSError: If the disk is full or refuses.
    """
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _sync_folder(folder: Path) -> None:
    # A new name is only on the disk once its folder is; not every system can ask for that:
    # CIFS and FUSE refuse it, and Windows to open a folder at all.
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC | _NO_FOLDER_SYNC:
            raise


def cannot_write(path: Path, error: OSError) -> RunError:
    """Make the error for a file of a run that the system refuses to write."""
    cure = "Make room or mend the folder's permissions"
    if error.errno in _OF_THE_DISK:
        cure = "Look after the disk or its connection, or take another folder"
    return RunError(
        f"The file cannot be written: {error.strerror or error}.",
        where=str(path),
        remedy=f"{cure}, then give the same command again; what is finished is kept.",
    )

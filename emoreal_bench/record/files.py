"""The one place that writes: files and folders that are there whole or not at all.

What is written has a private name until it is whole: random, made anew, never through a link,
readable to whom the umask lets. Then it takes its own name, in place of what was there; a link
there is replaced, and what it leads to stays as it is. A draft is locked while its process
lives, so that one of a dead process is known and removed by the next that writes there.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Self

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.file_names import refuse_address

try:
    import fcntl
except ImportError:  # Windows: drafts of dead processes stay there.
    fcntl = None  # type: ignore[assignment]

# How file systems say that they cannot do what was asked: CIFS, FUSE, 9p, some of NFS.
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
_NO_FOLDER_SYNC = frozenset({errno.EACCES, errno.EPERM, errno.EBADF, errno.EISDIR})
_OF_THE_DISK = frozenset({errno.EIO, errno.EINVAL, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT})

_DRAFT_PREFIX = ".draft-"
_DRAFT = re.compile(rf"{re.escape(_DRAFT_PREFIX)}[0-9a-f]{{16}}")
_BUFFER = 1 << 18
# Windows has the first alone, the other systems the rest.
_BINARY = getattr(os, "O_BINARY", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


class NewFile:
    """A file that is being written under a private name; see :func:`new_file`.

    Attributes:
        path: The private name, for libraries that write to a name.
    """

    def __init__(self, path: Path, handle: int, final: Path):
        self.path = path
        self._handle = handle
        self._final = final
        self._waiting = bytearray()

    def write(self, content: bytes) -> int:
        """Add bytes.

        Raises:
            RunError: If the disk refuses.
        """
        self._waiting += content
        if len(self._waiting) >= _BUFFER:
            self.flush()
        return len(content)

    def flush(self) -> None:
        """Hand all bytes to the system.

        Raises:
            RunError: If the disk refuses.
        """
        try:
            _write_whole(self._handle, bytes(self._waiting))
        except OSError as error:
            raise cannot_write(self._final, error) from error
        self._waiting.clear()


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, if it is not there.

    Raises:
        UsageError: If it is an address, which would become a folder of that name here.
        OSError: If it cannot be made.
    """
    refuse_address(folder)
    folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def folder_unless_empty(folder: Path) -> Iterator[None]:
    """Make a folder to put files into; it stays if the block ends, or raises and leaves some.

    Raises:
        UsageError: If it is an address.
        OSError: If it cannot be made.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder)
    try:
        yield
    except BaseException:
        for path in made:
            with suppress(OSError):  # it holds something
                path.rmdir()
        raise


@contextmanager
def new_file(path: Path, *, durable: bool = True) -> Iterator[NewFile]:
    """Write a file so that a reader sees the old or the new one, even after a crash.

    The file appears when the block ends, and not at all if the block raises.

    Args:
        path: The file; its folder is made if it is not there.
        durable: Whether it has to be on the disk then. What is quickly made again need not.

    Raises:
        RunError: If it cannot be written, for example on a full disk.
    """
    try:
        _refuse_device(path)
        make_folder(path.parent)
        draft, handle = _make_draft(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        file = NewFile(draft, handle, path)
        yield file
        file.flush()
        try:
            if durable:
                sync_file(handle)
            if fcntl is None:  # Windows renames no open file.
                handle = _close(handle)
            draft.replace(path)
            if durable:
                _sync_folder(path.parent)
        except OSError as error:
            raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        _close(handle)


@contextmanager
def new_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Write a folder that has its name only once everything is in it.

    Yields the private folder to write into. It takes the name when the block ends, and is
    removed if the block raises.

    Args:
        path: The folder.
        replace: Whether to take the place of a folder with something in it.

    Raises:
        RunError: If it cannot be written, or is there already.
    """
    if not replace and path.is_dir() and not path.is_symlink() and any(path.iterdir()):
        raise RunError(
            "The folder is there already, with something in it.",
            where=str(path),
            remedy="Name a new folder.",
        )
    with scratch_folder(path.parent, path) as draft:
        yield draft
        try:
            for inner in draft.rglob("*"):
                if inner.is_file() and not inner.is_symlink():
                    _sync_path(inner)
            _sync_folder(draft)
            _take_name(draft, path, replace=replace)
            _sync_folder(path.parent)
        except OSError as error:
            raise cannot_write(path, error) from error


@contextmanager
def scratch_folder(place: Path, what: Path | None = None) -> Iterator[Path]:
    """Make a private folder, and remove it with what is left in it.

    Args:
        place: Where to make it; made if it is not there.
        what: What errors are to name, if it is not the place.

    Raises:
        RunError: If it cannot be made.
    """
    try:
        make_folder(place)
        draft, handle = _make_draft(place, is_folder=True)
    except OSError as error:
        raise cannot_write(what or place, error) from error
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        _close(handle)


def write_atomically(path: Path, chunks: Iterable[bytes], *, durable: bool = True) -> None:
    """Write a file so that a reader sees the old or the new one, even after a crash.

    Args:
        path: The file; its folder is made if it is not there.
        chunks: Its content, in pieces, so that a large file is never held whole.
        durable: See :func:`new_file`.

    Raises:
        RunError: If it cannot be written, for example on a full disk.
    """
    with new_file(path, durable=durable) as file:
        for chunk in chunks:
            file.write(chunk)


def copy_file(source: Path, target: Path, most_bytes: int | None = None) -> None:
    """Copy a file; no half copy is ever seen. A link as the source is refused, and a device.

    Args:
        source: A plain file.
        target: Its copy.
        most_bytes: How large it may be.

    Raises:
        RunError: If it cannot be read or written, or is larger.
    """
    with new_file(target) as copy:
        try:
            # What the name leads to is looked at once it is open: it may change until then.
            handle = os.open(source, os.O_RDONLY | _BINARY | _NO_FOLLOW | _NO_WAIT)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise RunError("It is not a plain file.", where=str(source))
                copied = 0
                while chunk := file.read(_BUFFER):
                    copied += len(chunk)
                    if most_bytes is not None and copied > most_bytes:
                        raise RunError("The file is too large.", where=str(source))
                    copy.write(chunk)
        except OSError as error:
            problem = f"The file cannot be read: {error.strerror or error}."
            raise RunError(problem, where=str(source)) from error


def move_file(source: Path, target: Path) -> None:
    """Bring a file out of a :func:`scratch_folder` to its place.

    Raises:
        RunError: If the disk refuses.
    """
    try:
        _refuse_device(target)
        make_folder(target.parent)
        _sync_path(source)
        source.replace(target)
    except OSError as error:
        raise cannot_write(target, error) from error


class GrowingFile:
    """A file that is only appended to; what is added is there whole or not at all.

    Args:
        path: The file; made if it is not there. A link is refused.

    Raises:
        RunError: If it cannot be opened for writing.
    """

    def __init__(self, path: Path):
        self._path = path
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY | _NO_FOLLOW
        try:
            self._file = os.open(path, flags, 0o666)
        except OSError as error:
            raise cannot_write(path, error) from error
        self._size = os.fstat(self._file).st_size

    def append(self, content: bytes) -> None:
        """Add bytes.

        Raises:
            RunError: If they cannot be written whole; the file then ends as it did before.
        """
        try:
            _write_whole(self._file, content)
        except OSError as error:
            self._undo()
            raise cannot_write(self._path, error) from error
        self._size += len(content)

    def sync(self) -> None:
        """Bring everything to the disk, to where it will be looked for.

        Raises:
            RunError: If the disk refuses, or the file is no longer the one at its path, so that
                whatever is added is lost.
        """
        try:
            sync_file(self._file)
            is_there = os.path.samestat(os.fstat(self._file), self._path.lstat())
        except (FileNotFoundError, NotADirectoryError):
            is_there = False
        except OSError as error:
            raise cannot_write(self._path, error) from error
        if not is_there:
            raise RunError(
                "The file was removed, moved or replaced while it was being written, so what is "
                "added to it would be lost.",
                where=str(self._path),
                remedy="If it or its folder was moved, move it back; then give the same command "
                "again. What was removed is done anew.",
            )

    def _undo(self) -> None:
        try:
            os.ftruncate(self._file, self._size)
        except OSError as error:
            raise RunError(
                "The disk gave an error while a line was written, and again while the half line "
                f"was removed: {error.strerror}.",
                where=str(self._path),
                remedy="Fix the disk and give the same command again: the half line will be "
                "found and written again.",
            ) from error

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_draft(path: Path) -> bool:
    """Return whether a path is a draft, or in one."""
    return any(_DRAFT.fullmatch(part) for part in path.parts)


def remove_dead_drafts(folder: Path) -> None:
    """Remove the drafts that dead processes left in a folder; those of living ones stay."""
    if fcntl is None:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for name in [entry.name for entry in entries if _DRAFT.fullmatch(entry.name)]:
            _remove_if_dead(folder / name)


@lru_cache(maxsize=1024)
def _remove_dead_drafts_once(folder: str) -> None:
    # Once is enough for what earlier processes left, and a folder may hold many files.
    remove_dead_drafts(Path(folder))


def _remove_if_dead(draft: Path) -> None:
    """Remove a draft that no process holds; raise OSError where that cannot be found out."""
    mode = draft.lstat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return  # No draft of ours.
    is_folder = stat.S_ISDIR(mode)
    flags = os.O_RDONLY | _FOLDER if is_folder else os.O_RDWR
    handle = os.open(draft, flags | _NO_FOLLOW | _NO_WAIT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_folder:
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)
    except BlockingIOError:
        pass  # A living process holds it.
    finally:
        os.close(handle)


def _make_draft(place: Path, *, is_folder: bool = False) -> tuple[Path, int]:
    """Make a draft and hold it; on Windows there is no handle of a folder, so -1."""
    _remove_dead_drafts_once(str(place.absolute()))
    while True:
        draft = place / f"{_DRAFT_PREFIX}{secrets.token_hex(8)}"
        handle = _open_folder(draft) if is_folder else _open_file(draft)
        if handle < 0 or fcntl is None:
            return draft, handle
        # Until it is held, another process may take it for one of a dead process.
        with suppress(OSError):  # A file system without locks: nobody will take it.
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.path.lexists(draft):
            return draft, handle
        os.close(handle)


def _open_file(draft: Path) -> int:
    return os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY | _NO_FOLLOW, 0o666)


def _open_folder(draft: Path) -> int:
    draft.mkdir()
    if not _FOLDER:
        return -1
    try:
        return os.open(draft, os.O_RDONLY | _FOLDER | _NO_FOLLOW)
    except OSError:
        with suppress(OSError):
            draft.rmdir()
        raise


def _close(handle: int) -> int:
    if handle >= 0:
        os.close(handle)
    return -1


def _write_whole(handle: int, content: bytes) -> None:
    written = 0
    while written < len(content):
        written += os.write(handle, content[written:] if written else content)


def _refuse_device(path: Path) -> None:
    """Refuse to put a file in the place of a device, a pipe or a socket."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise RunError(
            "It is a device, a pipe or a socket, and a file would take its place.",
            where=str(path),
            remedy="Name a file.",
        )


def refuse_odd_file(path: Path) -> None:
    """Refuse what a library would write into although it is no file of its own.

    Args:
        path: Where a library will write that itself follows links; nothing need be there.

    Raises:
        RunError: If a link, a folder, a device, a pipe or a socket stands there.
    """
    try:
        is_file = stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_write(path, error) from error
    if not is_file:
        raise RunError(
            "It is no file but a link, a folder, a device or a pipe, and is not written to.",
            where=str(path),
            remedy="Name the file itself, or another one.",
        )


def _take_name(draft: Path, path: Path, *, replace: bool) -> None:
    """Rename a whole folder; what was there is gone once the new one has the name."""
    if path.is_symlink():
        path.unlink()
    if not (replace and path.exists()):
        draft.rename(path)
        return
    old = path.with_name(f"{_DRAFT_PREFIX}{secrets.token_hex(8)}")
    path.rename(old)
    try:
        draft.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync_path(path: Path) -> None:
    # Windows syncs only what is open for writing; elsewhere the file may be read-only.
    flags = os.O_RDWR if os.name == "nt" else os.O_RDONLY
    handle = os.open(path, flags | _BINARY | _NO_FOLLOW)
    try:
        sync_file(handle)
    finally:
        os.close(handle)


def grant_usual_modes(folder: Path) -> None:
    """Let the files of a folder be read by whom the umask lets read new files.

    Some libraries (safetensors since 0.8) write into a private file and rename it, so that it
    stays with its owner.

    Args:
        folder: With files that have just been written, at any depth.

    Raises:
        RunError: If the folder cannot be written.
    """
    try:
        # Only a new file tells the umask; to ask for it is to change it for all threads.
        probe, handle = _make_draft(folder)
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        probe.unlink()
        os.close(handle)
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.chmod(mode | stat.S_IMODE(path.stat().st_mode))
    except OSError as error:
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

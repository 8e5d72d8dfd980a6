"""The folder of a run: held by one writer, created whole, continued by the same run only."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout
from pydantic import ValidationError

from emoreal_bench.choices import letters_of
from emoreal_bench.contracts.errors import NotComparableError, RunError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.run_record import (
    HOLDER_FILE,
    ITEMS_FILE,
    LOCK_FILE,
    MANIFEST_FILE,
    PLAN_FILE,
    RESULTS_FILE,
    SOFT_LOCK_FILE,
    TIMINGS_FILE,
    HeldUp,
    Manifest,
    Timings,
)
from emoreal_bench.identity import canonical_json, check_plain_file, hash_file, item_record
from emoreal_bench.parsing import parse_json
from emoreal_bench.record.files import cannot_write, make_folder, write_atomically
from emoreal_bench.record.log import is_whole, repair_log
from emoreal_bench.record.manifest import differences, load_manifest, not_by_schema, write_manifest
from emoreal_bench.record.sealed import read_record

_MEND_PLAN = (
    "Give the command of the run again, which writes it from the data; or bring the file back."
)
_REMOVE_TIMINGS = "Remove it; only the times of earlier sittings are lost."

_OF_A_START = frozenset(
    {HOLDER_FILE, ITEMS_FILE, LOCK_FILE, MANIFEST_FILE, PLAN_FILE, SOFT_LOCK_FILE, TIMINGS_FILE}
)

# How file systems say that they have no locks: NFS without its daemon, CIFS, Lustre, FUSE.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})


class RunFolder:
    """Holds a run folder for one writer, from :meth:`open` to :meth:`close`.

    Use it as a context manager. The lock is the operating system's: it ends
    with the process that holds it, however that ends. On a file system without
    locks a file that names host and process stands for it.

    Args:
        path: The folder; made if it is not there.

    Attributes:
        notices: What was found damaged and mended, for the person who runs it.
        notes: What the file system cannot do, and what is given up for that.
    """

    def __init__(self, path: Path):
        self.path = path
        self.notices: list[str] = []
        self.log_path = path / ITEMS_FILE
        self._holder = path / HOLDER_FILE
        self.notes: tuple[str, ...] = ()
        # A run may be let go by another thread than the one that took it.
        self._lock: BaseFileLock = FileLock(
            path / LOCK_FILE, blocking=False, thread_local=False, fallback_to_soft=False
        )
        self._is_new = not path.exists()
        try:
            make_folder(path)
            self._take_lock()
        except OSError as error:
            lock = path / LOCK_FILE
            is_in_the_way = lock.is_symlink() or lock.is_dir()
            raise cannot_write(lock if is_in_the_way else path, error) from error

    def _take_lock(self) -> None:
        holder = str(os.getpid())
        try:
            try:
                self._lock.acquire()
            except Timeout:
                raise
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                self._take_soft_lock(error)
                holder += f" on {platform.node()}"
        except Timeout as error:
            remedy = "Wait for it, or stop it and give the same command again."
            if isinstance(self._lock, SoftFileLock):
                remedy += f" If it ended without a word on another machine, remove {SOFT_LOCK_FILE}"
                remedy += " from the folder."
            raise RunError(
                f"Process {self._holder_name()} is writing this run.",
                where=str(self.path),
                remedy=remedy,
            ) from error
        try:
            write_atomically(self._holder, [f"{holder}\n".encode()], durable=False)
        except BaseException:
            self._lock.release()
            raise

    def _take_soft_lock(self, error: OSError) -> None:
        """Hold the folder by a file that is there, as it has no locks."""
        soft = SoftFileLock(self.path / SOFT_LOCK_FILE, blocking=False, thread_local=False)
        self._lock = soft
        soft.acquire()
        self.notes = (
            f"The file system of {self.path} keeps no locks ({error.strerror or error}). The file "
            f"{SOFT_LOCK_FILE} stands for one: what is given up is that the folder is free by "
            "itself once a process on another machine has died.",
        )

    def _holder_name(self) -> str:
        # In a file of its own: Windows lets nobody else read one that is locked.
        try:
            check_plain_file(self._holder)
            return self._holder.read_text("utf-8", "replace").strip() or "unknown"
        except OSError:
            return "unknown"

    def begin(self, manifest: Manifest, items: Sequence[Item]) -> Manifest:
        """Make the folder this run's, or check that it already is.

        The manifest is written last: a folder that has one is complete.

        Returns:
            The manifest of the folder, from the first sitting.

        Raises:
            NotComparableError: If the folder holds another run.
            RunError: If it holds something else, or cannot be written.
        """
        if (self.path / MANIFEST_FILE).exists():
            found = load_manifest(self.path)
            self._check_same(found, manifest)
            self._mend_plan(found, items)
            return found
        if self.log_path.exists():
            raise RunError(
                f"The folder holds answers ({ITEMS_FILE}) but no {MANIFEST_FILE} that says whose.",
                where=str(self.path),
                remedy="Bring the manifest back, or choose another folder.",
            )
        plan = hashlib.sha256()
        write_atomically(self.path / PLAN_FILE, _hashed(_plan_lines(items), plan))
        blank = _hash_lines(_plan_lines(replace(item, question="") for item in items))
        hashes = {"plan_hash": plan.hexdigest(), "blank_plan_hash": blank}
        manifest = manifest.model_copy(update=hashes)
        write_manifest(self.path, manifest)
        return manifest

    def _mend_plan(self, manifest: Manifest, items: Sequence[Item]) -> None:
        """Write the plan again where it is not there or was changed: it follows from the data."""
        path = self.path / PLAN_FILE
        is_there = path.exists()
        planned = manifest.plan_hash or _hash_lines(_plan_lines(items))
        if is_there and hash_file(path) == planned:
            return
        write_atomically(path, _plan_lines(items))
        if is_there:
            self.notices.append(
                f"{PLAN_FILE} was changed after the run began; it was written again from the data."
            )

    def _check_same(self, old: Manifest, new: Manifest) -> None:
        found = differences(old, new)
        if (shards := (old.shard, new.shard)) != (None, None) and old.shard != new.shard:
            was, now = (f"shard {shard}" if shard else "all of it" for shard in shards)
            found.append(f"the part of the run ({was}, now {now})")
        if found:
            raise NotComparableError(
                f"The folder holds another run; these differ: {' and '.join(found)}.",
                where=str(self.path),
                remedy="Choose another folder for this run, or repeat the command that began "
                "the other one.",
            )

    def repair(self) -> Path | None:
        """Drop damaged lines from the log, so that their items are asked again.

        Returns:
            Where the damaged log is kept; None if there was no damage.
        """
        return None if is_whole(self.log_path) else repair_log(self.log_path)

    def forget_results(self) -> None:
        """Remove the scores of an earlier sitting, since the log is about to grow."""
        (self.path / RESULTS_FILE).unlink(missing_ok=True)

    def forget_a_failed_start(self) -> None:
        """Remove a folder that this process has made and in which no item is logged.

        Anything that is not of the first minute of a run keeps it, such as jobs of a service.
        """
        try:
            if not self._is_new or not {one.name for one in self.path.iterdir()} <= _OF_A_START:
                return
            if self.log_path.exists() and self.log_path.stat().st_size:
                return
            # The lock goes last: until then nobody else begins here.
            for name in sorted(_OF_A_START, key=(LOCK_FILE, SOFT_LOCK_FILE).count):
                (self.path / name).unlink(missing_ok=True)
            self.path.rmdir()
        except OSError:
            return  # Windows removes no file that is open; what is left can be begun again.

    def add_timings(self, sitting: Timings) -> Timings:
        """Add a sitting's times to those of the sittings before it.

        Returns:
            The sum, as written.
        """
        total = _sum_timings(load_timings(self.path), sitting)
        text = total.model_dump_json(by_alias=True, indent=2)
        write_atomically(self.path / TIMINGS_FILE, [text.encode(), b"\n"])
        return total

    def close(self) -> None:
        """Let the folder go."""
        try:
            self._holder.unlink(missing_ok=True)
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def load_plan_items(folder: Path, manifest: Manifest) -> list[Item]:
    """Read the items of a run from its ``plan.jsonl``.

    Args:
        folder: Of the run.
        manifest: Of the run; the plan must be the one that it names.

    Raises:
        RunError: If the file is not there, not as it was written, or of another run.
    """
    path = folder / PLAN_FILE
    shared: dict[Any, Any] = {}
    items = []
    digest = hashlib.sha256()
    try:
        check_plain_file(path)
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                digest.update(line)
                try:
                    items.append(_read_item(parse_json(line), shared))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise RunError(
                        f"Line {number} is not an item of a plan.",
                        where=str(path),
                        remedy=_MEND_PLAN,
                    ) from error
    except OSError as error:
        raise RunError(f"The plan cannot be read: {error.strerror}.", where=str(path)) from error
    if digest.hexdigest() != manifest.plan_hash:
        _refuse_changed_plan(path, manifest, items)
    known = manifest.task_definition.get("subtasks", {})
    strange = next((item for item in items if known and item.subtask not in known), None)
    if strange is not None:
        raise RunError(
            f"Its item {strange.id} is of a subtask that the task of the run does not have: "
            f"{strange.subtask}.",
            where=str(path),
            remedy=_MEND_PLAN,
        )
    return items


def _refuse_changed_plan(path: Path, manifest: Manifest, items: Sequence[Item]) -> None:
    """Refuse items that are not those of the run; other spacing or blank questions are."""
    count = manifest.data.items
    if len({item.id for item in items}) != len(items) or len(items) != count:
        problem = f"It holds {len(items):,} lines; {MANIFEST_FILE} names {count:,} items."
    elif manifest.plan_hash is None or _hash_lines(_plan_lines(items)) in (
        manifest.plan_hash,
        manifest.blank_plan_hash,
    ):
        return
    else:
        problem = "Its items are not those of this run: it was changed, or is another run's."
    raise RunError(problem, where=str(path), remedy=_MEND_PLAN)


def _hashed(lines: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for line in lines:
        digest.update(line)
        yield line


def _hash_lines(lines: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


def load_timings(folder: Path) -> Timings | None:
    """Read the times of a run; None if it has none yet.

    Raises:
        RunError: If the file is not valid.
    """
    path = folder / TIMINGS_FILE
    try:
        return Timings.model_validate(read_record(path, _REMOVE_TIMINGS))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise not_by_schema(path, error, _REMOVE_TIMINGS) from error


def _plan_lines(items: Iterable[Item]) -> Iterator[bytes]:
    for item in items:
        yield canonical_json(item_record(item)).encode("utf-8", "surrogatepass") + b"\n"


def _read_item(record: dict[str, Any], shared: dict[Any, Any]) -> Item:
    # Texts that recur are stored once: a plan may have hundreds of thousands of lines.
    choices = tuple(record["choices"])
    metadata = record.get("metadata")
    if isinstance(record["choices"], str):
        raise TypeError("the options are to be a list")
    # It raises for what is no text, in a fraction of the time of looking at each.
    "".join((record["id"], record["question"], *choices, *(metadata or {}).values()))
    if choices not in shared:
        letters_of(choices)
    if metadata is not None:
        metadata = shared.setdefault(tuple(metadata.items()), metadata)
    return Item(
        id=record["id"],
        subtask=sys.intern(record["subtask"]),
        question=record["question"],
        choices=shared.setdefault(choices, choices),
        answer=sys.intern(record["answer"]),
        clip=sys.intern(record["clip"]),
        metadata=metadata,
    )


def _sum_timings(before: Timings | None, sitting: Timings) -> Timings:
    if before is None:
        return sitting
    summed = {
        name: getattr(before, name) + getattr(sitting, name)
        for name in Timings.model_fields
        if name not in ("schema_version", "items_per_second", "held_up")
    }
    # The rate is of all sittings, so it weighs each by its time.
    finished = sum(part.items_per_second * part.wall_seconds for part in (before, sitting))
    seconds = before.wall_seconds + sitting.wall_seconds
    return Timings(
        **summed,
        items_per_second=finished / seconds if seconds else 0.0,
        held_up=_mean_holdups(before, sitting),
    )


def _mean_holdups(before: Timings, sitting: Timings) -> HeldUp | None:
    """Return the shares over both, each weighed by its time; None if one does not say."""
    if before.held_up is None or sitting.held_up is None:
        return None
    seconds = before.wall_seconds + sitting.wall_seconds
    weight = sitting.wall_seconds / seconds if seconds else 0.5
    return HeldUp(
        **{
            name: (1.0 - weight) * getattr(before.held_up, name)
            + weight * getattr(sitting.held_up, name)
            for name in HeldUp.model_fields
        }
    )

"""The folder of decoded clips: one file for each, the least recently used ones go first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from emoreal_bench.contracts.errors import RunError, UsageError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import MEDIA_VERSION, ClipMedia
from emoreal_bench.identity import check_plain_file, clip_hash, hash_json, media_key
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media_cache.entries import (
    DamagedEntryError,
    check_installed,
    pack_entry,
    unpack_entry,
)
from emoreal_bench.record.files import cannot_write, write_atomically

GIGABYTE = 10**9
DEFAULT_BYTES = 100 * GIGABYTE
_SUFFIX = ".safetensors"
_SLACK = 16
"""Of the size, a writer fills one part in so many between two looks at the folder."""


@dataclass(frozen=True, slots=True)
class MediaCacheSettings:
    """Where decoded clips are kept, and how much of them.

    Attributes:
        folder: Made if it is not there; any number of runs may share it, at the same time.
        most_bytes: How much it may hold.

    Raises:
        UsageError: If it may hold nothing.
        MissingExtraError: If safetensors is not installed: a run that cannot have what it asks
            for is not begun.
    """

    folder: Path
    most_bytes: int = DEFAULT_BYTES

    def __post_init__(self) -> None:
        if self.most_bytes < 1:
            raise UsageError(f"A media cache of {self.most_bytes} bytes holds nothing.")
        check_installed()


class MediaCache:
    """Keeps decoded clips under what decides how they are decoded.

    That is the key of the run (the clip's bytes, what is wanted of it, its alteration), the
    version of our decoding, and those of the libraries that do it. Its methods may be called
    from several threads, and the folder used by several processes: files appear whole and
    under their names at once. With one writer the folder never holds more than it may; each
    further one may go beyond by a sixteenth until it looks again.

    Args:
        settings: Where, and how much.
        notify: Hears of what a person should know, in one sentence.

    Raises:
        RunError: If the folder cannot be made.
    """

    def __init__(self, settings: MediaCacheSettings, notify: Callable[[str], None]):
        self._folder = settings.folder
        self._most = settings.most_bytes
        self._notify = notify
        self._decoded_by = [MEDIA_VERSION, version("av"), version("numpy")]
        self._lock = threading.Lock()
        self._unseen = settings.most_bytes  # Nobody has looked at the folder yet.
        self._is_broken = False
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self._folder, error) from error

    def path(self, key: str) -> Path:
        """Return the file of a clip that is decoded under a key."""
        name = hash_json([*self._decoded_by, key])
        return self._folder / name[:2] / f"{name}{_SUFFIX}"

    def get(self, key: str, clip: Clip, clip_seconds: float) -> ClipMedia | None:
        """Return a decoded clip; None if it is not there, or would not be decoded now.

        A damaged entry is named and removed.

        Args:
            key: Of the decoding, :func:`emoreal_bench.identity.media_key`.
            clip: The clip.
            clip_seconds: Longest clip that is decoded now.
        """
        path = self.path(key)
        try:
            check_plain_file(path)
            if path.stat().st_size > self._most:
                return None
            media, decoded_under = unpack_entry(path.read_bytes(), clip)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, DamagedEntryError) as error:
            self._notify(f"An entry of the media cache is damaged and made anew: {path} ({error}).")
            with suppress(OSError):
                path.unlink()
            return None
        if decoded_under > clip_seconds:
            return None
        with suppress(OSError):
            os.utime(path)  # Used just now.
        return media

    def keep(self, job: DecodeJob, media: ClipMedia, clip_seconds: float) -> None:
        """Keep what became of a job, unless its files were changed after its key was made.

        Args:
            job: What was decoded.
            media: The clip.
            clip_seconds: As for :meth:`put`.
        """
        # They must not stand for the bytes of the key in other runs.
        found = clip_hash(job.clip)
        partner = None if job.partner is None else clip_hash(job.partner)
        if found is not None and media_key(found, job.wanted, partner) == job.key:
            self.put(job.key, media, clip_seconds)

    def put(self, key: str, media: ClipMedia, clip_seconds: float) -> None:
        """Keep a decoded clip. A disk that refuses is named once, and nothing else is kept.

        Args:
            key: As for :meth:`get`.
            media: The clip.
            clip_seconds: Longest clip that would have been decoded.
        """
        if self._is_broken:
            return
        content = pack_entry(media, clip_seconds)
        if len(content) > self._most:
            return
        try:
            self._make_room(len(content))
            write_atomically(self.path(key), [content], durable=False)
        except (OSError, RunError) as error:
            self._is_broken = True
            self._notify(f"The media cache takes no more clips: {error}")

    def _make_room(self, needed: int) -> None:
        """Remove what was not used for longest, if what is to come might not fit."""
        slack = self._most // _SLACK
        with self._lock:
            if self._unseen + needed > slack:
                self._remove_oldest(self._most - max(slack, needed))
                self._unseen = 0
            self._unseen += needed

    def _remove_oldest(self, most: int) -> None:
        entries = []
        for path in self._folder.glob(f"*/*{_SUFFIX}"):
            with suppress(FileNotFoundError):  # Another process removed it.
                state = path.lstat()
                entries.append((state.st_mtime_ns, state.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= most:
                return
            path.unlink(missing_ok=True)
            total -= size

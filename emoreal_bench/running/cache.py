"""Replies kept from earlier runs, found again only by exactly the same request.

The key is a hash of everything that decides the reply: the model's identity,
the rendered request, the letters, the settings, the answer method and the keys
of the decoded media. So a retrained model, another template or a changed clip
is never a hit, and no part of the cache belongs to a name.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Self

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.request import Request, TextPart
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import AnswerMethod, DeliveryStatus, Repeatability
from emoreal_bench.identity import hash_json
from emoreal_bench.record.files import refuse_odd_file
from emoreal_bench.record.log import seal, unseal
from emoreal_bench.record.records import from_record, to_record

_KEPT = frozenset({DeliveryStatus.OK, DeliveryStatus.LENGTH})
_FILES = ("", "-journal", "-wal", "-shm")
"""What SQLite opens beside the file itself; it follows links."""
_REPEATABLE = frozenset({Repeatability.EXACT, Repeatability.SAME_BATCH})


def _media_keys(request: Request) -> list[str | None]:
    """Return the keys of the clips where they are shown: names of clips are no part of a reply.

    With worked examples, the same clips in other places are another question.
    """
    clips = request.clips
    if len(clips) < 2:
        return [media.key for media in clips.values()]
    parts = (part for message in request.messages for part in message.parts)
    shown = [part.clip for part in parts if not isinstance(part, TextPart)]
    return [clips[name].key if name in clips else None for name in (*shown, *clips)]


def is_cacheable(description: ModelDescription, temperature: float) -> bool:
    """Return whether a model gives the same reply to the same request every time."""
    return description.capabilities.repeatability in _REPEATABLE and temperature == 0.0


class ResponseCache:
    """A file of replies; may be shared by any number of runs and models.

    Args:
        path: An SQLite file; made if it is not there. A link, a device or a pipe is refused.

    Raises:
        RunError: If the file is not such a cache.
    """

    def __init__(self, path: Path):
        self._path = path
        for suffix in _FILES:
            refuse_odd_file(path.with_name(f"{path.name}{suffix}"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A run may live in another thread than its caller (in a notebook),
            # but only ever in one at a time.
            self._database = sqlite3.connect(path, timeout=30.0, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL)"
                " WITHOUT ROWID"
            )
        # Its own words of a damaged file may be no Unicode.
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            raise self._broken(error) from error

    def key(self, adapter: ModelAdapter, request: Request, method: AnswerMethod, model: str) -> str:
        """Hash what decides the reply to a request.

        Args:
            adapter: Renders the request.
            request: The request, clips included.
            method: How the answer is taken.
            model: :func:`~emoreal_bench.identity.model_hash` of the adapter's description.
        """
        return hash_json(
            {
                "model": model,
                "rendered": adapter.render(request),
                "letters": request.letters,
                "settings": request.settings.model_dump(mode="json"),
                "method": method.value,
                "media": _media_keys(request),
            }
        )

    def get(self, key: str, item_id: str) -> Result | None:
        """Return the reply kept under a key as a result of the item; None if there is none."""
        try:
            row = self._database.execute(
                "SELECT reply FROM replies WHERE key = ?", (key,)
            ).fetchone()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._broken(error) from error
        # A reply that is not as it was written, or was kept under another key, is asked again.
        line = None if row is None else unseal(f"{row[0]}\n".encode("ascii", "replace"))
        if line is None or line["id"] != key:
            return None
        kept = replace(from_record(line), id=item_id)
        # Kept before scores were checked: no answer, so it is asked for again.
        return kept if kept.checked() is kept else None

    def put(self, key: str, result: Result) -> None:
        """Keep a reply, if it is one: a failure or a refusal is asked again."""
        if result.status not in _KEPT:
            return
        kept = to_record(replace(result, id=key, seconds=0.0, attempts=1))
        reply = seal(kept).decode("ascii").rstrip("\n")
        try:
            with self._database:
                self._database.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, reply))
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> RunError:
        return RunError(
            f"The cache of replies cannot be used: {error}.",
            where=str(self._path),
            remedy="Remove the file, or run without a cache.",
        )

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

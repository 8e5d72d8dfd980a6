"""Encoded pictures and sounds, kept in memory for the next time they are wanted.

The towers are frozen, so a clip is always encoded to the same numbers; a set
that is small enough goes through them once in all.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emoreal_bench.model_adapters.local.towers import Encoded


class MediaCache(MutableMapping[str, "Encoded"]):
    """What was put in last, up to a limit of memory; whoever finds a clip puts it in again.

    Args:
        limit: Of all that is kept, in bytes.
    """

    def __init__(self, limit: int):
        self._limit = limit
        self._kept: dict[str, Encoded] = {}
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Memory that is taken."""
        return self._bytes

    def __getitem__(self, key: str) -> Encoded:
        return self._kept[key]

    def __setitem__(self, key: str, encoded: Encoded) -> None:
        self.pop(key, None)
        self._kept[key] = encoded
        self._bytes += _bytes(encoded)
        while self._bytes > self._limit:
            del self[next(iter(self._kept))]

    def __delitem__(self, key: str) -> None:
        self._bytes -= _bytes(self._kept.pop(key))

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


def _bytes(encoded: Encoded) -> int:
    return sum(layer.nbytes for layer in encoded)

"""What became of clips, kept in memory for the next time it is wanted.

Frames are scaled and the frozen towers encode them to the same numbers each
time; a set that is small enough goes through either once in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from emoreal_bench.model_adapters.local.towers import Encoded

Kept = TypeVar("Kept")


class KeptMedia(MutableMapping[str, Kept]):
    """What was put in last, up to a limit of memory; whoever finds a clip puts it in again.

    Args:
        limit: Of all that is kept, in bytes.
        size: Returns how many bytes one takes.
    """

    def __init__(self, limit: int, size: Callable[[Kept], int]):
        self._limit = limit
        self._size = size
        self._kept: dict[str, Kept] = {}
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Memory that is taken."""
        return self._bytes

    def __getitem__(self, key: str) -> Kept:
        return self._kept[key]

    def __setitem__(self, key: str, kept: Kept) -> None:
        self.pop(key, None)
        self._kept[key] = kept
        self._bytes += self._size(kept)
        while self._bytes > self._limit:
            del self[next(iter(self._kept))]

    def __delitem__(self, key: str) -> None:
        self._bytes -= self._size(self._kept.pop(key))

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


def prepared_bytes(prepared: Any) -> int:
    """Return the memory of a picture or a sound as a tower takes it: a dataclass with tensors."""
    held = (getattr(prepared, field.name) for field in fields(prepared))
    return sum(getattr(one, "nbytes", 0) for one in held)


def encoded_bytes(encoded: Encoded) -> int:
    """Return the memory of what a tower made of a picture or a sound."""
    return sum(layer.nbytes for layer in encoded)

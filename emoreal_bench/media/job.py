"""What a decode pool asks of a worker. Cheap to import: it loads no decoder."""

from __future__ import annotations

from dataclasses import dataclass

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.vocabulary import Alteration


@dataclass(frozen=True, slots=True)
class DecodeJob:
    """What to make ready.

    Attributes:
        clip: The clip.
        wanted: What is wanted of it, alteration included.
        key: Identity of the result.
        partner: The clip to swap with, where the alteration is a swap.
    """

    clip: Clip
    wanted: MediaWanted
    key: str
    partner: Clip | None = None

    def __post_init__(self) -> None:
        if self.wanted.alteration is Alteration.SWAP and self.partner is None:
            raise ValueError(f"clip {self.clip.key}: a swap needs a partner")

    @property
    def files(self) -> int:
        """Number of clips to decode."""
        return 1 if self.partner is None else 2

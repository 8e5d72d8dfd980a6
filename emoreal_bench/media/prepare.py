"""One job of decoding: a clip made ready for a model, altered if the run asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.vocabulary import Alteration
from emoreal_bench.media.alter import alter
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.limits import DecodeLimits


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


def prepare_clip(job: DecodeJob, limits: DecodeLimits) -> ClipMedia:
    """Decode a clip and alter it.

    A swapped clip is decoded although nothing of it is used, so that a swapped
    run misses the same items as the run it is compared with.

    Raises:
        MediaError: If the clip or its partner cannot be decoded within the limits.
    """
    media = decode_clip(job.clip, job.wanted, key=job.key, limits=limits)
    partner = None
    if job.partner is not None:
        partner = decode_clip(job.partner, job.wanted, key=job.key, limits=limits)
    return alter(media, job.wanted.alteration, job.wanted.alteration_seed, partner)

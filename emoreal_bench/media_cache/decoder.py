"""Looks into the media cache before a clip is decoded, and keeps what is."""

from __future__ import annotations

import asyncio

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, Decoder, MediaWanted
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media_cache.store import MediaCache


class CachingDecoder:
    """Decodes only what the cache does not hold.

    Args:
        decoder: Decodes.
        cache: Holds what was decoded before.
        clip_seconds: Longest clip that the decoder decodes.

    Attributes:
        hits: Clips that the cache held.
    """

    def __init__(self, decoder: Decoder, cache: MediaCache, clip_seconds: float):
        self._decoder = decoder
        self._cache = cache
        self._clip_seconds = clip_seconds
        self.hits = 0

    async def decode(
        self, clip: Clip, wanted: MediaWanted, key: str, partner: Clip | None = None
    ) -> ClipMedia:
        """Return a clip from the cache, or decode it.

        Raises:
            MediaError: If it cannot be decoded within its limits.
        """
        # In threads: files are read and hashed while the run goes on.
        kept = await asyncio.to_thread(self._cache.get, key, clip, self._clip_seconds)
        if kept is not None:
            self.hits += 1
            return kept
        media = await self._decoder.decode(clip, wanted, key, partner)
        job = DecodeJob(clip, wanted, key, partner)
        await asyncio.to_thread(self._cache.keep, job, media, self._clip_seconds)
        return media

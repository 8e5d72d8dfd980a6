"""Decoded clips for training, the last ones kept in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import MAX_CLIP_SECONDS, Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.preference import AlteredInput
from emoreal_bench.identity import hash_json, media_key
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.errors import MediaError
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media_cache.store import MediaCache
from emoreal_bench.preferences.altering import alter_clip


class DecodedClips:
    """Decodes clips when they are asked for.

    Args:
        clips: By key.
        hashes: Of their bytes, by key.
        wanted: What is wanted of each.
        kept_bytes: Memory for decoded clips; the one asked for longest ago goes first.
        max_clip_seconds: Longest clip that is decoded.
        cache: Of decoded clips on the disk, looked into first; None for none.
    """

    def __init__(
        self,
        clips: Mapping[str, Clip],
        hashes: Mapping[str, str],
        wanted: MediaWanted,
        kept_bytes: int,
        max_clip_seconds: float = MAX_CLIP_SECONDS,
        cache: MediaCache | None = None,
    ):
        self._clips = clips
        self._hashes = hashes
        self._wanted = wanted
        self._room = kept_bytes
        self._kept: OrderedDict[str, ClipMedia] = OrderedDict()
        self._max_clip_seconds = max_clip_seconds
        self._limits = DecodeLimits.for_clips_of(max_clip_seconds)
        self._cache = cache

    def identity(self, clip: str, altered: AlteredInput | None = None) -> str:
        """Hash what a decoded clip follows from, without decoding it."""
        key = media_key(self._hashes[clip], self._wanted)
        if altered is None:
            return key
        partner = None if altered.partner is None else self.identity(altered.partner)
        return hash_json([key, altered.model_dump(mode="json"), partner])

    def get(self, clip: str) -> ClipMedia:
        """Return a clip.

        Raises:
            DataError: If it cannot be decoded.
        """
        if clip in self._kept:
            self._kept.move_to_end(clip)
            return self._kept[clip]
        key, files = self.identity(clip), self._clips[clip]
        cached = self._cache and self._cache.get(key, files, self._max_clip_seconds)
        media = cached or self._decode(clip, key, files)
        self._keep(clip, media)
        return media

    def _decode(self, clip: str, key: str, files: Clip) -> ClipMedia:
        try:
            media = decode_clip(files, self._wanted, key=key, limits=self._limits)
        except MediaError as error:
            raise DataError(
                f"The clip {clip} cannot be trained on: it {error.problem}",
                where=error.where,
                remedy=f"{error.remedy} Or take its examples out of the data.",
            ) from error
        if self._cache is not None:
            self._cache.keep(DecodeJob(files, self._wanted, key), media, self._max_clip_seconds)
        return media

    def get_altered(self, clip: str, altered: AlteredInput) -> ClipMedia:
        """Return the altered input of a pair.

        Raises:
            DataError: If the clip or its partner cannot be decoded.
        """
        partner = None if altered.partner is None else self.get(altered.partner)
        return alter_clip(self.get(clip), altered, partner)

    def _keep(self, clip: str, media: ClipMedia) -> None:
        self._kept[clip] = media
        self._room -= _size(media)
        while self._room < 0:
            _, oldest = self._kept.popitem(last=False)
            self._room += _size(oldest)


def _size(media: ClipMedia) -> int:
    return sum(array.nbytes for array in (media.frames, media.waveform) if array is not None)

"""Clips decoded ahead of the model, a bounded number at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.media import ClipMedia, Decoder, MediaWanted
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.identity import media_key
from emoreal_bench.media.errors import MediaError
from emoreal_bench.media_cache.decoder import CachingDecoder
from emoreal_bench.running.busy import BusyClock, Holdup, HoldupClock
from emoreal_bench.running.plan import Plan

_BYTES_AHEAD = 640 << 20
"""Of clips that wait for large batches: 64 of them with 8 frames of 448 pixels."""
_FULL_SIDE = 1080
"""Pixels of the shorter side that a frame is taken to have where it keeps the size of its file."""


@dataclass(frozen=True, slots=True)
class OpenClip:
    """A clip and its questions that are still to be asked.

    Attributes:
        key: Of the clip.
        positions: Of the questions among the run's items.
    """

    key: str
    positions: list[int]


def room_for_clips(wanted: MediaWanted | None) -> int:
    """Return how many decoded clips may wait for large batches, whatever those could use.

    Args:
        wanted: Of each clip; None where none is decoded.
    """
    size = 1
    if wanted is not None and Modality.VIDEO in wanted.modalities:
        side = wanted.size or _FULL_SIDE
        size += wanted.frames * 3 * side * side * 16 // 9
    if wanted is not None and Modality.AUDIO in wanted.modalities:
        size += 4 * round(wanted.sample_rate * wanted.max_seconds)
    return _BYTES_AHEAD // size


class LookAhead:
    """Decodes the next clips while the model works on the ones before.

    Args:
        plan: Knows the clips.
        decoder: Decodes them; None where the model takes no media, which makes
            every clip's media None.
        wanted: What of a clip the model takes.
        clips: How many clips to decode before they are needed.
        held_up: Hears when a clip is waited for.

    Attributes:
        busy: Runs while a clip is decoded.
        decoded: Number of clips that were made ready.
    """

    def __init__(
        self,
        plan: Plan,
        decoder: Decoder | None,
        wanted: MediaWanted | None,
        clips: int,
        held_up: HoldupClock,
    ):
        self._plan = plan
        self._decoder = decoder
        self._wanted = wanted
        self._clips = clips
        self._held_up = held_up
        self.busy = BusyClock()
        self.decoded = 0

    @property
    def from_cache(self) -> int:
        """How many of them a media cache held."""
        return self._decoder.hits if isinstance(self._decoder, CachingDecoder) else 0

    async def decode_all(
        self, clips: Iterable[OpenClip]
    ) -> AsyncGenerator[tuple[OpenClip, ClipMedia | MediaError | None]]:
        """Yield each clip with its media, or with the error that stands for them, in order."""
        if self._decoder is None or self._wanted is None:
            for clip in clips:
                yield clip, None
            return
        ahead: deque[tuple[OpenClip, asyncio.Task[ClipMedia | MediaError]]] = deque()
        try:
            for clip in clips:
                decoding = self._decode(self._decoder, self._wanted, clip.key)
                ahead.append((clip, asyncio.create_task(decoding)))
                if len(ahead) > self._clips:
                    first, task = ahead.popleft()
                    yield first, await self._wait_for(task)
            while ahead:
                first, task = ahead.popleft()
                yield first, await self._wait_for(task)
        finally:
            for _, task in ahead:
                task.cancel()
            await asyncio.gather(*(task for _, task in ahead), return_exceptions=True)

    async def _wait_for(self, task: asyncio.Task[ClipMedia | MediaError]) -> ClipMedia | MediaError:
        with self._held_up.during(Holdup.DECODING):
            return await task

    async def decode_examples(self) -> dict[str, ClipMedia]:
        """Decode the clips of the worked examples, which are kept for the whole run.

        They are never altered: what an alteration tests is the clip in question.

        Raises:
            DataError: If one cannot be decoded, since every question needs it.
        """
        examples = self._plan.examples
        if self._decoder is None or self._wanted is None:
            return {}
        wanted = self._wanted.model_copy(
            update={"alteration": Alteration.NONE, "alteration_seed": 0}
        )
        decoded = {}
        for key, clip in examples.clips.items():
            try:
                with self.busy, self._held_up.during(Holdup.DECODING):
                    media = await self._decoder.decode(
                        clip, wanted, media_key(examples.clip_hashes[key], wanted)
                    )
            except MediaError as error:
                raise DataError(
                    f"The clip of a worked example cannot be used: {error}",
                    remedy="Nothing was asked. Repair the clip, or draw others with --shots-seed.",
                ) from error
            self.decoded += 1
            decoded[key] = media
        return decoded

    async def _decode(
        self, decoder: Decoder, wanted: MediaWanted, key: str
    ) -> ClipMedia | MediaError:
        plan = self._plan
        clip_hash = plan.clip_hashes[key]
        assert clip_hash is not None, "a missing clip is never decoded"
        partner = plan.partners.get(key)
        partner_hash = None if partner is None else plan.clip_hashes[partner]
        try:
            with self.busy:
                media = await decoder.decode(
                    plan.clips[key],
                    wanted,
                    media_key(clip_hash, wanted, partner_hash),
                    None if partner is None else plan.clips[partner],
                )
        except MediaError as error:
            return error
        self.decoded += 1
        return media

"""The open questions of a run, each with its decoded clip."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.identity import why_no_clip
from emoreal_bench.media.errors import MediaError
from emoreal_bench.running.decoding import LookAhead, OpenClip
from emoreal_bench.running.ledger import Ledger
from emoreal_bench.running.plan import Plan


class OpenQuestions:
    """Turns the open items of a run into requests.

    Args:
        plan: What is asked.
        ledger: Knows what is open, and takes the items that cannot be asked.
        look_ahead: Decodes the clips.
    """

    def __init__(self, plan: Plan, ledger: Ledger, look_ahead: LookAhead):
        self._plan = plan
        self._ledger = ledger
        self._look_ahead = look_ahead
        self._example_media: dict[str, ClipMedia] = {}

    async def open(self) -> None:
        """Decode the clips of the worked examples.

        Raises:
            DataError: If one cannot be decoded.
        """
        self._example_media = await self._look_ahead.decode_examples()

    async def requests(
        self, is_wanted: Callable[[int], bool] | None = None
    ) -> AsyncGenerator[tuple[int, Request]]:
        """Yield each open item's position and request, the questions of a clip together.

        An item whose clip is missing or cannot be decoded is finished on the way.

        Args:
            is_wanted: Says of an open item's position whether to yield it; None for all.
        """
        groups = self._open_clips(is_wanted or (lambda _: True))
        async with aclosing(self._look_ahead.decode_all(groups)) as clips:
            async for clip, media in clips:
                if isinstance(media, MediaError):
                    self._finish_unasked(clip, media.delivery_status, media.in_one_line())
                    continue
                level = None if media is None else media.level()
                for position in clip.positions:
                    if media is not None:
                        self._ledger.note_clip(position, media.duration, level)
                    yield position, self._make_request(self._plan.items[position], media)

    def _open_clips(self, is_wanted: Callable[[int], bool]) -> Iterator[OpenClip]:
        for key, group in self._plan.groups.items():
            positions = [
                position
                for position in group
                if self._ledger.is_open(position) and is_wanted(position)
            ]
            if not positions:
                continue
            clip = OpenClip(key, positions)
            if self._plan.clip_hashes[key] is None:
                detail = why_no_clip(self._plan.clips[key])
                self._finish_unasked(clip, DeliveryStatus.MISSING, detail)
            else:
                yield clip

    def _finish_unasked(self, clip: OpenClip, status: DeliveryStatus, detail: str) -> None:
        for position in clip.positions:
            item = self._plan.items[position]
            self._ledger.finish(position, Result(item.id, status, detail=detail))

    def _make_request(self, item: Item, media: ClipMedia | None) -> Request:
        request = self._plan.make_request(item, media)
        if not self._example_media:
            return request
        keys = (example.clip for example in self._plan.examples.items[item.subtask])
        examples = {key: self._example_media[key] for key in keys}
        return replace(request, clips={**examples, **request.clips})

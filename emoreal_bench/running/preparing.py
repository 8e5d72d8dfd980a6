"""Clips decoded before any model is asked, so that runs find them in the media cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import aclosing

from rich.text import Text

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.identity import why_no_clip
from emoreal_bench.media.errors import MediaError
from emoreal_bench.media_cache.decoder import CachingDecoder
from emoreal_bench.media_cache.store import MediaCache
from emoreal_bench.running.busy import HoldupClock
from emoreal_bench.running.decoding import LookAhead, OpenClip
from emoreal_bench.running.loops import run_to_end
from emoreal_bench.running.plan import Plan
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.runner import make_decoder


class PreparedMedia(Record):
    """What became of the clips of a task."""

    folder: str
    """Of the media cache."""
    decoded: int
    kept: int
    """Clips that were there already."""
    unusable: dict[str, str]
    """Clips that are missing or cannot be decoded, with the problem."""
    notices: tuple[str, ...]
    """What was found damaged in the cache, or why it takes no more."""

    @property
    def is_complete(self) -> bool:
        """Return whether every clip is there now."""
        return not self.unusable and not self.notices

    def lines(self) -> Iterator[Text]:
        """Return it in words, for a terminal."""
        yield Text(f"{self.decoded} clips decoded, {self.kept} kept from before, in {self.folder}")
        yield Text(f"clips that cannot be used: {len(self.unusable)}")
        yield from (Text(f"  {clip}: {problem}") for clip, problem in self.unusable.items())
        yield from map(Text, self.notices)


def prepare_media(
    plan: Plan, policy: RunPolicy, progress: Callable[[int, int], None] | None = None
) -> PreparedMedia:
    """Decode the clips of a plan into the media cache of a policy.

    Args:
        plan: Its clips, and what is wanted of each.
        policy: The cache, and how clips are decoded.
        progress: Called with clips that are done and clips in all.

    Raises:
        UsageError: If the policy names no cache, or the task wants nothing of its clips.
        RunError: If the folder of the cache cannot be made.
        DataError: If the clip of a worked example cannot be decoded.
    """
    if policy.media_cache is None:
        raise UsageError("Clips are prepared in a media cache, and none is named.")
    wanted = plan.request.media
    if not wanted.modalities:
        raise UsageError("Nothing is wanted of the clips, so there is nothing to prepare.")
    notices: list[str] = []
    found = _Prepared(plan, policy, MediaCache(policy.media_cache, notices.append), progress)
    run_to_end(found.prepare(wanted))
    return PreparedMedia(
        folder=str(policy.media_cache.folder),
        decoded=found.decoded,
        kept=found.kept,
        unusable=found.unusable,
        notices=tuple(notices),
    )


class _Prepared:
    """Counts while it decodes."""

    def __init__(
        self,
        plan: Plan,
        policy: RunPolicy,
        cache: MediaCache,
        progress: Callable[[int, int], None] | None,
    ):
        self._plan = plan
        self._policy = policy
        self._cache = cache
        self._progress = progress
        self._done = 0
        self.decoded = self.kept = 0
        self.unusable: dict[str, str] = {}

    async def prepare(self, wanted: MediaWanted) -> None:
        plan, policy = self._plan, self._policy
        async with make_decoder(policy) as pool:
            decoder = CachingDecoder(pool, self._cache, policy.max_clip_seconds)
            ahead = max(policy.decode_ahead, policy.decode_workers)
            look_ahead = LookAhead(plan, decoder, wanted, ahead, HoldupClock())
            await look_ahead.decode_examples()
            async with aclosing(look_ahead.decode_all(self._there())) as clips:
                async for clip, media in clips:
                    if isinstance(media, MediaError):
                        self.unusable[clip.key] = str(media)
                    self._done += 1
                    if self._progress is not None:
                        self._progress(self._done, len(plan.groups))
            self.kept = look_ahead.from_cache
            self.decoded = look_ahead.decoded - self.kept

    def _there(self) -> Iterator[OpenClip]:
        for key in self._plan.groups:
            if self._plan.clip_hashes[key] is None:
                self.unusable[key] = why_no_clip(self._plan.clips[key])
                self._done += 1
            else:
                yield OpenClip(key, [])

"""Decoding and asking go on side by side: a run is as long as the longer of the two.

Time is made up: a loop that has nothing to do is at once where its next timer is. So the
ratio is that of the order of work alone, on any machine.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path

import pytest

from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.running import runner
from emoreal_bench.running.decoding import room_for_clips
from emoreal_bench.running.runner import run_task
from tests.unit.running.fakes import MEDIA, FakeDecoder, FakeModel, plan_of

CLIPS, WORKERS, AT_ONCE = 160, 2, 8
DECODING = 1.0
"""Seconds for a clip."""


class Hasty(selectors.SelectSelector):
    """Never waits, and counts for how long it should have."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.passed += timeout or 0.0
        return super().select(0)


class MadeUpTime(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = Hasty()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.passed


class Pool(FakeDecoder):
    """Decodes two clips at a time."""

    async def decode(
        self, clip: Clip, wanted: MediaWanted, key: str, partner: Clip | None = None
    ) -> ClipMedia:
        if not hasattr(self, "turns"):
            self.turns = asyncio.Semaphore(WORKERS)
        async with self.turns:
            await asyncio.sleep(DECODING)
            return await super().decode(clip, wanted, key, partner)


class Waiting(FakeModel):
    """Waits once for each call."""

    def __init__(self, seconds: float, capabilities: Capabilities):
        super().__init__(capabilities=capabilities)
        self._seconds = seconds

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        await asyncio.sleep(self._seconds)
        async for result in super().generate(requests):
            yield result


@pytest.mark.parametrize("share", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    ("batch", "concurrency"), [(AT_ONCE, 1), (1, AT_ONCE), (4, 2)], ids=["GPU", "service", "two"]
)
@pytest.mark.parametrize("per_clip", [1, 2])
def test_a_run_takes_little_longer_than_the_larger_of_decoding_and_asking(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    batch: int,
    concurrency: int,
    per_clip: int,
) -> None:
    taken = []

    def run_in_made_up_time(work: Coroutine[None, None, None]) -> None:
        loop = MadeUpTime()
        try:
            loop.run_until_complete(work)
        finally:
            loop.close()
        taken.append(loop.selector.passed)

    monkeypatch.setattr(runner, "run_to_end", run_in_made_up_time)
    monkeypatch.setattr(runner, "make_decoder", lambda policy: Pool())
    items = CLIPS * per_clip
    decoding = CLIPS * DECODING / WORKERS
    calls = items / batch / concurrency
    model = Waiting(
        share * decoding / calls,
        Capabilities(modalities=MEDIA, batch_size=batch, concurrency=concurrency),
    )
    run_task(plan_of(tmp_path, items, per_clip), model, tmp_path / "run")
    assert sum(model.asked.values()) == items
    assert taken[0] <= 1.1 * max(decoding, share * decoding)


@pytest.mark.parametrize(
    ("changed", "clips"),
    [({}, 64), ({"frames": 64}, 9), ({"frames": 1024}, 0), ({"size": None}, 11)],
)
def test_clips_ahead_are_bounded_by_what_they_hold(changed: dict[str, object], clips: int) -> None:
    wanted = MediaWanted.model_validate({**MediaWanted().model_dump(), **changed})
    room = room_for_clips(wanted)
    assert room == pytest.approx(clips, abs=1)
    assert room_for_clips(None) > 1_000_000

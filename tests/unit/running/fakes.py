"""A data set of a few items, a model and a decoder that do as they are told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.adapter import Capabilities, ModelAdapter, ModelDescription
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.readers import Dataset
from emoreal_bench.running.observer import RunObserver, RunSummary
from emoreal_bench.running.plan import Plan, PlanOptions, make_plan

MEDIA = (Modality.VIDEO, Modality.AUDIO, Modality.TEXT)
SUBTASKS = ("modality_agreement", "reasoning_stress_audio", "reasoning_stress_video")


def make_dataset(
    root: Path, items: int = 6, per_clip: int = 2, missing: Sequence[int] = ()
) -> Dataset:
    """Make yes/no items, so many to a clip, their answers A and B in turn.

    Args:
        root: Where the clips are written: a few bytes each, all different.
        items: How many.
        per_clip: Questions of one clip.
        missing: Numbers of the clips whose file is left out.
    """
    made, clips = [], {}
    for number in range(items):
        clip = number // per_clip
        key = f"clip-{clip}"
        if key not in clips:
            clips[key] = Clip(key, root / f"{key}.mp4")
            if clip not in missing:
                clips[key].video.write_bytes(f"picture {clip}".encode())
        made.append(
            Item(
                id=f"item-{number}",
                subtask=SUBTASKS[number % len(SUBTASKS)],
                question=f"Is it so, number {number}?",
                choices=("(A) Yes", "(B) No"),
                answer="AB"[number % 2],
                clip=key,
            )
        )
    return Dataset(made, clips, ())


def plan_of(
    root: Path,
    items: int = 6,
    per_clip: int = 2,
    missing: Sequence[int] = (),
    options: PlanOptions | None = None,
) -> Plan:
    """Plan the items of :func:`make_dataset` as questions of EmoReAlM."""
    dataset = make_dataset(root, items, per_clip, missing)
    return make_plan(find_task("emorealm"), dataset, root, options or PlanOptions())


def answer_yes(request: Request, attempt: int) -> Result:
    """Reply (A) to everything."""
    return Result(request.id, DeliveryStatus.OK, "(A)")


class FakeModel(ModelAdapter):
    """Asks a function what to reply, and notes what it was asked.

    Args:
        reply: Given a request and how often this item was asked so far (from 1).
        name: As in its description; stands for its weights.
        capabilities: What it says it can take.
    """

    def __init__(
        self,
        reply: Callable[[Request, int], Result] = answer_yes,
        *,
        name: str = "fake/yes",
        capabilities: Capabilities | None = None,
    ):
        self._reply = reply
        self._description = ModelDescription(
            name=name, capabilities=capabilities or Capabilities(batch_size=2)
        )
        self.batches: list[list[str]] = []
        self.asked: Counter[str] = Counter()
        self.requests: list[Request] = []
        self.opened = self.closed = 0

    def describe(self) -> ModelDescription:
        return self._description

    async def open(self) -> None:
        self.opened += 1

    async def close(self) -> None:
        self.closed += 1

    def render(self, request: Request) -> str:
        return repr(request.messages)

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        self.batches.append([request.id for request in requests])
        for request in requests:
            self.asked[request.id] += 1
            self.requests.append(request)
            await asyncio.sleep(0)
            yield self._reply(request, self.asked[request.id])


@dataclass
class FakeDecoder:
    """Gives empty media, and notes how many clips it holds at a time."""

    reply: Callable[[Clip], ClipMedia] | None = None
    decoded: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    wanted: list[MediaWanted] = field(default_factory=list)
    partners: list[str | None] = field(default_factory=list)

    async def decode(
        self, clip: Clip, wanted: MediaWanted, key: str, partner: Clip | None = None
    ) -> ClipMedia:
        self.decoded.append(clip.key)
        self.keys.append(key)
        self.wanted.append(wanted)
        self.partners.append(None if partner is None else partner.key)
        await asyncio.sleep(0)
        if self.reply is not None:
            return self.reply(clip)
        return ClipMedia(key, clip.video, None, (), None, wanted.sample_rate, 1.0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class NotingObserver(RunObserver):
    """Keeps everything that it hears."""

    def __init__(self) -> None:
        self.started: list[tuple[int, int]] = []
        self.notices: list[str] = []
        self.results: list[Result] = []
        self.retries: list[tuple[int, float, str]] = []
        self.summaries: list[RunSummary] = []

    def on_start(self, items: int, finished: int) -> None:
        self.started.append((items, finished))

    def on_notice(self, notice: str) -> None:
        self.notices.append(notice)

    def on_item(self, result: Result) -> None:
        self.results.append(result)

    def on_retry(self, items: int, seconds: float, detail: str) -> None:
        self.retries.append((items, seconds, detail))

    def on_end(self, summary: RunSummary) -> None:
        self.summaries.append(summary)

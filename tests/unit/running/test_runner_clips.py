"""How a run gives a model its clips: decoded once, ahead of it, a bounded number at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.run_record import ITEMS_FILE, HeldUp, Timings
from emoreal_bench.contracts.vocabulary import Alteration, DeliveryStatus, Modality
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.record.folder import RunFolder, load_timings
from emoreal_bench.running import runner
from emoreal_bench.running.plan import PlanOptions
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.runner import run_task
from tests.unit.running.fakes import MEDIA, FakeDecoder, FakeModel, plan_of

AT_ONCE = RunPolicy(backoff_seconds=0.0)
SEEING = Capabilities(modalities=MEDIA, batch_size=2)


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> FakeDecoder:
    """Replace the pool of worker processes."""
    fake = FakeDecoder()
    monkeypatch.setattr(runner, "make_decoder", lambda policy: fake)
    return fake


def test_a_clip_is_decoded_once_however_many_questions_ask_about_it(
    tmp_path: Path, decoder: FakeDecoder
) -> None:
    model = FakeModel(capabilities=SEEING)
    run_task(plan_of(tmp_path, items=9, per_clip=3), model, tmp_path / "run")
    assert decoder.decoded == ["clip-0", "clip-1", "clip-2"]
    clips = {request.id: list(request.clips) for request in model.requests}
    assert clips == {f"item-{number}": [f"clip-{number // 3}"] for number in range(9)}
    timings = load_timings(tmp_path / "run")
    assert timings is not None
    assert (timings.clips_decoded, timings.requests) == (3, 9)


def test_the_length_of_each_decoded_clip_is_logged_with_its_items(
    tmp_path: Path, decoder: FakeDecoder
) -> None:
    run_task(plan_of(tmp_path, items=2), FakeModel(capabilities=SEEING), tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / ITEMS_FILE).open("rb")]
    assert [line["clip_seconds"] for line in lines] == [1.0, 1.0]


def test_a_model_that_takes_no_media_has_no_clip_decoded(
    tmp_path: Path, decoder: FakeDecoder
) -> None:
    run_task(plan_of(tmp_path), FakeModel(), tmp_path / "run")
    assert decoder.decoded == []


def test_only_what_the_model_takes_is_decoded(tmp_path: Path, decoder: FakeDecoder) -> None:
    deaf = Capabilities(modalities=(Modality.VIDEO, Modality.TEXT))
    run_task(plan_of(tmp_path, items=2), FakeModel(capabilities=deaf), tmp_path / "run")
    assert [wanted.modalities for wanted in decoder.wanted] == [(Modality.VIDEO,)]


def test_a_swapped_clip_is_decoded_with_its_partner(tmp_path: Path, decoder: FakeDecoder) -> None:
    swap = PlanOptions(media=MediaWanted(alteration=Alteration.SWAP))
    plan = plan_of(tmp_path, options=swap)
    run_task(plan, FakeModel(capabilities=SEEING), tmp_path / "run")
    assert dict(zip(decoder.decoded, decoder.partners, strict=True)) == dict(plan.partners)


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (MediaProblem.DAMAGED, DeliveryStatus.MISSING),
        (MediaProblem.TIME_LIMIT, DeliveryStatus.FAILED),
    ],
)
def test_a_clip_that_cannot_be_decoded_costs_its_own_items(
    tmp_path: Path, decoder: FakeDecoder, problem: MediaProblem, status: DeliveryStatus
) -> None:
    def decode(clip: Clip) -> ClipMedia:
        if clip.key == "clip-1":
            raise MediaError(problem, "the file ends early", str(clip.video))
        return ClipMedia(clip.key, None, None, (), None, 16_000, 1.0)

    decoder.reply = decode
    model = FakeModel(capabilities=SEEING)
    summary = run_task(plan_of(tmp_path), model, tmp_path / "run", AT_ONCE)
    assert summary.statuses == {DeliveryStatus.OK: 4, status: 2}
    assert "item-2" not in model.asked


class Holding(FakeDecoder):
    """Counts the clips that are decoded and not yet answered."""

    def __init__(self, model: FakeModel):
        super().__init__()
        self._model = model
        self.most = 0

    async def decode(
        self, clip: Clip, wanted: MediaWanted, key: str, partner: Clip | None = None
    ) -> ClipMedia:
        media = await super().decode(clip, wanted, key, partner)
        self.most = max(self.most, len(self.decoded) - len(self._model.asked))
        return media


def test_clips_in_memory_are_bounded_by_look_ahead_and_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = FakeModel(capabilities=SEEING)
    holding = Holding(model)
    monkeypatch.setattr(runner, "make_decoder", lambda policy: holding)
    plan = plan_of(tmp_path, items=60, per_clip=1)
    run_task(plan, model, tmp_path / "run", RunPolicy(decode_ahead=3))
    assert len(holding.decoded) == 60
    # One batch of two, three clips ahead, and the one just taken from the window.
    assert 3 <= holding.most <= 6


@pytest.mark.parametrize(("per_clip", "concurrency"), [(1, 1), (2, 1), (1, 3)])
def test_while_a_model_works_the_clips_of_its_next_batches_are_decoded(
    tmp_path: Path, decoder: FakeDecoder, per_clip: int, concurrency: int
) -> None:
    batch = 8
    capabilities = Capabilities(modalities=MEDIA, batch_size=batch, concurrency=concurrency)
    model = Watching(decoder, capabilities)
    plan = plan_of(tmp_path, items=10 * batch, per_clip=per_clip)
    run_task(plan, model, tmp_path / "run", RunPolicy(decode_ahead=1))
    assert model.decoded[0] >= (1 + concurrency) * batch // per_clip


class Watching(FakeModel):
    """Works until nothing more is decoded beside it, and notes how much was."""

    def __init__(self, decoder: FakeDecoder, capabilities: Capabilities):
        super().__init__(capabilities=capabilities)
        self._decoder = decoder
        self.decoded: list[int] = []

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        for _ in range(500):
            await asyncio.sleep(0)
        self.decoded.append(len(self._decoder.decoded))
        async for result in super().generate(requests):
            yield result


def test_a_run_that_waits_for_its_clips_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "make_decoder", lambda policy: Slow())
    run_task(plan_of(tmp_path, items=6), FakeModel(capabilities=SEEING), tmp_path / "run")
    timings = load_timings(tmp_path / "run")
    assert timings is not None
    assert timings.held_up is not None
    assert max(timings.held_up, key=lambda share: share[1])[0] == "decoding"
    assert sum(share for _, share in timings.held_up) == pytest.approx(1.0)


class Slow(FakeDecoder):
    """Takes a while for each clip."""

    async def decode(
        self, clip: Clip, wanted: MediaWanted, key: str, partner: Clip | None = None
    ) -> ClipMedia:
        await asyncio.sleep(0.3)
        return await super().decode(clip, wanted, key, partner)


@pytest.mark.parametrize("needs_network", [False, True])
def test_a_run_that_waits_for_its_model_says_whether_that_is_a_service(
    tmp_path: Path, decoder: FakeDecoder, needs_network: bool
) -> None:
    capabilities = SEEING.model_copy(update={"needs_network": needs_network})
    model = Thinking(capabilities=capabilities)
    run_task(plan_of(tmp_path, items=4), model, tmp_path / "run")
    timings = load_timings(tmp_path / "run")
    assert timings is not None
    assert timings.held_up is not None
    expected = "service" if needs_network else "model"
    assert max(timings.held_up, key=lambda share: share[1])[0] == expected


@pytest.mark.parametrize("needs_network", [False, True])
def test_a_run_that_waits_until_its_model_is_loaded_says_so(
    tmp_path: Path, decoder: FakeDecoder, *, needs_network: bool
) -> None:
    capabilities = SEEING.model_copy(update={"needs_network": needs_network})
    run_task(plan_of(tmp_path, items=4), Loading(capabilities=capabilities), tmp_path / "run")
    timings = load_timings(tmp_path / "run")
    assert timings is not None
    assert timings.held_up is not None
    assert max(timings.held_up, key=lambda share: share[1])[0] == "loading"


class Loading(FakeModel):
    """Takes a while until it can be asked."""

    async def open(self) -> None:
        await asyncio.sleep(0.5)
        await super().open()


class Thinking(FakeModel):
    """Takes a while for each batch."""

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        await asyncio.sleep(0.5)
        async for result in super().generate(requests):
            yield result


def test_waits_that_a_service_asks_for_count_as_the_service(
    tmp_path: Path, decoder: FakeDecoder
) -> None:
    def overloaded(request: Request, attempt: int) -> Result:
        if attempt == 1:
            return Result(request.id, DeliveryStatus.FAILED, retry_after=0.5)
        return Result(request.id, DeliveryStatus.OK, "(A)")

    service = SEEING.model_copy(update={"needs_network": True})
    run_task(
        plan_of(tmp_path, items=2),
        FakeModel(overloaded, capabilities=service),
        tmp_path / "run",
        AT_ONCE,
    )
    timings = load_timings(tmp_path / "run")
    assert timings is not None
    assert timings.held_up is not None
    assert timings.held_up.service > 0.5


def test_the_shares_of_several_sittings_are_weighed_by_their_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder:
        for seconds, model in ((1.0, 1.0), (3.0, 0.0)):
            total = folder.add_timings(sitting_of(seconds, model))
    assert total.held_up == HeldUp(model=0.25, decoding=0.75, service=0.0, writing=0.0, rest=0.0)


def test_a_sitting_of_an_earlier_version_leaves_the_shares_open(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run") as folder:
        folder.add_timings(sitting_of(1.0, 1.0).model_copy(update={"held_up": None}))
        assert folder.add_timings(sitting_of(1.0, 1.0)).held_up is None


def sitting_of(seconds: float, model: float) -> Timings:
    shares = HeldUp(model=model, decoding=1.0 - model, service=0.0, writing=0.0, rest=0.0)
    return Timings(
        sittings=1,
        wall_seconds=seconds,
        model_seconds=seconds * model,
        decode_seconds=seconds,
        clips_decoded=1,
        requests=1,
        cache_hits=0,
        items_per_second=1.0,
        held_up=shares,
    )

"""How a run gives a model its clips: decoded once, ahead of it, a bounded number at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.run_record import ITEMS_FILE
from emoreal_bench.contracts.vocabulary import Alteration, DeliveryStatus, Modality
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.record.folder import load_timings
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

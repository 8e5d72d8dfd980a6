"""What a run would do, without asking the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.item import Clip
from emoreal_bench.running.dry_run import make_dry_run
from tests.media_files import make_clip
from tests.unit.running.fakes import MEDIA, FakeModel, plan_of

SEEING = Capabilities(modalities=MEDIA)


def test_it_counts_items_clips_and_replies_and_asks_nothing(tmp_path: Path) -> None:
    model = FakeModel()
    plan = plan_of(tmp_path, items=8, missing=[1])
    dry_run = make_dry_run(plan, model)
    assert dry_run.items_by_subtask == {
        "modality_agreement": 3,
        "reasoning_stress_audio": 3,
        "reasoning_stress_video": 2,
    }
    assert (dry_run.items, dry_run.clips, dry_run.missing_clips) == (8, 4, 1)
    assert dry_run.reply_tokens == 8 * 32
    assert model.opened == 0
    assert model.asked == {}


def test_it_shows_the_first_prompt_of_each_subtask_as_it_would_be_asked(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    dry_run = make_dry_run(plan, FakeModel())
    assert list(dry_run.first_prompts) == list(dry_run.items_by_subtask)
    asked = FakeModel().render(plan.make_request(plan.items[0], None))
    assert dry_run.first_prompts["modality_agreement"] == asked


def test_a_blind_model_has_nothing_decoded(tmp_path: Path) -> None:
    dry_run = make_dry_run(plan_of(tmp_path), FakeModel())
    assert dry_run.decode_seconds is None
    assert dry_run.frames == 0


def test_decoding_is_estimated_from_a_few_clips(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "real.mp4")
    plan = plan_of(tmp_path)
    plan = replace(plan, clips={key: Clip(key, clip) for key in plan.clips})
    dry_run = make_dry_run(plan, FakeModel(capabilities=SEEING))
    assert dry_run.decode_seconds is not None
    assert dry_run.decode_seconds > 0
    assert dry_run.frames == 6 * 8
    assert dry_run.unreadable_clips == 0


def test_clips_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    dry_run = make_dry_run(plan_of(tmp_path), FakeModel(capabilities=SEEING))
    # The first items of the three subtasks ask about the first two clips.
    assert dry_run.unreadable_clips == 2
    assert dry_run.decode_seconds is None


def test_the_cost_is_of_words_and_replies_at_the_prices_of_the_model(tmp_path: Path) -> None:
    priced = FakeModel(capabilities=Capabilities(prices=(2.0, 10.0)))
    dry_run = make_dry_run(plan_of(tmp_path), priced)
    assert dry_run.cost == (dry_run.prompt_tokens * 2 + dry_run.reply_tokens * 10) / 1e6
    assert make_dry_run(plan_of(tmp_path), FakeModel()).cost is None


def test_it_says_all_of_it_in_words(tmp_path: Path) -> None:
    lines = "\n".join(str(line) for line in make_dry_run(plan_of(tmp_path), FakeModel()).lines())
    for words in ("6 items", "modality_agreement: 2", "clips: 3", "cost: not known", "Is it so"):
        assert words in lines

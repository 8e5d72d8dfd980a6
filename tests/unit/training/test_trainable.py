"""Models in training: packed scores are those of separate rows, and only the adapter learns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.training.examples import packing
from emoreal_bench.training.examples.answers import PromptWithAnswers
from emoreal_bench.training.trainable import LoraSettings, TrainableModel, load_trainable
from tests.training_models import (
    ANSWERS,
    FAMILIES,
    TinyModel,
    ask,
    make_prompts,
    make_tiny_model,
    separate,
    take_steps,
)


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    return make_tiny_model(request.param, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def trainable(model: TinyModel) -> TrainableModel:
    """Load the model with an adapter that has learned something."""
    loaded = model.load()
    take_steps(loaded, [ask(make_clip(1), make_clip(1))])
    return loaded


def score(trainable: TrainableModel, *prompts: PromptWithAnswers) -> torch.Tensor:
    with torch.no_grad():
        scores: torch.Tensor = trainable.network(trainable.prepare(prompts))
    return scores


def gradients(trainable: TrainableModel, prompts: list[PromptWithAnswers]) -> list[torch.Tensor]:
    trainable.network.zero_grad()
    torch.autograd.backward(trainable.network(trainable.prepare(prompts)).sum())
    return [one.grad.clone() for one in trainable.network.parameters() if one.grad is not None]


@contextmanager
def count(trainable: TrainableModel, method: str) -> Iterator[list[Any]]:
    """Note what a method of the model is given last."""
    reader, noted = trainable._reader, []
    original = getattr(reader, method)

    def watch(*arguments: Any) -> Any:
        noted.append(arguments[-1])
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, method, watch)
        yield noted


def test_packed_answers_score_as_in_rows_of_their_own(trainable: TrainableModel) -> None:
    prompts = make_prompts()
    apart = torch.cat([score(trainable, one) for prompt in prompts for one in separate(prompt)])
    together = score(trainable, *prompts)
    assert together.dtype == torch.float32
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-5)


def test_scores_do_not_depend_on_the_padding_of_a_batch(
    trainable: TrainableModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = ask(None, None, "No"), ask(None, None, question="Is he so? " * 10)
    alone = score(trainable, short)
    monkeypatch.setattr(packing, "_WORTH_SHARING", 2.0)
    monkeypatch.setattr(packing, "_ROOM", (1,))
    batch = trainable.prepare([long, short])
    assert int((batch.segments == 0).sum()) > 0
    with torch.no_grad():
        together = trainable.network(batch)
    torch.testing.assert_close(together[-1:], alone, rtol=0, atol=1e-5)


def test_gradients_are_those_of_rows_of_their_own(trainable: TrainableModel) -> None:
    prompts = make_prompts()[:2]
    apart = [one for prompt in prompts for one in separate(prompt)]
    sums = [
        sum(parts) for parts in zip(*(gradients(trainable, [one]) for one in apart), strict=True)
    ]
    for together, summed in zip(gradients(trainable, prompts), sums, strict=True):
        torch.testing.assert_close(together, summed, rtol=1e-3, atol=1e-4)


def test_only_the_adapter_on_the_language_model_learns(trainable: TrainableModel) -> None:
    learning = [name for name, one in trainable.network.named_parameters() if one.requires_grad]
    assert learning
    assert all("language_model" in name and ".lora_" in name for name in learning)
    before = {name: one.clone() for name, one in trainable.network.state_dict().items()}
    take_steps(trainable, [ask(make_clip(1), make_clip(1))], steps=1)
    after = trainable.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == set(learning)


def test_saving_memory_changes_no_gradient(model: TinyModel) -> None:
    prompts = make_prompts()[:2]
    plain, saving = model.load(), model.load(gradient_checkpointing=True)
    kept, computed_anew = gradients(plain, prompts), gradients(saving, prompts)
    for one, other in zip(kept, computed_anew, strict=True):
        torch.testing.assert_close(one, other)


def test_the_reference_is_the_model_before_training(model: TinyModel) -> None:
    prompts = make_prompts()
    loaded = model.load()
    before = score(loaded, *prompts)
    take_steps(loaded, prompts[:1])
    with loaded.without_adapter():
        assert torch.equal(score(loaded, *prompts), before)
    assert not torch.allclose(score(loaded, *prompts), before, atol=0.1)
    assert len(gradients(loaded, prompts[:1])) > 0


def test_a_start_is_where_training_goes_on_and_stays_the_reference(
    model: TinyModel, trainable: TrainableModel, tmp_path: Path
) -> None:
    prompts = make_prompts()
    started = score(trainable, *prompts)
    trainable.save_adapter(tmp_path / "adapter")
    # Weights are for whom the umask lets read new files, and not for their owner alone.
    (tmp_path / "new").touch()
    modes = {path.stat().st_mode for path in (*(tmp_path / "adapter").iterdir(), tmp_path / "new")}
    assert len(modes) == 1
    loaded = model.load(LoraSettings(start=tmp_path / "adapter"))
    torch.testing.assert_close(score(loaded, *prompts), started)
    assert loaded.reference_hash != trainable.reference_hash
    take_steps(loaded, prompts[:1])
    assert not torch.allclose(score(loaded, *prompts), started, atol=0.1)
    with loaded.without_adapter():
        torch.testing.assert_close(score(loaded, *prompts), started)


def test_a_saved_adapter_is_taken_up_again(
    model: TinyModel, trainable: TrainableModel, tmp_path: Path
) -> None:
    trainable.save_adapter(tmp_path)
    again = model.load(LoraSettings(rank=2, alpha=4, seed=1))
    again.load_adapter(tmp_path)
    assert torch.equal(score(again, *make_prompts()), score(trainable, *make_prompts()))


def test_an_adapter_is_saved_to_the_same_bytes(trainable: TrainableModel, tmp_path: Path) -> None:
    for name in ("one", "two"):
        trainable.save_adapter(tmp_path / name, trainable.network.state_dict())
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["adapter_config.json", "adapter_model.safetensors"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_each_distinct_picture_and_sound_is_encoded_once(trainable: TrainableModel) -> None:
    with count(trainable, "encode") as given:
        score(trainable, *make_prompts())
    assert [len(media) for media in given] == [2, 2]


def test_with_room_for_it_a_clip_is_encoded_once_in_all(
    model: TinyModel, trainable: TrainableModel
) -> None:
    keeping = model.load(media_cache_bytes=10_000_000)
    first = score(keeping, *make_prompts())
    with count(keeping, "encode") as given:
        assert torch.equal(score(keeping, *make_prompts()), first)
    assert given == []
    with trainable.without_adapter():
        torch.testing.assert_close(first, score(trainable, *make_prompts()), rtol=1e-6, atol=1e-5)


def test_with_room_for_it_a_clip_is_scaled_once_in_all(model: TinyModel) -> None:
    keeping, anew = model.load(), model.load()
    keeping.keep_prepared(100_000_000)

    def media_of(trainable: TrainableModel) -> list[Any]:
        media = trainable.prepare(make_prompts()).media
        return [one for of_a_kind in media.values() for one in of_a_kind]

    first, again, other = media_of(keeping), media_of(keeping), media_of(anew)
    assert all(one is two for one, two in zip(first, again, strict=True))
    assert [one.hash for one in first] == [one.hash for one in other]
    assert all(one is not two for one, two in zip(other, media_of(anew), strict=True))


def test_without_room_for_more_each_batch_shares_its_clips_by_itself(model: TinyModel) -> None:
    trainable = model.load()
    trainable.keep_prepared(0)
    with count(trainable, "prepare") as known:
        trainable.prepare(make_prompts())
    # A store of no size would keep nothing, and each prompt would scale its clip anew.
    assert known == [None]


def test_the_vocabulary_is_computed_where_answers_are_predicted_only(
    trainable: TrainableModel,
) -> None:
    prompt = ask(make_clip(1), make_clip(1))
    with count(trainable, "project") as given:
        score(trainable, prompt)
    tokens = sum(trainable.prepare([prompt]).token_counts)
    assert given[0].shape[0] <= tokens
    assert given[0].ndim == 2


def test_the_towers_never_leave_evaluation(trainable: TrainableModel) -> None:
    trainable.network.train()
    training = {name for name, one in trainable.network.named_modules() if one.training and name}
    assert training
    assert all("language_model" in name for name in training)


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [
        (ask(None, None, ""), "an answer is empty"),
        (replace(ask(None, None), answers=()), "no answer to score"),
        (ask(None, None, "Yes " * 9000), "exceed"),
    ],
)
def test_a_prompt_that_cannot_be_trained_on_is_named(
    prompt: PromptWithAnswers, problem: str, trainable: TrainableModel
) -> None:
    with pytest.raises(InputError, match=f"(?s)Is there a bright smile.*{problem}"):
        trainable.prepare([prompt])


def test_an_answer_with_a_mark_of_the_model_is_refused(trainable: TrainableModel) -> None:
    marks = trainable._reader._tokenizer.eos_token  # type: ignore[attr-defined]  # of every reader
    with pytest.raises(InputError, match="a mark of the model's own"):
        trainable.prepare([ask(None, None, f"Yes{marks}")])


def test_a_prompt_without_the_clip_that_it_names_is_refused(trainable: TrainableModel) -> None:
    request = replace(make_request(clip=make_clip()), clips={})
    with pytest.raises(InputError, match="names the clip 'clip' and does not bring it"):
        trainable.prepare([PromptWithAnswers(request, ANSWERS)])


def test_a_tower_that_gives_another_number_of_embeddings_is_an_error(
    trainable: TrainableModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = trainable.prepare([ask(make_clip(1), None)])
    encode = trainable._reader.encode
    monkeypatch.setattr(
        trainable._reader,
        "encode",
        lambda *given: [(layers[0][:-1], *layers[1:]) for layers in encode(*given)],
    )
    with pytest.raises(InputError, match=r"a tower gives \d+ embeddings for \d+ places of video"):
        trainable.network(batch)


@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("baseline/random", {}, "only a model that computes here"),
        ("tiny/nothing", {}, "no model 'nothing'"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    name: str, arguments: dict[str, str], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        load_trainable(name, arguments, LoraSettings())


def test_the_miniature_is_trained_in_32_bits_only() -> None:
    with pytest.raises(UsageError, match="in 32-bit floats"):
        load_trainable("tiny/omni", {}, LoraSettings(), dtype=torch.bfloat16)


def test_an_adapter_of_another_rank_is_not_taken_up(model: TinyModel, tmp_path: Path) -> None:
    model.load().save_adapter(tmp_path)
    with pytest.raises(UsageError, match="another adapter"):
        model.load(LoraSettings(rank=3)).load_adapter(tmp_path)

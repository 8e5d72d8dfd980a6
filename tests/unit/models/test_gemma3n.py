"""Gemma 3n, answering as the library does for one request alone."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    Gemma3nConfig,
    Gemma3nForConditionalGeneration,
    PreTrainedTokenizerFast,
    SiglipImageProcessor,
)

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import AudioPart, Message, Request, TextPart, VideoPart
from emoreal_bench.contracts.result import Result
from emoreal_bench.inputs.gemma3n import Gemma3nFrameSettings, Gemma3nInput, prepare_frames
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.gemma3n import Gemma3n
from tests.gemma3n_folders import (
    make_builder,
    make_network,
    make_tokenizer,
    save_folder,
)
from tests.lora_folders import adapt, score, score_directly
from tests.model_requests import make_clip, make_request

pytest.importorskip("timm", reason="Gemma 3n needs timm; `make test-timm` brings it")

TOLERANCE = 1e-4
NEW_TOKENS = 8


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer()


@pytest.fixture(scope="module")
def network(tokenizer: PreTrainedTokenizerFast) -> Gemma3nForConditionalGeneration:
    return make_network(tokenizer)


@pytest.fixture(scope="module")
def folder(
    network: Gemma3nForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    return save_folder(network, tokenizer, tmp_path_factory.mktemp("gemma3n"))


@pytest.fixture(scope="module")
def model(
    network: Gemma3nForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> Gemma3n:
    return Gemma3n(network, tokenizer, make_builder(folder, tokenizer))


def make_requests() -> list[Request]:
    first, second = make_clip(seed=1, frames=2), make_clip(seed=2, frames=3, seconds=0.7)
    requests = [
        make_request("1", first),
        make_request("2", first, question="What can be heard?"),
        make_request("3", second),
        make_request("4", make_clip(seed=3, frames=1, seconds=None, size=(60, 200))),
        make_request("5", make_clip(seed=4, frames=None, seconds=30.5)),
        make_request("6", question="Are you there?"),
    ]
    question = requests[0]
    example = (VideoPart("example"), AudioPart("example"), TextPart("(A)"))
    with_example = replace(
        question,
        id="7",
        messages=(Message("user", example), *question.messages),
        clips={"clip": first, "example": make_clip(seed=5, frames=1)},
    )
    return [*requests, with_example]


def prepare(model: Gemma3n, requests: list[Request]) -> list[Gemma3nInput]:
    prepared = model.prepare(requests)
    assert all(isinstance(one, Gemma3nInput) for one in prepared)
    return [one for one in prepared if isinstance(one, Gemma3nInput)]


def plain_arguments(one: Gemma3nInput) -> dict[str, Any]:
    """Give one request as the library's own forward and generate take it."""
    ids = torch.tensor([one.input_ids])
    arguments: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if one.videos:
        arguments["pixel_values"] = torch.cat([video.pixels for video in one.videos])
    if one.audios:
        arguments["input_features"] = torch.stack([audio.features for audio in one.audios])
        arguments["input_features_mask"] = torch.stack([audio.mask for audio in one.audios])
    return arguments


def test_first_token_scores_are_those_of_the_library_one_by_one(
    model: Gemma3n, network: Gemma3nForConditionalGeneration
) -> None:
    inputs = prepare(model, make_requests())
    wanted = [[model.letter_token(letter) for letter in "ABC"]] * len(inputs)
    scores = model.score_first_token(inputs, wanted)
    for one, row in zip(inputs, scores, strict=True):
        with torch.inference_mode():
            logits = network(**plain_arguments(one)).logits[0, -1]
        expected = logits.log_softmax(-1)[wanted[0]]
        torch.testing.assert_close(torch.tensor(row), expected, rtol=0, atol=TOLERANCE)


def test_replies_are_those_of_the_library_one_by_one(
    model: Gemma3n, network: Gemma3nForConditionalGeneration, tokenizer: PreTrainedTokenizerFast
) -> None:
    inputs = prepare(model, make_requests())
    replies = model.write(inputs, NEW_TOKENS)
    plain: Any = network  # the library's type of generate does not fit its own models
    for one, reply in zip(inputs, replies, strict=True):
        output = plain.generate(**plain_arguments(one), max_new_tokens=NEW_TOKENS, do_sample=False)
        written = output[0, len(one.input_ids) :]
        assert reply.text == tokenizer.decode(written, skip_special_tokens=True)


def test_the_answers_depend_on_picture_and_sound(model: Gemma3n) -> None:
    clips = [make_clip(0), make_clip(1), make_clip(0, seconds=None), make_clip(0, frames=None)]
    token = [[model.letter_token("A")]]
    scores = {
        model.score_first_token(prepare(model, [make_request(clip=clip)]), token)[0][0]
        for clip in clips
    }
    assert len(scores) == len(clips)


@pytest.mark.parametrize("size", [(112, 112), (360, 640), (1080, 1920), (48, 700), (768, 768)])
def test_frames_are_those_of_the_published_image_processor(size: tuple[int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    plain = ((0.0,) * 3, (1.0,) * 3)
    processor = SiglipImageProcessor(
        size={"height": 768, "width": 768}, resample=2, do_normalize=False
    )
    expected = processor([Image.fromarray(frame) for frame in frames], return_tensors="pt")
    fed = prepare_frames(frames, Gemma3nFrameSettings(768, 768, *plain, 256))
    torch.testing.assert_close(fed, expected["pixel_values"], rtol=0, atol=1e-6)


def test_the_published_towers_fill_the_places_of_a_frame_and_of_the_longest_sound() -> None:
    with torch.device("meta"):  # shapes alone: weights of this size need no memory so
        network = Gemma3nForConditionalGeneration(Gemma3nConfig())
        frames, sound = torch.zeros(2, 3, 768, 768), torch.zeros(1, 2997, 128)
        unheard = torch.zeros(1, 2997, dtype=torch.bool)
    seen = network.model.get_image_features(frames).pooler_output
    heard = network.model.get_audio_features(sound, unheard).pooler_output
    assert seen.shape[:2] == (2, network.config.vision_soft_tokens_per_image)
    assert heard.shape[1] == network.config.audio_soft_tokens_per_image


def test_a_folder_is_run_by_this_family(folder: Path, model: Gemma3n) -> None:
    request = make_request(clip=make_clip(frames=2))

    async def ask() -> list[Result]:
        async with create_adapter(f"hf/{folder}", {"device": "cpu"}) as adapter:
            return [result async for result in adapter.score_choices([request])]

    (result,) = asyncio.run(ask())
    inputs = prepare(model, [request])
    tokens = [model.letter_token(letter) for letter in "AB"]
    assert result.choice_scores is not None
    assert list(result.choice_scores.scores.values()) == pytest.approx(
        model.score_first_token(inputs, [tokens])[0], abs=1e-5
    )
    assert result.delivery == inputs[0].delivery


def test_a_lora_adapter_changes_the_answers_as_peft_does(
    folder: Path,
    network: Gemma3nForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
) -> None:
    adapted = copy.deepcopy(network)
    adapt(adapted, tmp_path, target_modules=r"model\.language_model\..+\.(q|o)_proj")
    expected = score_directly(Gemma3n(adapted, tokenizer, make_builder(folder, tokenizer)))
    device = {"device": "cpu"}
    assert score(f"hf/{folder}", device, tmp_path) == pytest.approx(expected, abs=TOLERANCE)
    assert score(f"hf/{folder}", device) != pytest.approx(expected, abs=1e-2)


def test_a_tokenizer_of_another_model_is_refused(
    network: Gemma3nForConditionalGeneration, folder: Path
) -> None:
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(["one more"])
    tokenizer.image_token = "one more"
    with pytest.raises(UsageError, match="marks clips"):
        Gemma3n(network, tokenizer, make_builder(folder, tokenizer))

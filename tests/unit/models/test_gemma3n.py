"""Gemma 3n with its vision tower, which needs timm: towers, folders, LoRA."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

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
from emoreal_bench.contracts.request import AudioPart, Message, TextPart, VideoPart
from emoreal_bench.inputs.tensors import RequestTensors
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.gemma.gemma3n import Gemma3n, prepare_frames
from tests.gemma3n_folders import (
    FRAME_SETTINGS,
    WHY_SKIPPED,
    make_builder,
    make_network,
    make_tokenizer,
    read_builder,
    save_folder,
)
from tests.local_families import assert_answers_alike, gemma3n_arguments
from tests.lora_folders import adapt, score, score_directly

pytest.importorskip("timm", reason=WHY_SKIPPED)

TOLERANCE = 1e-4


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


def test_examples_and_sounds_that_are_too_long_are_answered_as_by_the_library(
    network: Gemma3nForConditionalGeneration, tokenizer: PreTrainedTokenizerFast
) -> None:
    question = make_request("1", make_clip(seed=1, frames=2))
    example = (VideoPart("example"), AudioPart("example"), TextPart("(A)"))
    with_example = replace(
        question,
        messages=(Message("user", example), *question.messages),
        clips={**question.clips, "example": make_clip(seed=2, frames=1)},
    )
    too_long = make_request("2", make_clip(frames=None, seconds=30.5))
    model = Gemma3n(network, tokenizer, make_builder(tokenizer))
    inputs = [
        one for one in model.prepare([with_example, too_long]) if isinstance(one, RequestTensors)
    ]
    letter = model.letter_token("A")
    scores = model.score_first_token(inputs, [[letter]] * 2)
    for one, (score_,) in zip(inputs, scores, strict=True):
        with torch.inference_mode():
            logits = network(**gemma3n_arguments(one)).logits[0, -1]
        assert score_ == pytest.approx(float(logits.log_softmax(-1)[letter]), abs=TOLERANCE)


@pytest.mark.parametrize("size", [(112, 112), (360, 640), (1080, 1920), (48, 700), (768, 768)])
def test_frames_are_those_of_the_published_image_processor(size: tuple[int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    processor = SiglipImageProcessor(
        size={"height": 768, "width": 768}, resample=2, do_normalize=False
    )
    expected = processor([Image.fromarray(frame) for frame in frames], return_tensors="pt")
    fed = prepare_frames(frames, replace(FRAME_SETTINGS, height=768, width=768))
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


def test_a_folder_is_run_by_this_family(
    folder: Path, network: Gemma3nForConditionalGeneration, tokenizer: PreTrainedTokenizerFast
) -> None:
    model = Gemma3n(network, tokenizer, read_builder(folder, tokenizer))
    assert_answers_alike(f"hf/{folder}", {"device": "cpu"}, model)


def test_a_lora_adapter_changes_the_answers_as_peft_does(
    folder: Path,
    network: Gemma3nForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
) -> None:
    adapted = copy.deepcopy(network)
    adapt(adapted, tmp_path, target_modules=r"model\.language_model\..+\.(q|o)_proj")
    expected = score_directly(Gemma3n(adapted, tokenizer, make_builder(tokenizer)))
    device = {"device": "cpu"}
    assert score(f"hf/{folder}", device, tmp_path) == pytest.approx(expected, abs=TOLERANCE)
    assert score(f"hf/{folder}", device) != pytest.approx(expected, abs=1e-2)


def test_a_tokenizer_of_another_model_is_refused(
    network: Gemma3nForConditionalGeneration,
) -> None:
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(["one more"])
    tokenizer.image_token = "one more"
    with pytest.raises(UsageError, match="marks clips"):
        Gemma3n(network, tokenizer, make_builder(tokenizer))

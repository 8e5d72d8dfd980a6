"""Gemma 4: fed as published, and run from a folder."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    Gemma4AudioFeatureExtractor,
    Gemma4ForConditionalGeneration,
    PreTrainedTokenizerFast,
)
from transformers.models.gemma4.image_processing_pil_gemma4 import (
    Gemma4ImageProcessorPil,
    get_aspect_ratio_preserving_size,
)

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.tensors import RequestTensors
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.gemma.gemma4 import (
    Gemma4,
    Gemma4Input,
    Gemma4InputBuilder,
    fit_size,
    frames_to_patches,
)
from tests.gemma4_network import FRAME_SETTINGS, make_builder, make_network, make_tokenizer
from tests.local_families import assert_answers_alike
from tests.lora_folders import adapt, score, score_directly

GREY_LEVEL = 1 / 255


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer()


@pytest.fixture(scope="module")
def builder(tokenizer: PreTrainedTokenizerFast) -> Gemma4InputBuilder:
    return make_builder(tokenizer)


@pytest.fixture(scope="module")
def network(
    builder: Gemma4InputBuilder, tokenizer: PreTrainedTokenizerFast
) -> Gemma4ForConditionalGeneration:
    return make_network(tokenizer, builder)


@pytest.fixture(scope="module")
def model(
    network: Gemma4ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    builder: Gemma4InputBuilder,
) -> Gemma4:
    return Gemma4(network, tokenizer, builder)


@pytest.fixture(scope="module")
def folder(
    network: Gemma4ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    path = tmp_path_factory.mktemp("gemma4")
    network.save_pretrained(path)
    tokenizer.save_pretrained(path)
    Gemma4AudioFeatureExtractor().save_pretrained(path)
    return path


def prepare(model: Gemma4, requests: list[Request]) -> list[Gemma4Input]:
    prepared = model.prepare(requests)
    assert all(isinstance(one, RequestTensors) for one in prepared)
    return [one for one in prepared if isinstance(one, RequestTensors)]


@pytest.mark.parametrize("size", [(112, 112), (360, 640), (1080, 1920), (48, 700), (384, 384)])
def test_the_size_is_that_of_the_published_processor(size: tuple[int, int]) -> None:
    assert fit_size(*size, FRAME_SETTINGS) == get_aspect_ratio_preserving_size(*size, 16, 70 * 9, 3)


def test_a_frame_far_too_narrow_is_refused() -> None:
    with pytest.raises(InputError, match="too narrow"):
        fit_size(10, 3000, FRAME_SETTINGS)


@pytest.mark.parametrize("size", [(384, 384), (112, 150), (480, 640)])
def test_patches_are_those_of_the_published_image_processor(size: tuple[int, int]) -> None:
    # Middling greys: Pillow clips the overshoot of its first pass, which no video processor does.
    frames = np.random.default_rng(0).integers(64, 192, (2, *size, 3), dtype=np.uint8)
    patches, positions = frames_to_patches(frames, FRAME_SETTINGS)
    processor = Gemma4ImageProcessorPil(max_soft_tokens=FRAME_SETTINGS.tokens)
    expected = processor([Image.fromarray(frame) for frame in frames], return_tensors="pt")
    torch.testing.assert_close(
        patches, expected["pixel_values"], rtol=0, atol=GREY_LEVEL * 1.01, check_dtype=False
    )
    assert torch.equal(positions, expected["image_position_ids"])


@pytest.mark.parametrize("seconds", [0.0201, 0.03, 0.5, 1.0, 1.005, 1.5, 2.37])
def test_sound_takes_as_many_tokens_as_the_audio_tower_gives(
    seconds: float, model: Gemma4, network: Gemma4ForConditionalGeneration
) -> None:
    (one,) = prepare(model, [make_request(clip=make_clip(frames=None, seconds=seconds))])
    (audio,) = one.audios
    with torch.inference_mode():
        output = network.model.get_audio_features(audio.features[None], audio.mask[None])
    assert audio.tokens == int(output.attention_mask.sum()) > 0
    assert one.delivery.tokens[Modality.AUDIO] == audio.tokens


def test_each_frame_stands_behind_its_time(
    model: Gemma4, tokenizer: PreTrainedTokenizerFast
) -> None:
    (one,) = prepare(model, [make_request(clip=make_clip(frames=2, seconds=None))])
    (video,) = one.videos
    frame = f"<|image>{'<|video|>' * video.frame_tokens}<image|>"
    assert f"00:00 {frame} 00:00 {frame}" in tokenizer.decode(list(one.input_ids))
    assert one.delivery.tokens[Modality.VIDEO] == 2 * video.frame_tokens


def test_blank_frames_that_stand_are_not_blank_frames_that_lie(model: Gemma4) -> None:
    """Their patches are the same numbers, in other places."""
    hashes = set()
    for size in ((96, 192), (192, 96)):
        clip = make_clip(frames=2, seconds=None, size=size)
        assert clip.frames is not None
        blank = replace(clip, frames=np.full_like(clip.frames, 127))
        (one,) = prepare(model, [make_request(clip=blank)])
        hashes.add(one.delivery.input_hash)
    assert len(hashes) == 2


def test_several_clips_find_their_own_places(model: Gemma4) -> None:
    one, other = make_clip(seed=1, frames=1), make_clip(seed=2, frames=3)
    request = make_request(clip=one)
    both = Request(
        id="both",
        messages=(*make_request(clip=other).messages, *request.messages),
        settings=request.settings,
        clips={"clip": one},
    )
    (prepared,) = prepare(model, [both])
    assert len({video.hash for video in prepared.videos}) == 1 < len(prepared.videos)
    tokens = prepared.delivery.tokens
    assert tokens[Modality.VIDEO] == sum(video.frame_tokens for video in prepared.videos)


@pytest.mark.parametrize("mark", ["<|video|>", "<|audio|>", "<image|>", "\ufdd0"])
def test_a_mark_in_the_words_is_refused(mark: str, model: Gemma4) -> None:
    (prepared,) = model.prepare([make_request(question=f"Look: {mark}")])
    assert isinstance(prepared, InputError)


def test_a_folder_is_run_by_this_family(folder: Path, model: Gemma4) -> None:
    assert_answers_alike(f"hf/{folder}", {"device": "cpu"}, model)


def test_a_lora_adapter_changes_the_answers_as_peft_does(
    folder: Path,
    network: Gemma4ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    builder: Gemma4InputBuilder,
    tmp_path: Path,
) -> None:
    adapted = copy.deepcopy(network)
    adapt(adapted, tmp_path, target_modules=r"model\.language_model\..+\.(q|o)_proj")
    expected = score_directly(Gemma4(adapted, tokenizer, builder))
    device = {"device": "cpu"}
    assert score(f"hf/{folder}", device, tmp_path) == pytest.approx(expected, abs=1e-4)
    assert score(f"hf/{folder}", device) != pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"audio_config": None}, "no audio tower"),
        ({"text_config": {"use_bidirectional_attention": "vision"}}, "both directions"),
    ],
)
def test_sizes_that_cannot_be_run_are_refused(
    changes: dict[str, Any], message: str, folder: Path, tmp_path: Path
) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    configuration = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**configuration, **changes}))
    with pytest.raises(UsageError, match=message):
        create_adapter(f"hf/{tmp_path}").render(make_request())


def test_a_folder_that_does_not_say_how_sound_is_fed_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(UsageError, match="how sound is fed"):
        create_adapter(f"hf/{tmp_path}").render(make_request())


def test_pixel_limits_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="no limits on pixels"):
        create_adapter(f"hf/{folder}", {"max_pixels": "100000"}).describe()


def test_a_tokenizer_without_a_chat_template_is_refused() -> None:
    with pytest.raises(UsageError, match="chat_template"):
        Gemma4InputBuilder(
            tiny_network.make_tokenizer(), Gemma4AudioFeatureExtractor(), FRAME_SETTINGS, 4096
        )

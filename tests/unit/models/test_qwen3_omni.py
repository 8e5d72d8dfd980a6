"""Qwen3-Omni: fed as published, and run from a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    PreTrainedTokenizerFast,
    Qwen3OmniMoeThinkerForConditionalGeneration,
    WhisperFeatureExtractor,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.inputs.frames import frames_to_patches
from emoreal_bench.inputs.log_mel import SAMPLE_RATE
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.qwen_omni.inputs import OmniInput, prepare_audio
from emoreal_bench.model_adapters.local.qwen_omni.qwen3_omni import (
    Qwen3Omni,
    audio_tokens,
    make_dialect,
)
from tests.local_families import assert_answers_alike
from tests.lora_folders import adapt, score, score_directly
from tests.qwen3_omni_network import FRAME_SETTINGS, make_builder, make_network, make_tokenizer

Network = Qwen3OmniMoeThinkerForConditionalGeneration
ARGUMENTS = {
    "min_pixels": str(FRAME_SETTINGS.min_pixels),
    "max_pixels": str(FRAME_SETTINGS.max_pixels),
    "device": "cpu",
}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer()


@pytest.fixture(scope="module")
def network(tokenizer: PreTrainedTokenizerFast) -> Network:
    return make_network(tokenizer)


@pytest.fixture(scope="module")
def model(network: Network, tokenizer: PreTrainedTokenizerFast) -> Qwen3Omni:
    return Qwen3Omni(network, tokenizer, make_builder(tokenizer))


@pytest.fixture(scope="module")
def folder(
    network: Network, tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Make a folder of the Thinker in the hub's layout."""
    path = tmp_path_factory.mktemp("qwen3")
    network.save_pretrained(path)
    tokenizer.save_pretrained(path)
    processor = {"image_mean": FRAME_SETTINGS.mean, "image_std": FRAME_SETTINGS.deviation}
    (path / "preprocessor_config.json").write_text(json.dumps(processor))
    return path


def prepare(model: Qwen3Omni, requests: list[Request]) -> list[OmniInput]:
    prepared = model.prepare(requests)
    assert all(isinstance(one, OmniInput) for one in prepared)
    return [one for one in prepared if isinstance(one, OmniInput)]


def test_patches_are_those_of_the_published_image_processor() -> None:
    frame = np.random.default_rng(0).integers(64, 192, (1, 64, 128, 3), dtype=np.uint8)
    patches, grid = frames_to_patches(np.repeat(frame, 2, axis=0), FRAME_SETTINGS)
    processor = Qwen2VLImageProcessorPil(
        size={
            "shortest_edge": FRAME_SETTINGS.min_pixels,
            "longest_edge": FRAME_SETTINGS.max_pixels,
        },
        patch_size=FRAME_SETTINGS.patch,
        image_mean=FRAME_SETTINGS.mean,
        image_std=FRAME_SETTINGS.deviation,
    )
    expected = processor(Image.fromarray(frame[0]), return_tensors="pt")
    assert grid == tuple(expected["image_grid_thw"][0].tolist())
    torch.testing.assert_close(patches, expected["pixel_values"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("samples", [321, 8_000, 16_001, 24_159, 24_160])
def test_a_sound_is_heard_at_its_own_length_as_published(
    samples: int, tokenizer: PreTrainedTokenizerFast
) -> None:
    clip = make_clip(frames=None, seconds=samples / SAMPLE_RATE)
    assert clip.waveform is not None
    # The library leaves its constructor untyped.
    extractor = WhisperFeatureExtractor(feature_size=128)  # type: ignore[no-untyped-call]
    plain: Any = extractor  # the library types padding as text alone and passes a truth value
    expected = plain(
        clip.waveform,
        sampling_rate=SAMPLE_RATE,
        padding=True,
        truncation=False,
        return_tensors="pt",
    )["input_features"][0]
    features = prepare_audio(clip, make_dialect(tokenizer)).features
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-5)


def test_sound_takes_as_many_tokens_as_the_audio_tower_gives(network: Network) -> None:
    for length in [*range(1, 20), 99, 100, 101, 150, 199, 200, 201, 345]:
        with torch.inference_mode():
            features = network.get_audio_features(
                torch.zeros(1, 128, length),
                feature_attention_mask=torch.ones(1, length, dtype=torch.long),
            ).last_hidden_state
        assert audio_tokens(length) == len(features)


@pytest.mark.parametrize("seconds", [0.01, 200 / SAMPLE_RATE])
def test_a_sound_too_short_to_be_heard_is_left_out(seconds: float, model: Qwen3Omni) -> None:
    (one,) = prepare(model, [make_request(clip=make_clip(seconds=seconds))])
    assert one.audios == ()
    assert any("shorter than the model can hear" in note for note in one.delivery.notes)


def test_a_folder_is_run_by_the_family_that_its_configuration_names(
    folder: Path, model: Qwen3Omni
) -> None:
    assert_answers_alike(f"hf/{folder}", ARGUMENTS, model)


def test_a_lora_adapter_changes_the_answers_as_peft_does(
    folder: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    network = make_network(tokenizer)
    # By their names: in a mixture of experts PEFT loosens patterns, and towers would match.
    targets = [
        name
        for name, _ in network.named_modules()
        if "language_model" in name and name.endswith(("q_proj", "v_proj"))
    ]
    adapt(network, tmp_path, target_modules=targets)
    expected = score_directly(Qwen3Omni(network, tokenizer, make_builder(tokenizer)))
    assert score(f"hf/{folder}", ARGUMENTS, tmp_path) == pytest.approx(expected, abs=1e-4)
    assert score(f"hf/{folder}", ARGUMENTS) != pytest.approx(expected, abs=1e-2)


def test_a_folder_that_does_not_say_how_frames_are_fed_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(UsageError, match="image_mean"):
        create_adapter(f"hf/{tmp_path}").render(make_request())


def test_a_tokenizer_that_does_not_name_its_marks_is_refused() -> None:
    tokenizer = tiny_network.make_tokenizer()
    del tokenizer._special_tokens_map["video_token"]
    with pytest.raises(UsageError, match="video_token"):
        make_dialect(tokenizer)

"""The families that run here, each with a network of random weights, for tests of all of them.

A family of another kind joins by an entry in ``FAMILIES``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from emoreal_bench.contracts.result import Result
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.adapter import LocalModel
from emoreal_bench.model_adapters.local.avere.adapter import AvereModel, load_avere
from emoreal_bench.model_adapters.local.avere.inputs import AvereInput, AvereInputBuilder
from emoreal_bench.model_adapters.local.gemma.gemma3n import Gemma3n, Gemma3nInput
from emoreal_bench.model_adapters.local.gemma.gemma4 import Gemma4, Gemma4Input
from emoreal_bench.model_adapters.local.phi4.inputs import Phi4Input
from emoreal_bench.model_adapters.local.phi4.network import Phi4Multimodal
from emoreal_bench.model_adapters.local.qwen_omni.inputs import OmniInput, OmniInputBuilder
from emoreal_bench.model_adapters.local.qwen_omni.qwen2_5_omni import Qwen25Omni
from emoreal_bench.model_adapters.local.qwen_omni.qwen3_omni import Qwen3Omni
from tests import gemma3n_folders, gemma4_network, qwen3_omni_network
from tests.avere_checkpoint import AVERE_CASE, AVERE_SHAPE, make_avere_tokenizer
from tests.phi4_folders import make_phi4_builder, make_phi4_network, make_phi4_tokenizer
from tests.tiny_weights import enlarge


@dataclass(frozen=True)
class LoadedFamily:
    """A family's model and the network in it.

    Attributes:
        model: As adapters use it.
        network: As the library, or the authors' code, would run it.
        tokenizer: Of both.
        towers: What runs a tower, as the object and the name of its method.
    """

    model: LocalModel[Any]
    network: Any
    tokenizer: PreTrainedTokenizerBase
    towers: tuple[tuple[Any, str], tuple[Any, str]]


@dataclass(frozen=True)
class LocalFamily:
    """A family under test.

    Attributes:
        name: Shown with the test.
        mark: A mark of its own, which words must not hold.
        load: Makes the model.
        make_builder: Makes what turns requests into tensors.
        arguments: Turns an input, and what has been written, into the arguments
            of its network's own forward pass.
    """

    name: str
    mark: str
    load: Callable[[], LoadedFamily]
    make_builder: Callable[[], Any]
    arguments: Callable[[Any, Sequence[int]], dict[str, Any]]


def _tiny_builder() -> OmniInputBuilder:
    return OmniInputBuilder(
        tiny_network.make_tokenizer(), tiny_network.FRAME_SETTINGS, tiny_network.MAX_TOKENS
    )


def _load_qwen2_5() -> LoadedFamily:
    tokenizer = tiny_network.make_tokenizer()
    network = tiny_network.make_network(tiny_network.settings(tokenizer), seed=0)
    enlarge(network)
    towers = ((network, "get_video_features"), (network, "get_audio_features"))
    return LoadedFamily(Qwen25Omni(network, tokenizer, _tiny_builder()), network, tokenizer, towers)


def _load_qwen3() -> LoadedFamily:
    tokenizer = qwen3_omni_network.make_tokenizer()
    network = qwen3_omni_network.make_network(tokenizer)
    model = Qwen3Omni(network, tokenizer, qwen3_omni_network.make_builder(tokenizer))
    towers = ((network, "get_video_features"), (network, "get_audio_features"))
    return LoadedFamily(model, network, tokenizer, towers)


def _load_gemma4() -> LoadedFamily:
    tokenizer = gemma4_network.make_tokenizer()
    builder = gemma4_network.make_builder(tokenizer)
    network = gemma4_network.make_network(tokenizer, builder)
    towers = ((network.model, "get_video_features"), (network.model, "get_audio_features"))
    return LoadedFamily(Gemma4(network, tokenizer, builder), network, tokenizer, towers)


def _load_gemma3n() -> LoadedFamily:
    pytest.importorskip("timm", reason=gemma3n_folders.WHY_SKIPPED)
    tokenizer = gemma3n_folders.make_tokenizer()
    network = gemma3n_folders.make_network(tokenizer)
    model = Gemma3n(network, tokenizer, gemma3n_folders.make_builder(tokenizer))
    towers = ((network.model, "get_image_features"), (network.model, "get_audio_features"))
    return LoadedFamily(model, network, tokenizer, towers)


def _load_phi4() -> LoadedFamily:
    tokenizer = make_phi4_tokenizer()
    network = make_phi4_network(tokenizer)
    model = Phi4Multimodal(network, tokenizer, make_phi4_builder(tokenizer))
    embed = network.model.embed_tokens_extend
    towers = ((embed.image_embed, "forward"), (embed.audio_embed, "forward"))
    return LoadedFamily(model, network, tokenizer, towers)


def _avere_builder() -> AvereInputBuilder:
    return AvereInputBuilder(make_avere_tokenizer(), AVERE_SHAPE)


def _load_avere() -> LoadedFamily:
    network = load_avere(AVERE_CASE / "AVERE-tiny", AVERE_CASE / "backbones")
    tokenizer = make_avere_tokenizer()
    model = AvereModel(network, tokenizer, _avere_builder())
    towers = ((network, "encode_video"), (network, "encode_speech"))
    return LoadedFamily(model, network, tokenizer, towers)


def _tokens(prompt: Sequence[int], written: Sequence[int]) -> dict[str, Any]:
    ids = torch.tensor([[*prompt, *written]])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def qwen_arguments(one: OmniInput, written: Sequence[int] = ()) -> dict[str, Any]:
    """Give one request as a Thinker's own forward takes it."""
    arguments = _tokens(one.input_ids, written)
    if one.videos:
        arguments["pixel_values_videos"] = torch.cat([video.patches for video in one.videos])
        arguments["video_grid_thw"] = torch.tensor([video.grid for video in one.videos])
        arguments["video_second_per_grid"] = torch.tensor(
            [video.seconds_per_grid for video in one.videos]
        )
    if one.audios:
        features = torch.stack([audio.features for audio in one.audios])
        arguments["input_features"] = features
        arguments["feature_attention_mask"] = torch.ones_like(features[:, 0], dtype=torch.long)
    return arguments


def gemma4_arguments(one: Gemma4Input, written: Sequence[int] = ()) -> dict[str, Any]:
    """Give one request as the library's own forward takes it."""
    arguments = _tokens(one.input_ids, written)
    for video in one.videos:
        arguments["pixel_values_videos"] = video.patches
        arguments["video_position_ids"] = video.positions
        arguments["num_frames_per_video"] = torch.tensor([video.frames])
    for audio in one.audios:
        arguments["input_features"] = audio.features[None]
        arguments["input_features_mask"] = audio.mask[None]
    return arguments


def gemma3n_arguments(one: Gemma3nInput, written: Sequence[int] = ()) -> dict[str, Any]:
    """Give one request as the library's own forward takes it."""
    arguments = _tokens(one.input_ids, written)
    if one.videos:
        arguments["pixel_values"] = torch.cat([video.pixels for video in one.videos])
    if one.audios:
        arguments["input_features"] = torch.stack([audio.features for audio in one.audios])
        arguments["input_features_mask"] = torch.stack([audio.mask for audio in one.audios])
    return arguments


def phi4_arguments(one: Phi4Input, written: Sequence[int] = ()) -> dict[str, Any]:
    """Give one request as the library's own forward takes it."""
    arguments = _tokens(one.input_ids, written)
    for video in one.videos:
        arguments["image_pixel_values"] = video.crops
        arguments["image_sizes"] = torch.tensor([video.size] * video.frames)
        arguments["image_attention_mask"] = video.mask.expand(video.frames, -1, -1, -1)
    for audio in one.audios:
        arguments["audio_input_features"] = audio.features[None]
        arguments["audio_embed_sizes"] = torch.tensor([audio.tokens])
    return arguments


def avere_arguments(one: AvereInput, written: Sequence[int] = ()) -> dict[str, Any]:
    """Give one request as the whole network takes it."""
    arguments: dict[str, Any] = {"input_ids": torch.tensor([[*one.input_ids, *written]])}
    if one.video is not None:
        arguments["pixel_values"] = one.video.tensor[None]
    if one.audio is not None:
        arguments["input_features"] = one.audio.tensor[None]
    return arguments


FAMILIES = (
    LocalFamily("qwen2.5-omni", "<|im_end|>", _load_qwen2_5, _tiny_builder, qwen_arguments),
    LocalFamily(
        "qwen3-omni",
        "<|audio_pad|>",
        _load_qwen3,
        lambda: qwen3_omni_network.make_builder(qwen3_omni_network.make_tokenizer()),
        qwen_arguments,
    ),
    LocalFamily(
        "gemma4",
        "<image|>",
        _load_gemma4,
        lambda: gemma4_network.make_builder(gemma4_network.make_tokenizer()),
        gemma4_arguments,
    ),
    LocalFamily(
        "gemma3n",
        "<image_soft_token>",
        _load_gemma3n,
        lambda: gemma3n_folders.make_builder(gemma3n_folders.make_tokenizer()),
        gemma3n_arguments,
    ),
    LocalFamily(
        "phi4-multimodal",
        "<|end|>",
        _load_phi4,
        lambda: make_phi4_builder(make_phi4_tokenizer()),
        phi4_arguments,
    ),
    LocalFamily("avere", "</s>", _load_avere, _avere_builder, avere_arguments),
)


def assert_answers_alike(name: str, arguments: Mapping[str, str], model: LocalModel[Any]) -> None:
    """Hold a model that is created by its name against one that is made by hand."""
    request = make_request(clip=make_clip())

    async def ask() -> list[Result]:
        async with create_adapter(name, arguments) as adapter:
            return [result async for result in adapter.score_choices([request])]

    (result,) = asyncio.run(ask())
    (prepared,) = model.prepare([request])
    assert not isinstance(prepared, InputError)
    tokens = [model.letter_token(letter) for letter in request.letters]
    assert result.choice_scores is not None
    assert list(result.choice_scores.scores.values()) == pytest.approx(
        model.score_first_token([prepared], [tokens])[0], abs=1e-5
    )
    assert result.delivery == prepared.delivery

"""The models to measure: networks of random weights in the shapes of published ones, or tiny.

The full sizes are those that the authors state. The tokenizers are the small
ones of the tests, so a prompt has somewhat more tokens of text than in earnest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from transformers import (
    Blip2QFormerConfig,
    CLIPVisionConfig,
    LlamaConfig,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Qwen3OmniMoeThinkerConfig,
    Qwen3OmniMoeThinkerForConditionalGeneration,
    WhisperConfig,
)

from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.local.adapter import LocalModel
from emoreal_bench.model_adapters.local.avere.adapter import AvereModel
from emoreal_bench.model_adapters.local.avere.inputs import AvereInputBuilder, AvereShape
from emoreal_bench.model_adapters.local.avere.network import AvereConfig, AvereNetwork
from emoreal_bench.model_adapters.local.avere.weights import load_avere
from emoreal_bench.model_adapters.local.qwen_omni.inputs import OmniInputBuilder
from emoreal_bench.model_adapters.local.qwen_omni.qwen2_5_omni import Qwen25Omni
from emoreal_bench.model_adapters.local.qwen_omni.qwen3_omni import Qwen3Omni, make_dialect
from tests import qwen3_omni_network
from tests.avere_checkpoint import AVERE_CASE, AVERE_SHAPE, make_avere_tokenizer

# Technical report of Qwen2.5-Omni, section 2, and Qwen2.5-7B.
_OMNI_7B: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "text_config": {
            "hidden_size": 3584,
            "intermediate_size": 18944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "head_dim": 128,
            "vocab_size": 152_064,
            "max_position_embeddings": 32_768,
            "rope_parameters": {
                "rope_type": "default",
                "mrope_section": [16, 24, 24],
                "rope_theta": 1_000_000.0,
            },
        },
        "vision_config": {
            "depth": 32,
            "hidden_size": 1280,
            "intermediate_size": 3420,
            "num_heads": 16,
            "temporal_patch_size": 2,
            "fullatt_block_indexes": (7, 15, 23, 31),
            "out_hidden_size": 3584,
        },
        "audio_config": {
            "d_model": 1280,
            "encoder_layers": 32,
            "encoder_attention_heads": 20,
            "encoder_ffn_dim": 5120,
            "output_dim": 3584,
        },
    }
)


# Published configuration of Qwen3-Omni-30B-A3B-Instruct, where the library's own differs.
_QWEN3_30B: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "text_config": {
            "hidden_size": 2048,
            "intermediate_size": 768,
            "moe_intermediate_size": 768,
            "num_experts": 128,
            "num_experts_per_tok": 8,
            "num_hidden_layers": 48,
            "num_attention_heads": 32,
            "num_key_value_heads": 4,
            "head_dim": 128,
            "vocab_size": 152_064,
            "max_position_embeddings": 65_536,
            "rope_parameters": {
                "rope_type": "default",
                "mrope_section": [24, 20, 20],
                "mrope_interleaved": True,
                "rope_theta": 1_000_000.0,
            },
        },
        "vision_config": {"out_hidden_size": 2048},
        "audio_config": {"output_dim": 2048},
    }
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to measure.

    Attributes:
        name: For the record.
        parameters: How many weights it has.
        model: Behind the interface that every local model has.
    """

    name: str
    parameters: int
    model: LocalModel[Any]


def tiny_omni() -> Subject:
    """Make a miniature of Qwen2.5-Omni, on the processor."""
    tokenizer = tiny_network.make_tokenizer()
    network = tiny_network.make_network(tiny_network.settings(tokenizer), seed=0)
    builder = OmniInputBuilder(tokenizer, tiny_network.FRAME_SETTINGS, tiny_network.MAX_TOKENS)
    model = Qwen25Omni(network, tokenizer, builder)
    return Subject("Qwen2.5-Omni, tiny", _count(network), model)


def tiny_avere() -> Subject:
    """Make a miniature of AVERE, on the processor."""
    network = load_avere(AVERE_CASE / "AVERE-tiny", AVERE_CASE / "backbones")
    tokenizer = make_avere_tokenizer()
    model = AvereModel(network, tokenizer, AvereInputBuilder(tokenizer, AVERE_SHAPE))
    return Subject("AVERE, tiny", _count(network), model)


def tiny_qwen3() -> Subject:
    """Make a miniature of Qwen3-Omni, on the processor."""
    tokenizer = qwen3_omni_network.make_tokenizer()
    network = qwen3_omni_network.make_network(tokenizer)
    model = Qwen3Omni(network, tokenizer, qwen3_omni_network.make_builder(tokenizer))
    return Subject("Qwen3-Omni, tiny", _count(network), model)


def full_omni(device: str) -> Subject:
    """Make Qwen2.5-Omni-7B on a device, in bfloat16."""
    tokenizer = tiny_network.make_tokenizer()
    settings = tiny_network.settings(tokenizer)
    for part, sizes in _OMNI_7B.items():
        settings[part] = {**settings[part], **sizes}
    with random_weights(device):
        network = Qwen2_5OmniThinkerForConditionalGeneration(Qwen2_5OmniThinkerConfig(**settings))
    network.train(mode=False).requires_grad_(requires_grad=False)
    builder = OmniInputBuilder(tokenizer, FrameSettings(), max_tokens=32_768)
    model = Qwen25Omni(network, tokenizer, builder)
    return Subject("Qwen2.5-Omni-7B, random weights", _count(network), model)


def full_avere(device: str) -> Subject:
    """Make AVERE-7B on a device, in bfloat16."""
    config = _avere_config()
    with random_weights(device):
        network = AvereNetwork(config)
    network.train(mode=False).requires_grad_(requires_grad=False)
    shape = AvereShape(
        frames=config.frames,
        image_size=config.image_size,
        frame_tokens=config.frame_tokens,
        mel_bins=config.speech.num_mel_bins,
        sound_tokens=config.sound_tokens,
        max_tokens=config.max_tokens,
    )
    tokenizer = make_avere_tokenizer()
    model = AvereModel(network, tokenizer, AvereInputBuilder(tokenizer, shape))
    return Subject("AVERE-7B, random weights", _count(network), model)


def full_qwen3(device: str) -> Subject:
    """Make Qwen3-Omni-30B-A3B on a device, in bfloat16."""
    tokenizer = qwen3_omni_network.make_tokenizer()
    # The marks of clips are those of the small tokenizer.
    marks = qwen3_omni_network.make_configuration(tokenizer).to_dict()
    settings: dict[str, Any] = {
        **{name: value for name, value in marks.items() if name.endswith("_token_id")},
        **_QWEN3_30B,
        "position_id_per_seconds": 13,
    }
    config = Qwen3OmniMoeThinkerConfig(**settings)
    with random_weights(device):
        network = Qwen3OmniMoeThinkerForConditionalGeneration(config)
    network.train(mode=False).requires_grad_(requires_grad=False)
    frames = FrameSettings(128 * 32 * 32, 768 * 32 * 32, patch=16)
    builder = OmniInputBuilder(tokenizer, frames, 32_768, make_dialect(tokenizer))
    model = Qwen3Omni(network, tokenizer, builder)
    return Subject("Qwen3-Omni-30B-A3B, random weights", _count(network), model)


def _avere_config() -> AvereConfig:
    """Give the sizes of LLaMA-7B, CLIP ViT-L/14, the encoder of Whisper-large-v3 and BERT-base."""
    attention: dict[str, Any] = {"attn_implementation": "sdpa"}
    video = CLIPVisionConfig(
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=24,
        num_attention_heads=16,
        patch_size=14,
        hidden_act="gelu",
        **attention,
    )
    speech = WhisperConfig(
        d_model=1280,
        encoder_layers=32,
        encoder_attention_heads=20,
        encoder_ffn_dim=5120,
        num_mel_bins=128,
        **attention,
    )
    qformer = Blip2QFormerConfig(
        num_hidden_layers=2, cross_attention_frequency=1, encoder_hidden_size=1280, **attention
    )
    return AvereConfig(
        language=LlamaConfig(max_position_embeddings=4096, **attention),
        video=video,
        frames=8,
        # The last layer is left out.
        video_layers=23,
        speech=speech,
        qformer=qformer,
        window_seconds=1 / 3,
        stride_seconds=1 / 3,
        max_tokens=4096,
    )


@contextmanager
def random_weights(device: str, dtype: torch.dtype = torch.bfloat16) -> Iterator[None]:
    """Build networks on a device, in a number format, from a fixed seed."""
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


def _count(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())

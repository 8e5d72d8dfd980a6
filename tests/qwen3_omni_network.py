"""A Qwen3-Omni Thinker of random weights and its tokenizer, small enough for tests."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    PreTrainedTokenizerFast,
    Qwen3OmniMoeThinkerConfig,
    Qwen3OmniMoeThinkerForConditionalGeneration,
)

from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.local.qwen_omni.inputs import OmniInputBuilder, token_ids
from emoreal_bench.model_adapters.local.qwen_omni.qwen3_omni import make_dialect
from tests.tiny_weights import enlarge

FRAME_SETTINGS = FrameSettings(
    min_pixels=64 * 64,
    max_pixels=2 * 64 * 64,
    patch=16,
    mean=(0.5, 0.5, 0.5),
    deviation=(0.5, 0.5, 0.5),
)

# The published marks of this generation; the tokenizer is told which is which.
MARKS = {
    "image_token": "<|image_pad|>",
    "audio_token": "<|audio_pad|>",
    "video_token": "<|video_pad|>",
    "vision_bos_token": "<|vision_start|>",
    "vision_eos_token": "<|vision_end|>",
    "audio_bos_token": "<|audio_start|>",
    "audio_eos_token": "<|audio_end|>",
}

_VISION: dict[str, Any] = {
    "depth": 3,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_heads": 4,
    "out_hidden_size": 64,
    "num_position_embeddings": 64,
    "deepstack_visual_indexes": [0, 1],
}
_AUDIO: dict[str, Any] = {
    "encoder_layers": 2,
    "encoder_attention_heads": 4,
    "encoder_ffn_dim": 96,
    "d_model": 64,
    "output_dim": 64,
    "downsample_hidden_size": 8,
    # Sounds of over a second are heard in several windows.
    "n_window_infer": 200,
}
_LANGUAGE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "moe_intermediate_size": 48,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 4096,
    "rope_parameters": {
        "rope_type": "default",
        "mrope_section": [4, 2, 2],
        "mrope_interleaved": True,
        "rope_theta": 10_000.0,
    },
}


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Make the miniature's tokenizer speak with the marks of this generation."""
    tokenizer = tiny_network.make_tokenizer()
    marks: dict[str, Any] = dict(MARKS)
    tokenizer.add_special_tokens(marks)
    return tokenizer


def make_configuration(tokenizer: PreTrainedTokenizerFast) -> Qwen3OmniMoeThinkerConfig:
    """Give the network's configuration."""
    ids = dict(zip(MARKS, token_ids(tokenizer, tuple(MARKS.values())), strict=True))
    settings: dict[str, Any] = dict(  # noqa: C408 - reads as the call that it becomes
        vision_config=_VISION,
        audio_config=_AUDIO,
        text_config={**_LANGUAGE, "vocab_size": len(tokenizer)},
        image_token_id=ids["image_token"],
        audio_token_id=ids["audio_token"],
        video_token_id=ids["video_token"],
        vision_start_token_id=ids["vision_bos_token"],
        vision_end_token_id=ids["vision_eos_token"],
        audio_start_token_id=ids["audio_bos_token"],
        audio_end_token_id=ids["audio_eos_token"],
        position_id_per_seconds=13,
    )
    return Qwen3OmniMoeThinkerConfig(**settings)


def make_network(
    tokenizer: PreTrainedTokenizerFast, seed: int = 0
) -> Qwen3OmniMoeThinkerForConditionalGeneration:
    """Build the network, its weights large enough for its answers to depend on the clip."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Qwen3OmniMoeThinkerForConditionalGeneration(make_configuration(tokenizer))
    enlarge(network)
    network.train(mode=False)
    return network


def make_builder(tokenizer: PreTrainedTokenizerFast) -> OmniInputBuilder:
    """Make the tensors' builder for the network."""
    return OmniInputBuilder(tokenizer, FRAME_SETTINGS, 4096, make_dialect(tokenizer))

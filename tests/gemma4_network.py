"""A Gemma 4 of random weights and its tokenizer, small enough for tests."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    Gemma4AudioFeatureExtractor,
    Gemma4Config,
    Gemma4ForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.local.gemma.gemma4 import (
    Gemma4FrameSettings,
    Gemma4InputBuilder,
)
from tests.tiny_weights import enlarge

FRAME_SETTINGS = Gemma4FrameSettings()

# The published marks; the tokenizer is told which is which.
MARKS = {
    "image_token": "<|image|>",
    "boi_token": "<|image>",
    "eoi_token": "<image|>",
    "audio_token": "<|audio|>",
    "boa_token": "<|audio>",
    "eoa_token": "<audio|>",
}

_SMALL = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
_TEMPLATE = (
    "{% for turn in messages %}[{{ turn.role }}]{% for part in turn.content %}"
    "{% if part.type == 'text' %}{{ part.text }}{% else %}<|{{ part.type }}|>{% endif %}"
    "{% endfor %}\n{% endfor %}[model]"
)


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Give the miniature's tokenizer the marks and a chat template."""
    base = tiny_network.make_tokenizer()
    # The library leaves the constructor untyped.
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=base.backend_tokenizer,
        pad_token=base.pad_token,
        eos_token=base.eos_token,
        extra_special_tokens=MARKS,
    )
    tokenizer.chat_template = _TEMPLATE
    return tokenizer


def make_builder(tokenizer: PreTrainedTokenizerFast) -> Gemma4InputBuilder:
    """Make the tensors' builder for the network."""
    return Gemma4InputBuilder(tokenizer, Gemma4AudioFeatureExtractor(), FRAME_SETTINGS, 4096)


def make_network(
    tokenizer: PreTrainedTokenizerFast, builder: Gemma4InputBuilder
) -> Gemma4ForConditionalGeneration:
    """Build the network, its weights large enough for its answers to depend on the clip."""
    settings: dict[str, Any] = {
        "text_config": {
            **_SMALL,
            "num_hidden_layers": 4,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
            "num_kv_shared_layers": 2,
            "sliding_window": 64,
            "global_head_dim": 32,
            "hidden_size_per_layer_input": 8,
            "vocab_size": len(tokenizer),
            "vocab_size_per_layer_input": len(tokenizer),
            "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "final_logit_softcapping": 30.0,
            "max_position_embeddings": 4096,
        },
        "vision_config": {**_SMALL, "num_key_value_heads": 4, "position_embedding_size": 256},
        "audio_config": {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "subsampling_conv_channels": [128, 4],
            "output_proj_dims": 48,
        },
        "video_token_id": builder.picture_id,
        "audio_token_id": builder.audio_id,
        "image_token_id": tokenizer.convert_tokens_to_ids(MARKS["image_token"]),
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Gemma4ForConditionalGeneration(Gemma4Config(**settings))
    enlarge(network)
    network.train(mode=False)
    return network

"""Gemma 3n at tiny size: tokenizer, processor's files, and a network, for tests.

All but the network can be made without timm.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import (
    Gemma3nAudioFeatureExtractor,
    Gemma3nConfig,
    Gemma3nForConditionalGeneration,
    Gemma3nProcessor,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    SiglipImageProcessorPil,
)

from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.local.family import ModelFolder
from emoreal_bench.model_adapters.local.gemma.gemma3n import (
    FAMILY,
    Gemma3nFrameSettings,
    Gemma3nInputBuilder,
)
from tests.tiny_weights import enlarge

WHY_SKIPPED = "Gemma 3n needs timm; `make test-timm` brings it"
SIDE = 64
FRAME_TOKENS = 4
AUDIO_TOKENS = 188
MAX_TOKENS = 4096
FRAME_SETTINGS = Gemma3nFrameSettings(SIDE, SIDE, (0.0,) * 3, (1.0,) * 3, FRAME_TOKENS)
# In the order of the published vocabulary, from which the network reads what each one is.
MARKS = {
    "boi_token": "<start_of_image>",
    "boa_token": "<start_of_audio>",
    "eoi_token": "<end_of_image>",
    "image_token": "<image_soft_token>",
    "eoa_token": "<end_of_audio>",
    "audio_token": "<audio_soft_token>",
}
TEMPLATE = (
    "{% for turn in messages %}[{{ turn.role }}]{% for part in turn.content %}"
    "{% if part.type == 'text' %}{{ part.text }}{% else %}<{{ part.type }}_soft_token>{% endif %}"
    "{% endfor %}\n{% endfor %}[model]"
)


def make_tokenizer() -> PreTrainedTokenizerFast:
    base = tiny_network.make_tokenizer()
    # The library leaves the constructor untyped.
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=base.backend_tokenizer,
        pad_token=base.pad_token,
        eos_token=base.eos_token,
        extra_special_tokens=MARKS,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_processor(tokenizer: PreTrainedTokenizerFast) -> Gemma3nProcessor:
    """Make the library's own processor, its image part on Pillow."""
    images = SiglipImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, resample=2, do_normalize=False
    )
    return Gemma3nProcessor(
        Gemma3nAudioFeatureExtractor(),
        images,
        tokenizer,
        chat_template=TEMPLATE,
        audio_seq_length=AUDIO_TOKENS,
        image_seq_length=FRAME_TOKENS,
    )


def make_builder(tokenizer: PreTrainedTokenizerBase) -> Gemma3nInputBuilder:
    extractor = Gemma3nAudioFeatureExtractor()
    return Gemma3nInputBuilder(tokenizer, extractor, FRAME_SETTINGS, AUDIO_TOKENS, MAX_TOKENS)


def read_builder(folder: Path, tokenizer: PreTrainedTokenizerBase) -> Gemma3nInputBuilder:
    configuration = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return FAMILY.make_builder(ModelFolder(folder, configuration, tokenizer, None))


def make_configuration(tokenizer: PreTrainedTokenizerFast) -> Gemma3nConfig:
    ids: dict[str, Any] = {
        name: tokenizer.convert_tokens_to_ids(mark) for name, mark in MARKS.items()
    }
    return Gemma3nConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "vocab_size_per_layer_input": ids["eoi_token"],
            "hidden_size": 64,
            "hidden_size_per_layer_input": 8,
            "intermediate_size": 96,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
            "num_kv_shared_layers": 2,
            "sliding_window": 64,
            "laurel_rank": 8,
            "activation_sparsity_pattern": [0.95, 0.95, 0.0, 0.0],
            "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "max_position_embeddings": MAX_TOKENS,
        },
        vision_config={
            "architecture": "mobilenetv5_300m_enc",
            "model_args": {"channel_multiplier": 0.02, "stem_size": 8, "msfa_output_resolution": 2},
            "vocab_size": 2,
            "vocab_offset": ids["eoi_token"],
        },
        audio_config={
            "hidden_size": 32,
            "conf_num_hidden_layers": 2,
            "conf_num_attention_heads": 4,
            "sscp_conv_channel_size": [8, 4],
            "vocab_size": 2,
            "vocab_offset": ids["eoa_token"],
        },
        vision_soft_tokens_per_image=FRAME_TOKENS,
        audio_soft_tokens_per_image=AUDIO_TOKENS,
        **{f"{name}_id": number for name, number in ids.items()},
    )


def make_network(tokenizer: PreTrainedTokenizerFast) -> Gemma3nForConditionalGeneration:
    """Make a network. Its vision tower is that of the published models, very narrow."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Gemma3nForConditionalGeneration(make_configuration(tokenizer))
    enlarge(network)
    network.train(mode=False)
    return network


def save_all_but_weights(tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    make_configuration(tokenizer).save_pretrained(folder)
    make_processor(tokenizer).save_pretrained(folder)
    return folder


def save_folder(
    network: Gemma3nForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> Path:
    save_all_but_weights(tokenizer, folder)
    network.save_pretrained(folder)
    return folder

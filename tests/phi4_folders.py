"""A Phi-4-multimodal of random weights at tiny size, with its tokenizer and adapters, for tests."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from transformers import Phi4MultimodalConfig, Phi4MultimodalForCausalLM, PreTrainedTokenizerFast

from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.local.phi4.inputs import OwnAdapter, Phi4InputBuilder
from emoreal_bench.model_adapters.local.phi4.media import CropSettings
from emoreal_bench.model_adapters.local.qwen_omni.inputs import token_ids
from tests.lora_folders import adapt
from tests.tiny_weights import enlarge

CROP_SETTINGS = CropSettings(crop=56, max_crops=6)
MAX_TOKENS = 4096
# A clip of eight frames of 112 x 112 pixels takes 216 tokens.
USUAL_LENGTH = 200
MARKS = {"image_token": "<|image|>", "audio_token": "<|audio|>"}
TURN_MARKS = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
# As the published processor writes a conversation.
TEMPLATE = (
    "{% for turn in messages %}<|{{ turn.role }}|>{% for part in turn.content %}"
    "{% if part.type == 'text' %}{{ part.text }}{% else %}<|{{ part.type }}|>{% endif %}"
    "{% endfor %}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
# As the published adapters name what they are put on.
LANGUAGE_LAYERS = r"model\.((layers.*self_attn\.(qkv|o)_proj)|(layers.*mlp\.(gate_up|down)_proj))"
SMALL = {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4}


def make_phi4_tokenizer() -> PreTrainedTokenizerFast:
    """Make a tokenizer with the marks of the model."""
    base = tiny_network.make_tokenizer()
    # The library leaves the constructor untyped.
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=base.backend_tokenizer,
        pad_token=base.pad_token,
        eos_token=base.eos_token,
        extra_special_tokens=MARKS,
    )
    added: dict[str, Any] = {"extra_special_tokens": TURN_MARKS}
    tokenizer.add_special_tokens(added, replace_extra_special_tokens=False)
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_phi4_builder(tokenizer: PreTrainedTokenizerFast) -> Phi4InputBuilder:
    """Make what prepares inputs for the tiny network."""
    image_id, audio_id = token_ids(tokenizer, list(MARKS.values()))
    return Phi4InputBuilder(tokenizer, image_id, audio_id, CROP_SETTINGS, MAX_TOKENS)


def make_phi4_network(tokenizer: PreTrainedTokenizerFast) -> Phi4MultimodalForCausalLM:
    """Make a network whose weights are large enough for its answers to depend on the clip."""
    image_id, audio_id = token_ids(tokenizer, list(MARKS.values()))
    settings: dict[str, Any] = {
        **SMALL,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.pad_token_id,
        "eos_token_id": [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|end|>")],
        "max_position_embeddings": MAX_TOKENS,
        "original_max_position_embeddings": USUAL_LENGTH,
        "rope_parameters": {
            "rope_type": "longrope",
            "short_factor": [1.0] * 8,
            "long_factor": [1.0 + index for index in range(8)],
            "rope_theta": 10_000.0,
            "partial_rotary_factor": 1.0,
        },
        "sliding_window": 262_144,
        "tie_word_embeddings": False,
        "vision_config": {
            **SMALL,
            "num_hidden_layers": 3,
            "image_size": CROP_SETTINGS.crop,
            "crop_size": CROP_SETTINGS.crop,
            "image_token_id": image_id,
        },
        "audio_config": {
            **SMALL,
            "num_blocks": 2,
            "ext_pw_out_channel": 64,
            "depthwise_separable_out_channel": 64,
            "nemo_conv_channels": 16,
            "audio_token_id": audio_id,
        },
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Phi4MultimodalForCausalLM(Phi4MultimodalConfig(**settings))
        for mark in ("global_img_feature_extensor", "sub_img_feature_extensor"):
            torch.nn.init.normal_(getattr(network.model.embed_tokens_extend.image_embed, mark))
    enlarge(network)
    network.train(mode=False)
    return network


def make_phi4_folder(
    network: Phi4MultimodalForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> Path:
    """Make a folder as published: weights, and two adapters in folders of their own."""
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for rank, adapter in enumerate(OwnAdapter, start=2):
        adapted = copy.deepcopy(network)
        adapt(adapted, folder / adapter.folder, r=rank, target_modules=LANGUAGE_LAYERS)
    (folder / "processor_config.json").write_text(
        f'{{"image_processor": {{"dynamic_hd": {CROP_SETTINGS.max_crops}}}}}'
    )
    return folder

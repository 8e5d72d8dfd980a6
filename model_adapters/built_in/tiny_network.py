"""A Qwen2.5-Omni Thinker of under two million parameters, and its tokenizer.

It has every part of the published models, towers included, at sizes that load
in a second and answer on any processor.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
)

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters.local.file_faults import read_weights
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    AUDIO_END,
    AUDIO_MARK,
    AUDIO_START,
    END_OF_TEXT,
    IMAGE_MARK,
    MEL_BINS,
    TURN_END,
    VIDEO_MARK,
    VISION_END,
    VISION_START,
    token_ids,
)

_SHIPPED = Path(__file__).parent / "tiny_weights"
WEIGHTS = _SHIPPED / "base.safetensors"
"""What was trained and is shipped; the README beside it says how."""
TOKENIZER = _SHIPPED / "tokenizer.json"
ADAPTERS = _SHIPPED
"""Holds a folder for each adapter that is shipped."""

PARAMETERS = 1_924_544
MAX_TOKENS = 4096
# Frames of 4:3 are seen at 112 x 140 pixels: 20 tokens for four of them.
FRAME_SETTINGS = FrameSettings(min_pixels=56 * 56, max_pixels=112 * 150, temporal_patch=4)

_VISION: Mapping[str, Any] = MappingProxyType(
    {
        "depth": 3,
        "hidden_size": 96,
        "intermediate_size": 192,
        "num_heads": 4,
        "patch_size": FRAME_SETTINGS.patch,
        "spatial_merge_size": FRAME_SETTINGS.merge,
        "temporal_patch_size": FRAME_SETTINGS.temporal_patch,
        "window_size": 112,
        "fullatt_block_indexes": (0, 1, 2),
        "out_hidden_size": 128,
        "initializer_range": 0.02,
    }
)
_AUDIO: Mapping[str, Any] = MappingProxyType(
    {
        "num_mel_bins": MEL_BINS,
        "d_model": 96,
        "encoder_layers": 2,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 192,
        "n_window": 100,
        "output_dim": 128,
        "max_source_positions": 1500,
    }
)
_LANGUAGE: Mapping[str, Any] = MappingProxyType(
    {
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": MAX_TOKENS,
        # The three sections share the 16 frequencies of a head.
        "rope_parameters": {
            "rope_type": "default",
            "mrope_section": [4, 6, 6],
            "rope_theta": 1_000_000.0,
        },
    }
)


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Make the byte-level tokenizer; it splits letters from their brackets."""
    # The library leaves its constructor untyped.
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(TOKENIZER),
        pad_token=END_OF_TEXT,
        eos_token=TURN_END,
        padding_side="left",
        extra_special_tokens={
            "image_token": IMAGE_MARK,
            "audio_token": AUDIO_MARK,
            "video_token": VIDEO_MARK,
            "vision_bos_token": VISION_START,
            "vision_eos_token": VISION_END,
            "audio_bos_token": AUDIO_START,
            "audio_eos_token": AUDIO_END,
        },
    )


def settings(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Return the network's configuration as plain data: all that decides its shape."""
    end_of_text, turn_end = token_ids(tokenizer, (END_OF_TEXT, TURN_END))
    video, audio, image = token_ids(tokenizer, (VIDEO_MARK, AUDIO_MARK, IMAGE_MARK))
    starts = token_ids(tokenizer, (VISION_START, VISION_END, AUDIO_START, AUDIO_END))
    language = {
        "vocab_size": len(tokenizer),
        "pad_token_id": end_of_text,
        "eos_token_id": turn_end,
    }
    return {
        "vision_config": dict(_VISION),
        "audio_config": dict(_AUDIO),
        "text_config": {**_LANGUAGE, **language},
        "video_token_id": video,
        "audio_token_id": audio,
        "image_token_id": image,
        "vision_start_token_id": starts[0],
        "vision_end_token_id": starts[1],
        "audio_start_token_id": starts[2],
        "audio_end_token_id": starts[3],
        "pad_token_id": end_of_text,
        "position_id_per_seconds": 25,
    }


def make_network(
    configuration: dict[str, Any], seed: int
) -> Qwen2_5OmniThinkerForConditionalGeneration:
    """Build the network with random weights.

    Args:
        configuration: From :func:`settings`.
        seed: Of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Qwen2_5OmniThinkerForConditionalGeneration(
            Qwen2_5OmniThinkerConfig(**configuration)
        )
    network.train(mode=False)
    return network


def load_weights(network: Qwen2_5OmniThinkerForConditionalGeneration, path: Path) -> None:
    """Return a network of this shape the weights of a file.

    Raises:
        UsageError: If the file cannot be read, or is none of weights for this network.
    """
    weights = read_weights(path)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise UsageError(
            f"The weights do not belong to the miniature: {error}", where=str(path)
        ) from error

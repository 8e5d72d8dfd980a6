"""A Qwen2.5-Omni of random weights, whole and with its processors, as vLLM wants it."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import (
    Qwen2_5OmniProcessor,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    WhisperFeatureExtractor,
)

from emoreal_bench.model_adapters.built_in import tiny_network
from tests.omni_folders import make_whole_folder

# Frames of 112 x 112 pixels are seen as they are.
PIXELS = {"min_pixels": str(56 * 56), "max_pixels": str(112 * 150), "dtype": "float32"}


def make_folder(folder: Path) -> Path:
    """Make a folder as published, at tiny size, under ``folder``."""
    tokenizer = tiny_network.make_tokenizer()
    settings = dict(tiny_network.settings(tokenizer))
    settings["vision_config"] = {**settings["vision_config"], "temporal_patch_size": 2}
    settings["text_config"] = {**settings["text_config"], "tie_word_embeddings": False}
    torch.manual_seed(0)
    network = Qwen2_5OmniThinkerForConditionalGeneration(Qwen2_5OmniThinkerConfig(**settings))
    with torch.no_grad():
        # Large enough for the answers to depend on the clip.
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.mul_(4)
    network.save_pretrained(folder / "thinker")
    tokenizer.save_pretrained(folder / "thinker")
    whole = make_whole_folder(folder / "thinker", folder / "whole")
    # The library leaves both constructors untyped.
    extractor = WhisperFeatureExtractor(  # type: ignore[no-untyped-call]
        feature_size=128, chunk_length=300, return_attention_mask=True
    )
    Qwen2_5OmniProcessor(  # type: ignore[no-untyped-call]
        image_processor=Qwen2VLImageProcessor(),
        video_processor=Qwen2VLVideoProcessor(),
        feature_extractor=extractor,
        tokenizer=tokenizer,
    ).save_pretrained(whole)
    configuration = json.loads((whole / "config.json").read_text())
    configuration["architectures"] = ["Qwen2_5OmniModel"]
    (whole / "config.json").write_text(json.dumps(configuration))
    return whole

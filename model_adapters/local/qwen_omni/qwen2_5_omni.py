"""Qwen2.5-Omni, the first generation of Qwen-Omni."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters.local.family import Family, ModelFolder, PixelLimits
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    OmniInput,
    OmniInputBuilder,
)
from emoreal_bench.model_adapters.local.qwen_omni.network import LANGUAGE_MODEL, QwenOmni

__all__ = ["FAMILY", "LANGUAGE_MODEL", "Qwen25Omni"]


class Qwen25Omni(QwenOmni):
    """A loaded Thinker of this generation."""

    def _layers(self, output: Any) -> list[Sequence[torch.Tensor]]:
        return [output.pooler_output]


def _make_builder(folder: ModelFolder) -> OmniInputBuilder:
    assert folder.pixels is not None
    frames = FrameSettings(
        folder.pixels.least,
        folder.pixels.most,
        temporal_patch=folder.configuration["vision_config"].get("temporal_patch_size", 2),
    )
    return OmniInputBuilder(folder.tokenizer, frames, folder.max_tokens)


FAMILY: Family[OmniInput, OmniInputBuilder] = Family(
    network="Qwen2_5OmniThinkerForConditionalGeneration",
    part="thinker_config",
    language_model=LANGUAGE_MODEL,
    pixels=PixelLimits(FrameSettings().min_pixels, FrameSettings().max_pixels),
    make_builder=_make_builder,
    make_model=lambda network, folder, builder: Qwen25Omni(network, folder.tokenizer, builder),
)

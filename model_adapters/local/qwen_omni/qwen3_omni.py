"""Qwen3-Omni, the second generation of Qwen-Omni: a mixture of experts.

Its vision tower speaks to the first layers of the language model too, not to
the embeddings alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters.local.family import Family, ModelFolder, PixelLimits
from emoreal_bench.model_adapters.local.qwen_omni.inputs import OmniInput, OmniInputBuilder
from emoreal_bench.model_adapters.local.qwen_omni.network import LANGUAGE_MODEL, QwenOmni
from emoreal_bench.model_adapters.local.qwen_omni.qwen2_5_omni import MAX_FRAMES
from emoreal_bench.model_adapters.local.qwen_omni.qwen3_inputs import (
    MAX_PIXELS,
    MIN_PIXELS,
    make_dialect,
)

if TYPE_CHECKING:
    import torch

# The file that says how frames are normalised, as published.
PROCESSOR_FILE = "preprocessor_config.json"


class Qwen3Omni(QwenOmni):
    """A loaded Thinker of this generation."""

    def _layers(self, output: Any) -> list[Sequence[torch.Tensor]]:
        return [output.pooler_output, *output.deepstack_features]


def _make_builder(folder: ModelFolder) -> OmniInputBuilder:
    assert folder.pixels is not None
    vision = folder.configuration["vision_config"]
    mean, deviation = _read_normalisation(folder)
    frames = FrameSettings(
        folder.pixels.least,
        folder.pixels.most,
        patch=vision["patch_size"],
        merge=vision["spatial_merge_size"],
        temporal_patch=vision["temporal_patch_size"],
        mean=mean,
        deviation=deviation,
    )
    return OmniInputBuilder(
        folder.tokenizer, frames, folder.max_tokens, make_dialect(folder.tokenizer)
    )


def _read_normalisation(folder: ModelFolder) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Read mean and standard deviation of the colours.

    Raises:
        UsageError: If the folder does not state them. The generations differ
            here, and a wrong guess would be seen in no log.
    """
    path = folder.path / PROCESSOR_FILE
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        return tuple(map(float, settings["image_mean"])), tuple(map(float, settings["image_std"]))
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"{PROCESSOR_FILE} is missing or does not state image_mean and image_std, so it is "
            "unknown how frames are to be fed.",
            where=str(folder.path),
            remedy="Copy the file from the published model.",
        ) from error


FAMILY: Family[OmniInput, OmniInputBuilder] = Family(
    network="Qwen3OmniMoeThinkerForConditionalGeneration",
    part="thinker_config",
    language_model=LANGUAGE_MODEL,
    pixels=PixelLimits(MIN_PIXELS, MAX_PIXELS),
    max_frames=MAX_FRAMES,
    make_builder=_make_builder,
    make_model=lambda network, folder, builder: Qwen3Omni(network, folder.tokenizer, builder),
)

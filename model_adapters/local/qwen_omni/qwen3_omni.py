"""Qwen3-Omni, the second generation of Qwen-Omni: a mixture of experts.

Its vision tower speaks to the first layers of the language model too, not to
the embeddings alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters.local.family import Family, ModelFolder, PixelLimits
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    END_OF_TEXT,
    TURN_END,
    TURN_START,
    OmniDialect,
    OmniInput,
    OmniInputBuilder,
)
from emoreal_bench.model_adapters.local.qwen_omni.network import LANGUAGE_MODEL, QwenOmni
from emoreal_bench.parsing import parse_json

# The file that says how frames are normalised, as published.
PROCESSOR_FILE = "preprocessor_config.json"
# Names under which the tokenizer keeps the marks, in the order of the dialect.
_MARK_NAMES = (
    "video_token",
    "audio_token",
    "vision_bos_token",
    "vision_eos_token",
    "audio_bos_token",
    "audio_eos_token",
)
_WINDOW_FRAMES = 100
_WINDOW_TOKENS = 13


def audio_tokens(mel_frames: int) -> int:
    """Count the tokens of a sound: each second is halved three times by itself."""
    whole, rest = divmod(mel_frames, _WINDOW_FRAMES)
    for _ in range(3):
        rest = (rest + 1) // 2
    return whole * _WINDOW_TOKENS + rest


def make_dialect(tokenizer: PreTrainedTokenizerBase) -> OmniDialect:
    """Take the marks from the tokenizer, which names them.

    Raises:
        UsageError: If it lacks one.
    """
    marks = [getattr(tokenizer, name, None) for name in _MARK_NAMES]
    missing = [name for name, mark in zip(_MARK_NAMES, marks, strict=True) if mark is None]
    if missing:
        raise UsageError(
            f"the tokenizer does not name its {', '.join(missing)}.",
            where=str(tokenizer.name_or_path),
            remedy="Is this the tokenizer of a Qwen3-Omni model?",
        )
    image = [mark for mark in [getattr(tokenizer, "image_token", None)] if mark is not None]
    video, audio, vision_start, vision_end, audio_start, audio_end = map(str, marks)
    return OmniDialect(
        video=video,
        audio=audio,
        vision_start=vision_start,
        vision_end=vision_end,
        audio_start=audio_start,
        audio_end=audio_end,
        reserved=tuple(map(str, (END_OF_TEXT, TURN_START, TURN_END, *marks, *image))),
        count_audio_tokens=audio_tokens,
        max_audio_seconds=None,
    )


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
        settings = parse_json(path.read_bytes())
        return tuple(map(float, settings["image_mean"])), tuple(map(float, settings["image_std"]))
    except (OSError, OverflowError, ValueError, KeyError, TypeError) as error:
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
    pixels=PixelLimits(128 * 32 * 32, 768 * 32 * 32),
    make_builder=_make_builder,
    make_model=lambda network, folder, builder: Qwen3Omni(network, folder.tokenizer, builder),
)

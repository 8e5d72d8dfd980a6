"""Gemma 4, in the sizes whose checkpoints have an audio tower (E2B, E4B).

Each frame stands in the prompt by itself, its time in front of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Gemma4AudioFeatureExtractor, PreTrainedTokenizerBase

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import Request, VideoPart
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.frames import scale_frames
from emoreal_bench.inputs.parts import hash_tensor
from emoreal_bench.inputs.tensors import RequestTensors
from emoreal_bench.model_adapters.local.family import Family, ModelFolder
from emoreal_bench.model_adapters.local.file_faults import read_json_object
from emoreal_bench.model_adapters.local.gemma.base import (
    GemmaAudio,
    GemmaInputBuilder,
    GemmaModel,
    lacks_settings,
    read_extractor,
)
from emoreal_bench.model_adapters.local.towers import Encoded

VIDEO_MARK = "<|video|>"
# Stand for marks while others are looked for: two characters that Unicode reserves for
# a program's own use.
_HELD_VIDEO, _HELD_AUDIO = "\ufdd0", "\ufdd1"


@dataclass(frozen=True, slots=True)
class Gemma4FrameSettings:
    """How the vision tower sees a frame.

    Attributes:
        tokens: Most tokens of a frame.
        patch: Side of a patch in pixels.
        pool: Side of the square of patches that becomes one token.
    """

    tokens: int = 70
    patch: int = 16
    pool: int = 3

    @property
    def cell(self) -> int:
        """Side in pixels of the area that becomes one token."""
        return self.patch * self.pool


@dataclass(frozen=True, slots=True)
class Gemma4Video:
    """The picture of one clip.

    Attributes:
        patches: ``(frames, most patches, 3 * patch * patch)`` 32-bit floats in 0..1.
        positions: ``(frames, most patches, 2)`` column and row; -1 where padded.
        times: Of each frame, as ``mm:ss``.
        frame_tokens: Tokens of each frame.
        hash: Over all that the model sees.
    """

    patches: torch.Tensor
    positions: torch.Tensor
    times: tuple[str, ...]
    frame_tokens: int
    hash: str

    @property
    def frames(self) -> int:
        """Frames fed."""
        return len(self.times)

    @property
    def tokens(self) -> int:
        """Places that its frames take together."""
        return self.frames * self.frame_tokens


Gemma4Input = RequestTensors[Gemma4Video, GemmaAudio]


class Gemma4InputBuilder(GemmaInputBuilder[Gemma4Video]):
    """Turns requests into tensors.

    Args:
        tokenizer: Of the model, with its chat template and named marks.
        extractor: Of the model's folder.
        frame_settings: Of the vision tower.
        max_tokens: Longest sequence the model takes, reply included.
    """

    # From here on, the extractor has a window that is all sound.
    min_samples = 321
    mark_names = ("boi_token", "eoi_token", "audio_token", "boa_token", "eoa_token")
    reserved = (_HELD_VIDEO, _HELD_AUDIO)

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        extractor: Gemma4AudioFeatureExtractor,
        frame_settings: Gemma4FrameSettings,
        max_tokens: int,
    ):
        super().__init__(tokenizer, extractor, max_tokens)
        self._frame_settings = frame_settings

    def _picture_mark(self) -> str:
        # As the published processor does: the published tokenizer does not know the mark.
        added: dict[str, Any] = {"extra_special_tokens": [VIDEO_MARK]}
        self._tokenizer.add_special_tokens(added, replace_extra_special_tokens=False)
        return VIDEO_MARK

    def _name_video(self, part: VideoPart, request: Request) -> Sequence[str]:
        del part, request  # one mark stands for all frames
        return ["video"]

    def _expand(
        self, text: str, videos: Sequence[Gemma4Video], audios: Sequence[GemmaAudio]
    ) -> str:
        marks = self._marks
        for video in videos:
            frame = marks["boi_token"] + VIDEO_MARK * video.frame_tokens + marks["eoi_token"]
            # Written with a mark that is no mark yet, so that the next one found is the next.
            shown = " ".join(f"{time} {frame}" for time in video.times)
            text = text.replace(VIDEO_MARK, shown.replace(VIDEO_MARK, _HELD_VIDEO), 1)
        for audio in audios:
            sound = marks["boa_token"] + _HELD_AUDIO * audio.tokens + marks["eoa_token"]
            text = text.replace(marks["audio_token"], sound, 1)
        return text.replace(_HELD_VIDEO, VIDEO_MARK).replace(_HELD_AUDIO, marks["audio_token"])

    def _prepare_video(self, clip: ClipMedia) -> Gemma4Video:
        assert clip.frames is not None
        patches, positions = frames_to_patches(clip.frames, self._frame_settings)
        times = tuple(f"{int(time // 60):02d}:{int(time % 60):02d}" for time in clip.timestamps)
        tokens = int((positions[0, :, 0] >= 0).sum()) // self._frame_settings.pool**2
        digest = hash_tensor(patches, f"{times} {tokens} {hash_tensor(positions)}")
        return Gemma4Video(patches, positions, times, tokens, digest)

    def _count_audio_tokens(self, mask: torch.Tensor) -> int:
        # Two convolutions of stride 2, and so is their mask.
        return int(mask[::2][::2].sum())


def fit_size(height: int, width: int, settings: Gemma4FrameSettings) -> tuple[int, int]:
    """Choose the largest size that keeps the aspect ratio within the tokens of a frame.

    Raises:
        InputError: If the frame is too narrow for that.
    """
    cell = settings.cell
    factor = math.sqrt(settings.tokens * cell**2 / (height * width))
    fitted = (math.floor(factor * height / cell) * cell, math.floor(factor * width / cell) * cell)
    if 0 in fitted:
        raise InputError(f"frames of {width} x {height} pixels are too narrow for the model")
    return fitted


def frames_to_patches(
    frames: NDArray[np.uint8], settings: Gemma4FrameSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Resize frames and cut them into patches.

    Args:
        frames: ``(n, height, width, 3)`` unsigned bytes, RGB.
        settings: Of the tower.

    Returns:
        Patches ``(n, most patches, 3 * patch * patch)`` in 0..1 and their
        positions ``(n, most patches, 2)`` as column and row, -1 where padded.
    """
    height, width = fit_size(frames.shape[1], frames.shape[2], settings)
    pixels = scale_frames(frames, height, width)
    side = settings.patch
    rows, columns = height // side, width // side
    blocks = (pixels / 255).view(len(frames), 3, rows, side, columns, side)
    patches = blocks.permute(0, 2, 4, 3, 5, 1).reshape(len(frames), rows * columns, -1)
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    positions = torch.stack([column, row], dim=-1).view(1, -1, 2).expand(len(frames), -1, -1)
    missing = settings.tokens * settings.pool**2 - rows * columns
    return (
        torch.nn.functional.pad(patches, (0, 0, 0, missing)),
        torch.nn.functional.pad(positions, (0, 0, 0, missing), value=-1),
    )


class Gemma4(GemmaModel[Gemma4Video]):
    """A loaded ``Gemma4ForConditionalGeneration``."""

    picture_key = "video_token_id"

    def _embed(
        self, ids: torch.Tensor, inputs: Sequence[Gemma4Input]
    ) -> Mapping[str, torch.Tensor]:
        """Embed prompts; where the model adds to each layer too, clips count as padding there."""
        body, settings = self._network.model, self._network.config.text_config
        clips = (ids == self._builder.picture_id) | (ids == self._builder.audio_id)
        words = ids.masked_fill(clips, settings.pad_token_id)
        embedded = body.get_input_embeddings()(words)
        arguments = {}
        if settings.hidden_size_per_layer_input:
            language = body.language_model
            padding = language.embed_tokens.weight[settings.pad_token_id]
            arguments["per_layer_inputs"] = language.get_per_layer_inputs(
                words, torch.where(clips.unsqueeze(-1), padding, embedded)
            )
        return {"inputs_embeds": self._fill(embedded, ids, inputs), **arguments}

    def _see(self, videos: Sequence[Gemma4Video]) -> list[Encoded]:
        outputs = [
            self._network.model.get_video_features(
                video.patches.to(self._network.device, self._network.dtype),
                video.positions.to(self._network.device),
                num_frames_per_video=torch.tensor([video.frames]),
            )
            for video in videos
        ]
        return [(output.pooler_output[0],) for output in outputs]

    def _hear(self, audios: Sequence[GemmaAudio]) -> list[Encoded]:
        outputs = [
            self._network.model.get_audio_features(
                audio.features[None].to(self._network.device, self._network.dtype),
                audio.mask[None].to(self._network.device),
            )
            for audio in audios
        ]
        return [(output.pooler_output[output.attention_mask.bool()],) for output in outputs]


def _make_builder(folder: ModelFolder) -> Gemma4InputBuilder:
    if not folder.configuration.get("audio_config"):
        raise UsageError(
            "this size of Gemma 4 has no audio tower.",
            where=str(folder.path),
            remedy="Take a size that hears: E2B or E4B.",
        )
    if folder.configuration["text_config"].get("use_bidirectional_attention"):
        raise UsageError(
            "this size of Gemma 4 reads frames in both directions, which is not supported.",
            where=str(folder.path),
            remedy="Take a size that does not: E2B or E4B.",
        )
    try:
        extractor = read_extractor(Gemma4AudioFeatureExtractor, folder)
    except OSError as error:
        raise lacks_settings(folder, "sound is") from error
    # Random noise on the sound would make every answer another one.
    extractor.dither = 0.0
    vision = folder.configuration["vision_config"]
    frames = Gemma4FrameSettings(
        _read_frame_tokens(folder), vision["patch_size"], vision["pooling_kernel_size"]
    )
    return Gemma4InputBuilder(folder.tokenizer, extractor, frames, folder.max_tokens)


def _read_frame_tokens(folder: ModelFolder) -> int:
    """Read how many tokens a frame has; the library's own number where nothing is said."""
    for name, key in (
        ("processor_config.json", "video_processor"),
        ("video_preprocessor_config.json", None),
    ):
        path = folder.path / name
        if path.is_file():
            content = read_json_object(path)
            settings = content.get(key, {}) if key else content
            if not isinstance(settings, dict):
                continue
            tokens = settings.get("max_soft_tokens", Gemma4FrameSettings().tokens)
            if not isinstance(tokens, int):
                raise UsageError(
                    f"{name} states no number of tokens of a frame: {tokens!r}.",
                    where=str(folder.path),
                    remedy="Copy the file from the published model.",
                )
            if "max_soft_tokens" in settings:
                return tokens
    return Gemma4FrameSettings().tokens


FAMILY: Family[Gemma4Input, Gemma4InputBuilder] = Family(
    network="Gemma4ForConditionalGeneration",
    part=None,
    language_model="model.language_model",
    pixels=None,
    make_builder=_make_builder,
    make_model=lambda network, folder, builder: Gemma4(network, folder.tokenizer, builder),
    eager_parts=("audio_config",),
)

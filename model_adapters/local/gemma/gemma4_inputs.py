"""Requests into the tensors of Gemma 4, the sizes that see and hear.

Each frame stands in the prompt by itself, its time in front of it. The chat
template and the numbers that the sound is normalised with come from the
model's folder: nothing of them is known here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Gemma4AudioFeatureExtractor, PreTrainedTokenizerBase

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Request, VideoPart
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.frames import scale_frames
from emoreal_bench.inputs.parts import (
    hash_tensor,
    is_marked,
    make_delivery,
    prepare_once,
    refuse_length,
    refuse_marks,
    split_media,
)
from emoreal_bench.inputs.tensors import PreparedClips, RequestTensors
from emoreal_bench.model_adapters.local.gemma.inputs import (
    GemmaAudio,
    extract_audio,
    read_marks,
    what_is_cut,
    why_not_given,
    write_chat,
)

VIDEO_MARK = "<|video|>"
# From here on, the extractor has a window that is all sound.
_why_left_out = partial(why_not_given, min_samples=321)
# Stand for marks while others are looked for: two characters that Unicode reserves for
# a program's own use.
_HELD_VIDEO, _HELD_AUDIO = "\ufdd0", "\ufdd1"
# Names under which the tokenizer keeps the marks that open and close clips.
_MARK_NAMES = ("boi_token", "eoi_token", "audio_token", "boa_token", "eoa_token")


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


Gemma4Clips = PreparedClips[Gemma4Video, GemmaAudio]


class Gemma4Input(RequestTensors[Gemma4Video, GemmaAudio]):
    """One request as tensors."""


class Gemma4InputBuilder:
    """Turns requests into tensors.

    Args:
        tokenizer: Of the model, with its chat template and named marks.
        extractor: Of the model's folder.
        frame_settings: Of the vision tower.
        max_tokens: Longest sequence the model takes, reply included.

    Raises:
        UsageError: If the tokenizer lacks the template or a mark.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        extractor: Gemma4AudioFeatureExtractor,
        frame_settings: Gemma4FrameSettings,
        max_tokens: int,
    ):
        self._tokenizer = tokenizer
        self._extractor = extractor
        self._frame_settings = frame_settings
        self._max_tokens = max_tokens
        self._marks = read_marks(tokenizer, _MARK_NAMES)
        # As the published processor does: the published tokenizer does not know the mark.
        added: dict[str, Any] = {"extra_special_tokens": [VIDEO_MARK]}
        tokenizer.add_special_tokens(added, replace_extra_special_tokens=False)
        ids = tokenizer.convert_tokens_to_ids([VIDEO_MARK, self._marks["audio_token"]])
        self.video_id, self.audio_id = cast("list[int]", ids)

    def render(self, request: Request) -> str:
        """Write the request in the model's chat form, one mark per picture and sound.

        A clip that the request names and does not bring counts as having both.
        """

        def name_media(part: VideoPart | AudioPart) -> list[str]:
            kind = Modality.VIDEO if isinstance(part, VideoPart) else Modality.AUDIO
            return [kind.value] if is_marked(part, request, _why_left_out) else []

        return write_chat(self._tokenizer, request, name_media)

    def build(self, request: Request, shared: Gemma4Clips) -> Gemma4Input:
        """Turn a request into tensors.

        Args:
            request: With its decoded clips.
            shared: Clips already prepared; those of this request are added.

        Raises:
            InputError: If the model cannot take the request.
        """
        refuse_marks(request, (*self._tokenizer.all_special_tokens, _HELD_VIDEO, _HELD_AUDIO))
        seen, heard, notes = split_media(request, _why_left_out, what_is_cut)
        videos = tuple(prepare_once(shared.videos, clip, self._prepare_video) for clip in seen)
        audios = tuple(prepare_once(shared.audios, clip, self._prepare_audio) for clip in heard)
        text = self._expand(self.render(request), videos, audios)
        ids = tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        refuse_length(len(ids), request, self._max_tokens)
        marks = {Modality.VIDEO: self.video_id, Modality.AUDIO: self.audio_id}
        return Gemma4Input(ids, videos, audios, make_delivery(ids, marks, videos, audios, notes))

    def _expand(
        self, text: str, videos: Sequence[Gemma4Video], audios: Sequence[GemmaAudio]
    ) -> str:
        """Repeat each mark as often as its clip has tokens, frames after their times."""
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

    def _prepare_audio(self, clip: ClipMedia) -> GemmaAudio:
        # Two convolutions of stride 2, and so is their mask.
        return extract_audio(self._extractor, clip, lambda mask: int(mask[::2][::2].sum()))


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

"""Requests into the tensors of Phi-4-multimodal.

Each frame stands in the prompt as an image of its own, without its time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import chain, repeat

import torch
from transformers import PreTrainedTokenizerBase

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Request, TextPart, VideoPart
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs.log_mel import SAMPLE_RATE, WINDOW
from emoreal_bench.inputs.parts import (
    hash_tensor,
    is_marked,
    make_delivery,
    prepare_once,
    refuse_length,
    refuse_marks,
    split_media,
    why_absent,
)
from emoreal_bench.inputs.tensors import PreparedClips, RequestTensors
from emoreal_bench.model_adapters.local.phi4.media import (
    CropSettings,
    count_frame_tokens,
    cut_frames,
    emphasized_log_mel,
    fit_crops,
    mask_crops,
)
from emoreal_bench.model_adapters.local.qwen_omni.inputs import token_ids

TURN_END = "<|end|>"
_ROLES = ("system", "user", "assistant")
# Log-mel frames that become one position in the prompt.
_why_left_out = partial(why_absent, min_samples=WINDOW)
_FRAMES_PER_TOKEN = 8


class OwnAdapter(StrEnum):
    """The LoRA adapters that the model was published with, each for some requests."""

    VISION = "vision"
    """For all that is seen, also with sound."""
    SPEECH = "speech"
    """For sound alone. Words alone are answered without an adapter."""

    @property
    def folder(self) -> str:
        """Where it lies beside the weights."""
        return f"{self.value}-lora"


@dataclass(frozen=True, slots=True)
class Phi4Video:
    """The picture of one clip.

    Attributes:
        crops: ``(frames, 1 + crops, 3, crop, crop)`` 32-bit floats, the whole frame
            first, then its crops row by row.
        mask: ``(1 + crops, side, side)``, zero at patches that show nothing.
        size: Height and width of all crops together, in pixels.
        frame_tokens: Positions that a frame takes in the prompt.
        hash: Over all that the model sees.
    """

    crops: torch.Tensor
    mask: torch.Tensor
    size: tuple[int, int]
    frame_tokens: int
    hash: str

    @property
    def frames(self) -> int:
        """Frames fed."""
        return len(self.crops)


@dataclass(frozen=True, slots=True)
class Phi4Audio:
    """The sound of one clip.

    Attributes:
        features: ``(frames, mel bins)`` log-mel values.
        seconds: Length as fed.
        tokens: Positions that the sound takes in the prompt.
        hash: Over all that the model hears.
    """

    features: torch.Tensor
    seconds: float
    tokens: int
    hash: str


Phi4Clips = PreparedClips[Phi4Video, Phi4Audio]


class Phi4Input(RequestTensors[Phi4Video, Phi4Audio]):
    """One request as tensors."""

    @property
    def adapter(self) -> OwnAdapter | None:
        """The adapter that this is for."""
        return _choose_adapter(self.videos, self.audios)


def _choose_adapter(videos: Sequence[Phi4Video], audios: Sequence[Phi4Audio]) -> OwnAdapter | None:
    if videos:
        return OwnAdapter.VISION
    return OwnAdapter.SPEECH if audios else None


class Phi4InputBuilder:
    """Turns requests into tensors.

    Args:
        tokenizer: Of the model.
        image_id: Token that stands for pictures.
        audio_id: Token that stands for sounds.
        crop_settings: Of the vision tower.
        max_tokens: Longest sequence the model takes, reply included.
        adapters: Those that the model's folder holds.

    Raises:
        UsageError: If the tokenizer lacks a mark.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        image_id: int,
        audio_id: int,
        crop_settings: CropSettings,
        max_tokens: int,
        adapters: Collection[OwnAdapter] = tuple(OwnAdapter),
    ):
        self._tokenizer = tokenizer
        self._crop_settings = crop_settings
        self._max_tokens = max_tokens
        self.adapters = frozenset(adapters)
        self.image_id, self.audio_id = image_id, audio_id
        token_ids(tokenizer, [TURN_END, *map(_role_mark, _ROLES)])
        self._image, self._audio = _read_marks(tokenizer, [image_id, audio_id])
        self._reserved = [str(token) for token in tokenizer.added_tokens_decoder.values()]

    def render(self, request: Request) -> str:
        """Write the request in the model's chat form, one mark per frame and sound.

        A clip that the request names and does not bring counts as one frame with sound.
        """

        def show(part: VideoPart | AudioPart) -> str:
            if not is_marked(part, request, _why_left_out):
                return ""
            if isinstance(part, AudioPart):
                return self._audio
            clip = request.clips.get(part.clip)
            return self._image * (1 if clip is None or clip.frames is None else len(clip.frames))

        return _write_turns(request, show)

    def build(self, request: Request, shared: Phi4Clips) -> Phi4Input:
        """Turn a request into tensors.

        Args:
            request: With its decoded clips.
            shared: Clips already prepared; those of this request are added.

        Raises:
            InputError: If the model cannot take the request.
        """
        refuse_marks(request, self._reserved)
        seen, heard, notes = split_media(request, _why_left_out)
        videos = tuple(prepare_once(shared.videos, clip, self._prepare_video) for clip in seen)
        audios = tuple(prepare_once(shared.audios, clip, _prepare_audio) for clip in heard)
        ids = tuple(self._expand(self.render(request), videos, audios))
        refuse_length(len(ids), request, self._max_tokens)
        adapter = _choose_adapter(videos, audios)
        if adapter is not None and adapter not in self.adapters:
            notes.append(f"answered without the model's {adapter} adapter, which its folder lacks")
        marks = {Modality.VIDEO: self.image_id, Modality.AUDIO: self.audio_id}
        delivery = make_delivery(ids, marks, videos, audios, notes)
        return Phi4Input(ids, videos, audios, delivery)

    def _expand(
        self, text: str, videos: Sequence[Phi4Video], audios: Sequence[Phi4Audio]
    ) -> list[int]:
        """Return the tokens of a text, each mark as often as its frame or sound has tokens."""
        frames = chain.from_iterable(repeat(video.frame_tokens, video.frames) for video in videos)
        tokens = {self.image_id: frames, self.audio_id: iter([audio.tokens for audio in audios])}
        expanded: list[int] = []
        for token in self._tokenizer(text, add_special_tokens=False)["input_ids"]:
            expanded.extend([token] * (next(tokens[token]) if token in tokens else 1))
        return expanded

    def _prepare_video(self, clip: ClipMedia) -> Phi4Video:
        assert clip.frames is not None
        grid = fit_crops(clip.frames.shape[1], clip.frames.shape[2], self._crop_settings)
        crops = cut_frames(clip.frames, grid, self._crop_settings)
        mask = mask_crops(grid, self._crop_settings)
        tokens = count_frame_tokens(mask, grid)
        return Phi4Video(crops, mask, grid.size, tokens, hash_tensor(crops, f"{grid}"))


def _role_mark(role: str) -> str:
    return f"<|{role}|>"


def _read_marks(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> list[str]:
    """Return the marks of tokens that stand for clips.

    Raises:
        UsageError: If the tokenizer does not read one of them as that token alone.
    """
    marks = [str(tokenizer.convert_ids_to_tokens(one)) for one in ids]
    for mark, one in zip(marks, ids, strict=True):
        if tokenizer(mark, add_special_tokens=False)["input_ids"] != [one]:
            raise UsageError(
                f"the tokenizer has no mark for clips under its token {one}.",
                where=str(tokenizer.name_or_path),
                remedy="Take tokenizer and configuration from the same model.",
            )
    return marks


def _prepare_audio(clip: ClipMedia) -> Phi4Audio:
    assert clip.waveform is not None
    features = emphasized_log_mel(clip.waveform)
    return Phi4Audio(
        features=features,
        seconds=len(clip.waveform) / SAMPLE_RATE,
        tokens=math.ceil(len(features) / _FRAMES_PER_TOKEN),
        hash=hash_tensor(features),
    )


def _write_turns(request: Request, show: Callable[[VideoPart | AudioPart], str]) -> str:
    turns = []
    for message in request.messages:
        parts = (part.text if isinstance(part, TextPart) else show(part) for part in message.parts)
        turns.append(f"{_role_mark(message.role)}{''.join(parts)}{TURN_END}")
    return "".join(turns) + _role_mark("assistant")

"""Requests into the tensors of Gemma 3n.

The model knows no videos: each frame is an image, without its time, and all are
brought to one size whatever their shape. A frame and a sound each take a fixed
number of places; those that a short sound leaves empty are filled with padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Gemma3nAudioFeatureExtractor, PreTrainedTokenizerBase

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Request, VideoPart
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
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

# Names under which the tokenizer keeps the marks that open, fill and close clips.
_FRAME_MARKS = ("boi_token", "image_token", "eoi_token")
_SOUND_MARKS = ("boa_token", "audio_token", "eoa_token")
# From here on, the extractor has a window that it can fill.
_why_left_out = partial(why_not_given, min_samples=513)


@dataclass(frozen=True, slots=True)
class Gemma3nFrameSettings:
    """How the vision tower sees a frame.

    Attributes:
        height: In pixels.
        width: In pixels.
        mean: Taken off the values of red, green and blue, which lie in 0..1.
        deviation: What they are divided by then.
        tokens: Places that a frame takes in the prompt.
    """

    height: int
    width: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Gemma3nVideo:
    """The picture of one clip.

    Attributes:
        pixels: ``(frames, 3, height, width)`` 32-bit floats.
        tokens: Places that its frames take together.
        hash: Over all that the model sees.
    """

    pixels: torch.Tensor
    tokens: int
    hash: str

    @property
    def frames(self) -> int:
        """Frames fed."""
        return len(self.pixels)


Gemma3nClips = PreparedClips[Gemma3nVideo, GemmaAudio]


class Gemma3nInput(RequestTensors[Gemma3nVideo, GemmaAudio]):
    """One request as tensors."""


class Gemma3nInputBuilder:
    """Turns requests into tensors.

    Args:
        tokenizer: Of the model, with its chat template and named marks.
        extractor: Of the model's folder.
        frame_settings: Of the vision tower.
        audio_tokens: Places that a sound takes in the prompt.
        max_tokens: Longest sequence the model takes, reply included.

    Raises:
        UsageError: If the tokenizer lacks the template or a mark.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        extractor: Gemma3nAudioFeatureExtractor,
        frame_settings: Gemma3nFrameSettings,
        audio_tokens: int,
        max_tokens: int,
    ):
        self._tokenizer = tokenizer
        self._extractor = extractor
        self._frame_settings = frame_settings
        self._audio_tokens = audio_tokens
        self._max_tokens = max_tokens
        self._marks = read_marks(tokenizer, (*_FRAME_MARKS, *_SOUND_MARKS))
        ids = tokenizer.convert_tokens_to_ids(
            [self._marks[name] for name in ("image_token", "audio_token")]
        )
        self.image_id, self.audio_id = cast("list[int]", ids)

    def render(self, request: Request) -> str:
        """Write the request in the model's chat form, one mark per frame and per sound.

        A clip that the request names and does not bring counts as one frame and a sound.
        """

        def name_media(part: VideoPart | AudioPart) -> list[str]:
            if not is_marked(part, request, _why_left_out):
                return []
            return ["audio"] if isinstance(part, AudioPart) else ["image"] * _frames(part, request)

        return write_chat(self._tokenizer, request, name_media)

    def build(self, request: Request, shared: Gemma3nClips) -> Gemma3nInput:
        """Turn a request into tensors.

        Args:
            request: With its decoded clips.
            shared: Clips already prepared; those of this request are added.

        Raises:
            InputError: If the model cannot take the request.
        """
        refuse_marks(request, self._tokenizer.all_special_tokens)
        seen, heard, notes = split_media(request, _why_left_out, what_is_cut)
        videos = tuple(prepare_once(shared.videos, clip, self._prepare_video) for clip in seen)
        audios = tuple(prepare_once(shared.audios, clip, self._prepare_audio) for clip in heard)
        text = self._expand(self.render(request))
        ids = tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        refuse_length(len(ids), request, self._max_tokens)
        marks = {Modality.VIDEO: self.image_id, Modality.AUDIO: self.audio_id}
        delivery = make_delivery(ids, marks, videos, audios, notes)
        for modality, clips in ((Modality.VIDEO, videos), (Modality.AUDIO, audios)):
            filled, places = sum(clip.tokens for clip in clips), delivery.tokens[modality]
            if filled != places:
                raise InputError(
                    f"the prompt has {places} places for {modality.value} and the clips fill "
                    f"{filled}"
                )
        return Gemma3nInput(ids, videos, audios, delivery)

    def _expand(self, text: str) -> str:
        """Repeat the mark of each frame and sound as often as it has places."""
        for names, places in (
            (_FRAME_MARKS, self._frame_settings.tokens),
            (_SOUND_MARKS, self._audio_tokens),
        ):
            opening, mark, closing = (self._marks[name] for name in names)
            text = text.replace(mark, f"\n\n{opening}{mark * places}{closing}\n\n")
        return text

    def _prepare_video(self, clip: ClipMedia) -> Gemma3nVideo:
        assert clip.frames is not None
        pixels = prepare_frames(clip.frames, self._frame_settings)
        return Gemma3nVideo(pixels, len(pixels) * self._frame_settings.tokens, hash_tensor(pixels))

    def _prepare_audio(self, clip: ClipMedia) -> GemmaAudio:
        return extract_audio(self._extractor, clip, lambda _mask: self._audio_tokens)


def _frames(part: VideoPart, request: Request) -> int:
    clip = request.clips.get(part.clip)
    return 1 if clip is None or clip.frames is None else len(clip.frames)


def prepare_frames(frames: NDArray[np.uint8], settings: Gemma3nFrameSettings) -> torch.Tensor:
    """Bring frames to the size and the range of values at which the tower sees them.

    Args:
        frames: ``(n, height, width, 3)`` unsigned bytes, RGB.
        settings: Of the tower.

    Returns:
        ``(n, 3, height, width)`` 32-bit floats.
    """
    # Resized as bytes, like the published processor does: floats round otherwise.
    pixels = torch.nn.functional.interpolate(
        torch.from_numpy(frames).permute(0, 3, 1, 2),
        (settings.height, settings.width),
        mode="bilinear",
        antialias=True,
    )
    mean = torch.tensor(settings.mean).view(1, 3, 1, 1)
    deviation = torch.tensor(settings.deviation).view(1, 3, 1, 1)
    return (pixels / 255 - mean) / deviation

"""Requests into the tensors of AVERE-7B.

The prompt is the conversation form that the authors trained with; each picture
is eight frame marks and a line break, each sound one mark and a line break.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Part, Request, TextPart, VideoPart
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.frames import CLIP_MEAN, CLIP_STANDARD_DEVIATION
from emoreal_bench.inputs.log_mel import SAMPLE_RATE, log_mel
from emoreal_bench.inputs.parts import (
    count_tokens,
    hash_input,
    hash_tensor,
    is_marked,
    prepare_once,
    refuse_length,
    refuse_marks,
    split_media,
)
from emoreal_bench.inputs.tensors import PreparedClips

FRAME_ID = -200
SOUND_ID = -300
MAX_SECONDS = 30.0
SYSTEM = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions."
)
FRAME_MARK, SOUND_MARK = "<image>", "<audio>"


@dataclass(frozen=True, slots=True)
class AvereShape:
    """What the builder has to know of the network.

    Attributes:
        frames: Frames per clip.
        image_size: Side of a frame in pixels.
        frame_tokens: Positions that a frame takes.
        mel_bins: Of the speech encoder.
        sound_tokens: Positions that a sound takes, whatever its length.
        max_tokens: Longest sequence, reply included.
    """

    frames: int
    image_size: int
    frame_tokens: int
    mel_bins: int
    sound_tokens: int
    max_tokens: int

    def expand(self, ids: Sequence[int]) -> list[int]:
        """Repeat each mark of a prompt as often as it takes places."""
        filled = {FRAME_ID: self.frame_tokens, SOUND_ID: self.sound_tokens}
        return [place for token in ids for place in [token] * filled.get(token, 1)]


@dataclass(frozen=True, slots=True)
class Encodable:
    """The picture or the sound of one clip, ready for its tower.

    Attributes:
        key: The clip's key.
        tensor: ``(3, frames, size, size)`` pixels, or ``(mel bins, 3000)`` log-mel values.
        amount: Frames or seconds fed.
        hash: Over the tensor.
    """

    key: str
    tensor: torch.Tensor
    amount: float
    hash: str


@dataclass(frozen=True, slots=True)
class AvereInput:
    """One request as tensors.

    Attributes:
        input_ids: With ``FRAME_ID`` for each frame and ``SOUND_ID`` for the sound.
        video: The picture, if there is one.
        audio: The sound, if there is one.
        delivery: What this gives to the model.
    """

    input_ids: tuple[int, ...]
    video: Encodable | None
    audio: Encodable | None
    delivery: Delivery


AvereClips = PreparedClips[Encodable, Encodable]


class AvereInputBuilder:
    """Turns requests into tensors.

    Args:
        tokenizer: Of the language model; it puts a start mark in front.
        shape: Of the network.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, shape: AvereShape):
        self._tokenizer = tokenizer
        self.shape = shape

    def render(self, request: Request) -> str:
        """Write the conversation with a mark for each frame and sound."""
        marks = {FRAME_ID: FRAME_MARK, SOUND_ID: SOUND_MARK}
        return "".join(
            chunk if isinstance(chunk, str) else marks[chunk] for chunk in self._chunks(request)
        )

    def build(self, request: Request, shared: AvereClips) -> AvereInput:
        """Turn a request into tensors.

        Args:
            request: With its decoded clips.
            shared: Clips already prepared; those of this request are added.

        Raises:
            InputError: If the model cannot take the request.
        """
        refuse_marks(request, (str(self._tokenizer.bos_token), str(self._tokenizer.eos_token)))
        seen, heard, notes = split_media(request, what_changes=self._what_changes)
        if len(seen) > 1:
            raise InputError("the model takes the picture of one clip")
        if len(heard) > 1:
            raise InputError("the model takes the sound of one clip")
        video = prepare_once(shared.videos, seen[0], self._see) if seen else None
        audio = prepare_once(shared.audios, heard[0], self._hear) if heard else None
        ids = self._tokenize(self._chunks(request))
        places = self.shape.expand(ids)
        refuse_length(len(places), request, self.shape.max_tokens)
        delivery = Delivery(
            frames=int(video.amount) if video else 0,
            audio_seconds=audio.amount if audio else 0.0,
            tokens=count_tokens(places, {Modality.VIDEO: FRAME_ID, Modality.AUDIO: SOUND_ID}),
            input_hash=hash_input(str(ids), [one for one in (video, audio) if one]),
            notes=tuple(dict.fromkeys(notes)),
        )
        return AvereInput(tuple(ids), video, audio, delivery)

    def _what_changes(self, part: VideoPart | AudioPart, clip: ClipMedia) -> str | None:
        if isinstance(part, AudioPart):
            return None
        assert clip.frames is not None
        own, other = self.shape.frames, len(clip.frames)
        return None if own == other else f"{own} frames taken from {other}"

    def _see(self, clip: ClipMedia) -> Encodable:
        assert clip.frames is not None
        count = len(clip.frames)
        # Evenly spaced and rounded down, as the authors choose frames of a file.
        chosen = np.linspace(0, count - 1, self.shape.frames).astype(int)
        pixels = normalise_frames(clip.frames[chosen], self.shape.image_size)
        return Encodable(clip.key, pixels, len(set(chosen.tolist())), hash_tensor(pixels))

    def _hear(self, clip: ClipMedia) -> Encodable:
        assert clip.waveform is not None
        sound = clip.waveform[: round(MAX_SECONDS * SAMPLE_RATE)]
        # The encoder hears thirty seconds, silence after the sound included.
        padded = np.zeros(round(MAX_SECONDS * SAMPLE_RATE), np.float32)
        padded[: len(sound)] = sound
        features = log_mel(padded, self.shape.mel_bins, MAX_SECONDS)
        return Encodable(clip.key, features, len(sound) / SAMPLE_RATE, hash_tensor(features))

    def _chunks(self, request: Request) -> list[str | int]:
        """Return the conversation as words and, between them, the ids of marks."""
        messages = list(request.messages)
        system = SYSTEM
        if messages and messages[0].role == "system":
            first = messages.pop(0)
            system = "".join(part.text for part in first.parts if isinstance(part, TextPart))
        chunks: list[str | int] = [f"{system} "]
        for message in messages:
            own = message.role == "assistant"
            chunks.append("ASSISTANT: " if own else "USER: ")
            for part in message.parts:
                chunks.extend(self._part_chunks(part, request))
            chunks.append(str(self._tokenizer.eos_token) if own else " ")
        return [*chunks, "ASSISTANT:"]

    def _part_chunks(self, part: Part, request: Request) -> list[str | int]:
        if isinstance(part, TextPart):
            return [part.text]
        if not is_marked(part, request):
            return []
        if isinstance(part, VideoPart):
            return [*[FRAME_ID] * self.shape.frames, "\n"]
        return [SOUND_ID, "\n"]

    def _tokenize(self, chunks: Sequence[str | int]) -> list[int]:
        """Tokenize the words between marks apart from each other, as in training."""
        ids = [int(self._tokenizer.bos_token_id)]
        words = ""
        for chunk in (*chunks, ""):
            if isinstance(chunk, str) and chunk:
                words += chunk
                continue
            if words:
                ids.extend(self._tokenizer(words, add_special_tokens=False)["input_ids"])
                words = ""
            if isinstance(chunk, int):
                ids.append(chunk)
        return ids


def normalise_frames(frames: NDArray[np.uint8], size: int) -> torch.Tensor:
    """Normalise, scale and crop frames in the authors' order.

    They normalise colours first and scale then, without smoothing, which is
    the reverse of CLIP's own processor and gives other pixels.

    Args:
        frames: ``(n, height, width, 3)`` unsigned bytes, RGB.
        size: Side of the square that is left, in pixels.

    Returns:
        ``(3, n, size, size)`` 32-bit floats.
    """
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor(CLIP_MEAN).view(1, 3, 1, 1)
    pixels = (pixels - mean) / torch.tensor(CLIP_STANDARD_DEVIATION).view(1, 3, 1, 1)
    height, width = frames.shape[1:3]
    # The longer side is rounded down.
    height, width = (
        (height * size // width, size) if width < height else (size, width * size // height)
    )
    pixels = torch.nn.functional.interpolate(
        pixels, (height, width), mode="bilinear", align_corners=False
    )
    top, left = round((height - size) / 2), round((width - size) / 2)
    return pixels[:, :, top : top + size, left : left + size].transpose(0, 1).contiguous()

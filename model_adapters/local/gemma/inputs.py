"""What the builders of the Gemma families share: marks, the chat form, and sound.

The chat template and the numbers that sound is prepared with come from the
model's folder: nothing of them is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Request, TextPart, VideoPart
from emoreal_bench.inputs.log_mel import SAMPLE_RATE
from emoreal_bench.inputs.parts import TOO_SHORT, hash_tensor, why_absent

MAX_AUDIO_SECONDS = 30.0
MAX_SAMPLES = round(MAX_AUDIO_SECONDS * SAMPLE_RATE)


class AudioExtractor(Protocol):
    """Turns sounds into log-mel features, as the library's extractors do."""

    def __call__(
        self, raw_speech: list[NDArray[np.float32]], *, return_tensors: str
    ) -> Mapping[str, torch.Tensor]:
        """Give ``input_features`` and ``input_features_mask``."""


@dataclass(frozen=True, slots=True)
class GemmaAudio:
    """The sound of one clip.

    Attributes:
        features: ``(frames, mel bins)`` log-mel values.
        mask: ``(frames,)``, false where only padding is heard.
        seconds: Length as fed.
        tokens: Positions that the sound takes in the prompt.
        hash: Over all that the model hears.
    """

    features: torch.Tensor
    mask: torch.Tensor
    seconds: float
    tokens: int
    hash: str


def read_marks(tokenizer: PreTrainedTokenizerBase, names: Sequence[str]) -> dict[str, str]:
    """Give the marks of clips by the names under which the tokenizer keeps them.

    Raises:
        UsageError: If the tokenizer lacks one, or a chat template.
    """
    marks = {name: getattr(tokenizer, name, None) for name in names}
    missing = [name for name, mark in marks.items() if mark is None]
    if not getattr(tokenizer, "chat_template", None):
        missing.append("chat_template")
    if missing:
        raise UsageError(
            f"the tokenizer lacks its {', '.join(missing)}.",
            where=str(tokenizer.name_or_path),
            remedy="Take the folder of an instruction-tuned model that hears.",
        )
    return {name: str(mark) for name, mark in marks.items()}


def write_chat(
    tokenizer: PreTrainedTokenizerBase,
    request: Request,
    name_media: Callable[[VideoPart | AudioPart], Sequence[str]],
) -> str:
    """Write a request by the model's chat template, up to where the answer begins.

    Args:
        tokenizer: Of the model.
        request: What is asked.
        name_media: Gives the kind of each mark that stands for a picture or a
            sound, as the template calls it.
    """
    turns: list[Any] = []
    for message in request.messages:
        content: list[dict[str, str]] = []
        for part in message.parts:
            if isinstance(part, TextPart):
                content.append({"type": "text", "text": part.text})
            else:
                content.extend({"type": kind} for kind in name_media(part))
        turns.append({"role": message.role, "content": content})
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


def extract_audio(
    extractor: AudioExtractor, clip: ClipMedia, count_tokens: Callable[[torch.Tensor], int]
) -> GemmaAudio:
    """Turn the sound of a clip into features; what is too long is cut.

    Args:
        extractor: Of the model's folder.
        clip: With a sound at 16 kHz.
        count_tokens: Of a sound, given the mask of its features.
    """
    assert clip.waveform is not None
    sound = clip.waveform[:MAX_SAMPLES]
    # As a list: the library mishandles an array alone.
    extracted = extractor([sound], return_tensors="pt")
    features, mask = extracted["input_features"][0], extracted["input_features_mask"][0]
    return GemmaAudio(
        features=features,
        mask=mask,
        seconds=len(sound) / SAMPLE_RATE,
        tokens=count_tokens(mask),
        hash=hash_tensor(features, str(int(mask.sum()))),
    )


def why_not_given(part: VideoPart | AudioPart, clip: ClipMedia, min_samples: int) -> str | None:
    """Say why the model is not given a part, or None if it is.

    Args:
        part: Of the request.
        clip: Of that part.
        min_samples: Of the shortest sound that the extractor gives features of.
    """
    absent = why_absent(part, clip)
    if absent is None and isinstance(part, AudioPart):
        assert clip.waveform is not None
        if len(clip.waveform) < min_samples:
            return TOO_SHORT
    return absent


def what_is_cut(part: VideoPart | AudioPart, clip: ClipMedia) -> str | None:
    """Say what of a part the model is not given, or None if it is given all."""
    if isinstance(part, VideoPart):
        return None
    assert clip.waveform is not None
    too_long = len(clip.waveform) > MAX_SAMPLES
    return f"audio cut after {MAX_AUDIO_SECONDS:.0f} s" if too_long else None

"""Requests into what vLLM is given for a Qwen2.5-Omni, and its answers into deliveries."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.identity import hash_json
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    MAX_AUDIO_SECONDS,
    REPEATED_FRAME_NOTE,
    OmniInputBuilder,
    seconds_per_grid,
)
from emoreal_bench.model_adapters.vllm.engine import EngineAnswer, EnginePrompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TIMING_NOTE = "all clips are timed like the last: the engine takes one frame rate per request"


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request as the engine is given it.

    Attributes:
        prompt: What is given.
        seen: Number of frames of each picture.
        heard: Seconds of each sound.
        notes: What was left out or changed.
    """

    prompt: EnginePrompt
    seen: tuple[int, ...]
    heard: tuple[float, ...]
    notes: tuple[str, ...]


class PromptBuilder:
    """Turns requests into prompts with one mark per clip part.

    Args:
        tokenizer: Of the model.
        settings: Limits on pixels, and how many frames share a patch.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, settings: FrameSettings):
        self._tokenizer = tokenizer
        self._settings = settings
        # How long a prompt may be is for the engine to say.
        self._inputs = OmniInputBuilder(tokenizer, settings, max_tokens=sys.maxsize)

    def render(self, request: Request) -> str:
        """Return the prompt in the chat form of the model's own template."""
        return self._inputs.render(request)

    def build(self, request: Request) -> PreparedRequest:
        """Turn a request into what the engine is given.

        Raises:
            InputError: If the model cannot take the request.
        """
        seen, heard, notes = self._inputs.split_media(request)
        ids = self._tokenizer(self.render(request), add_special_tokens=False)["input_ids"]
        if any(len(_frames(clip)) % self._settings.temporal_patch for clip in seen):
            notes.append(REPEATED_FRAME_NOTE)
        spans = [seconds_per_grid(clip.timestamps, self._settings.temporal_patch) for clip in seen]
        if len({round(span, 3) for span in spans}) > 1:
            notes.append(TIMING_NOTE)
        return PreparedRequest(
            prompt=EnginePrompt(
                ids=tuple(ids),
                pictures=tuple(_frames(clip) for clip in seen),
                sounds=tuple((_waveform(clip), clip.sample_rate) for clip in heard),
                processing=self._processing(spans),
            ),
            seen=tuple(len(_frames(clip)) for clip in seen),
            heard=tuple(
                min(len(_waveform(clip)) / clip.sample_rate, MAX_AUDIO_SECONDS) for clip in heard
            ),
            notes=tuple(dict.fromkeys(notes)),
        )

    def _processing(self, spans: Sequence[float]) -> Mapping[str, Any]:
        """Keep the processor from choosing frames, sizes and times of its own."""
        settings = self._settings
        return {
            "do_sample_frames": False,
            "fps": settings.temporal_patch / spans[-1] if spans else None,
            "size": {"shortest_edge": settings.min_pixels, "longest_edge": settings.max_pixels},
        }


def deliver(prepared: PreparedRequest, answer: EngineAnswer) -> Delivery:
    """Count what reached the model from the prompt that the engine ran.

    Raises:
        InputError: If the engine did not place every clip part that it was given.
    """
    placed = answer.placed
    video, audio = placed.get(Modality.VIDEO, ()), placed.get(Modality.AUDIO, ())
    if (len(video), len(audio)) != (len(prepared.seen), len(prepared.heard)) or 0 in video + audio:
        raise InputError(
            f"of {len(prepared.seen)} pictures and {len(prepared.heard)} sounds the engine placed "
            f"{len(video)} and {len(audio)}"
        )
    return Delivery(
        frames=sum(prepared.seen),
        audio_seconds=sum(prepared.heard),
        tokens={
            Modality.VIDEO: sum(video),
            Modality.AUDIO: sum(audio),
            Modality.TEXT: len(answer.prompt_ids) - sum(video) - sum(audio),
        },
        input_hash=hash_json([answer.prompt_ids, answer.media_hashes]),
        notes=prepared.notes,
    )


def _frames(clip: ClipMedia) -> Any:
    assert clip.frames is not None
    return clip.frames


def _waveform(clip: ClipMedia) -> Any:
    assert clip.waveform is not None
    return clip.waveform

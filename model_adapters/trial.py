"""Asks a model one tiny question per modality, to see what it really takes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.errors import EmorealError
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import (
    AudioPart,
    GenerationSettings,
    Message,
    Part,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.remote.endpoint import RemoteAdapter
from emoreal_bench.model_adapters.remote.media import VideoForm

_QUESTION = "Is there anything to see or hear? Answer yes or no."
_CLIP = "clip"
_FRAMES, _SIZE, _SAMPLE_RATE = 4, 64, 16_000
_ANSWERED = frozenset(
    {
        DeliveryStatus.OK,
        DeliveryStatus.LENGTH,
        DeliveryStatus.REFUSED,
        DeliveryStatus.BLOCKED,
    }
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one question.

    Attributes:
        what: What was sent, e.g. ``"image frames"``.
        taken: Whether the model took it.
        is_sent: Whether the model is sent this, as its arguments are.
        detail: What was said.
    """

    what: str
    taken: bool
    is_sent: bool
    detail: str


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to send something.

    Attributes:
        what: Its name.
        modality: What is sent.
        arguments: Those that make a service's adapter send it so.
    """

    what: str
    modality: Modality
    arguments: Mapping[str, str]

    def is_used_by(self, adapter: ModelAdapter) -> bool:
        """Return whether a model is sent things this way."""
        if not isinstance(adapter, RemoteAdapter):
            return self.modality in adapter.describe().capabilities.modalities
        if self.modality is Modality.TEXT:
            return True
        form = self.arguments.get("video")
        is_images = adapter.forms.video is VideoForm.IMAGES
        fits = form is None or is_images == (form == VideoForm.IMAGES)
        return fits and self.modality in adapter.forms.modalities


_TEXT = _Way("text", Modality.TEXT, {})
_IMAGES = _Way("image frames", Modality.VIDEO, {"takes_video": "true", "video": "images"})
_FILM = _Way("video file", Modality.VIDEO, {"takes_video": "true", "video": "mp4"})
_VIDEO = _Way("video", Modality.VIDEO, {})
_SOUND = _Way("audio", Modality.AUDIO, {"takes_audio": "true"})


def try_modalities(
    model: str, arguments: Mapping[str, str], lora: Path | None = None
) -> Iterator[Trial]:
    """Ask a model about words, frames, a film and sound, in this order.

    Args:
        model: ``provider/model``.
        arguments: Of the model; those that say what it takes are set for each question.
        lora: Folder of a LoRA adapter to put on the model.
    """
    as_it_is = create_adapter(model, arguments, lora)
    known = as_it_is.argument_names if isinstance(as_it_is, RemoteAdapter) else frozenset()
    pictures = (_IMAGES, _FILM) if "video" in known else (_IMAGES if known else _VIDEO,)
    words_only: int | None = None
    for way in (_TEXT, *pictures, _SOUND):
        given = {name: value for name, value in way.arguments.items() if name in known}
        is_sent = way.is_used_by(as_it_is)
        try:
            adapter = create_adapter(model, {**arguments, **given}, lora)
            result = asyncio.run(_ask(adapter, way.modality))
        except EmorealError as error:
            yield Trial(way.what, False, is_sent, str(error))
            continue
        if way is _TEXT and result.usage.measured:
            words_only = result.usage.input_tokens
        taken, detail = _judge(way.modality, result, words_only)
        if taken and not is_sent:
            wanted = " ".join(f"--model-arg {name}={value}" for name, value in given.items())
            detail += f"; {wanted} sends it"
        yield Trial(way.what, taken, is_sent, detail)


async def _ask(adapter: ModelAdapter, modality: Modality) -> Result:
    request = _make_request(modality)
    async with adapter:
        async for result in adapter.generate([request]):
            return result
    return Result(request.id, DeliveryStatus.FAILED, detail="the model gave no result")


def _make_request(modality: Modality) -> Request:
    media: Mapping[Modality, tuple[Part, ...]] = {
        Modality.VIDEO: (VideoPart(_CLIP),),
        Modality.AUDIO: (AudioPart(_CLIP),),
    }
    parts = (*media.get(modality, ()), TextPart(_QUESTION))
    return Request(
        id="trial",
        messages=(Message("user", parts),),
        settings=GenerationSettings(max_new_tokens=16),
        letters=(),
        clips={_CLIP: _make_clip()} if modality in media else {},
    )


def _make_clip() -> ClipMedia:
    """Make a second of a moving pattern with a tone."""
    ramp = np.arange(_SIZE, dtype=np.uint8)
    frames = np.stack([np.add.outer(ramp + 40 * number, ramp) for number in range(_FRAMES)])
    times = np.arange(_SAMPLE_RATE) / _SAMPLE_RATE
    return ClipMedia(
        key=_CLIP,
        path=None,
        frames=np.repeat(frames[..., None], 3, axis=-1).astype(np.uint8),
        timestamps=tuple(number / _FRAMES for number in range(_FRAMES)),
        waveform=(0.3 * np.sin(2 * np.pi * 440.0 * times)).astype(np.float32),
        sample_rate=_SAMPLE_RATE,
        duration=1.0,
    )


def _judge(modality: Modality, result: Result, words_only: int | None) -> tuple[bool, str]:
    """Return whether the model took what was sent, and what was said."""
    if result.status not in _ANSWERED:
        return False, f"not taken: {result.detail or result.status.value}"
    counted = result.usage.input_tokens if result.usage.measured else None
    # A count of zero by modality says nothing: a server may leave it out.
    may_be_dropped = modality is not Modality.TEXT and not result.delivery.tokens.get(modality)
    if may_be_dropped and counted and words_only and counted <= words_only:
        return False, (
            f"accepted, but {counted} tokens are counted, and {words_only} for the words alone: "
            "it was dropped"
        )
    reply = " ".join(result.text.split())[:40]
    said = f"answered '{reply}'" if reply else f"answered with the status {result.status.value}"
    return True, f"taken: {said}{f', {counted} tokens' if counted else ''}"

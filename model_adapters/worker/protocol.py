"""What the harness and a worker say to each other; ``docs/workers.md`` tells it to worker authors.

Every message is one line of JSON. Clips are handed over as files in a folder
that is the harness's own: the frames and the sound that the task wants, after
any alteration, and never the file of the data set, which may hold more.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from emoreal_bench.contracts.adapter import without_former_fields
from emoreal_bench.contracts.base import Count, Record
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Message, Request, TextPart, VideoPart
from emoreal_bench.contracts.vocabulary import (
    ChoiceScoreKind,
    DeliveryStatus,
    Modality,
    Repeatability,
)
from emoreal_bench.model_adapters.remote.encoding import encode_mp4, encode_png, encode_wav

PROTOCOL = 1


class MediaForm(StrEnum):
    """How a worker wants the picture of a clip."""

    FRAMES = "frames"
    """Each frame as a PNG file, without loss."""
    MOVIE = "movie"
    """One MP4 file with the frames at their times, and the sound if it is wanted."""


class WorkerDescription(Record):
    """The answer to ``describe``. The fields mean what they mean in a model's description."""

    type: Literal["description"]
    protocol: Literal[1]
    label: str | None = None
    revision: str | None = None
    weights_hash: str | None = None
    parameters: Count | None = None
    license: str | None = None
    settings: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    modalities: tuple[Modality, ...]
    choice_score_kind: ChoiceScoreKind | None = None
    repeatability: Repeatability = Repeatability.NONE
    media: MediaForm = MediaForm.FRAMES
    needs_gpu: bool = False

    _without_former = model_validator(mode="before")(without_former_fields)


class WorkerLoaded(Record):
    """The answer to ``load``."""

    type: Literal["loaded"]


class WorkerDelivery(Record):
    """What the worker fed to its model."""

    frames: Count = 0
    audio_seconds: float = Field(default=0.0, ge=0.0)
    tokens: dict[Modality, Count] = Field(default_factory=dict)
    input_hash: str | None = None
    notes: tuple[str, ...] = ()


class WorkerAnswer(Record):
    """The answer to ``generate`` and to ``score``."""

    type: Literal["answer"]
    id: str
    status: DeliveryStatus = DeliveryStatus.OK
    text: str = ""
    detail: str | None = None
    scores: dict[str, float] | None = None
    mass: float | None = None
    delivery: WorkerDelivery = WorkerDelivery()
    input_tokens: Count = 0
    output_tokens: Count = 0


def render_question(request: Request) -> str:
    """Write the messages of a request as text, with a mark for each picture and sound."""
    return "\n".join(
        f"{message.role}: {''.join(_part_text(part) for part in message.parts)}"
        for message in request.messages
    )


def make_question(
    kind: Literal["generate", "score"], request: Request, clips: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Make the message that asks a question.

    Args:
        kind: Whether a reply or scores of the letters are wanted.
        request: The question.
        clips: The files of each clip, by its name in the request.
    """
    return {
        "type": kind,
        "id": request.id,
        "messages": [_message_record(message, clips) for message in request.messages],
        "settings": request.settings.model_dump(mode="json"),
        "letters": list(request.letters),
        "clips": dict(clips),
    }


def wanted_modalities(request: Request) -> dict[str, set[Modality]]:
    """Return what a request shows and plays of each clip."""
    wanted: dict[str, set[Modality]] = {}
    for part in (part for message in request.messages for part in message.parts):
        if not isinstance(part, TextPart):
            wanted.setdefault(part.clip, set()).add(_modality(part))
    return wanted


def clip_notes(request: Request) -> tuple[str, ...]:
    """Return what is odd about a request's clips, and what it wants that they do not have."""
    notes: list[str] = []
    for name, modalities in wanted_modalities(request).items():
        clip = request.clips.get(name)
        notes += () if clip is None else clip.notes
        if Modality.VIDEO in modalities and (clip is None or clip.frames is None):
            notes.append("video left out: the clip has no picture")
        if Modality.AUDIO in modalities and (clip is None or clip.waveform is None):
            notes.append("audio left out: the clip has no sound")
    return tuple(dict.fromkeys(notes))


def write_clip(
    clip: ClipMedia, wanted: set[Modality], form: MediaForm, folder: Path
) -> dict[str, Any]:
    """Write the files of a clip and say where they are.

    Args:
        clip: Decoded.
        wanted: What the worker may have of it.
        form: Of the picture.
        folder: New; the files get absolute paths.
    """
    folder.mkdir(parents=True)
    frames = clip.frames if Modality.VIDEO in wanted else None
    sound = clip.waveform if Modality.AUDIO in wanted else None
    record: dict[str, Any] = {"duration": clip.duration, "sample_rate": clip.sample_rate}
    if sound is not None:
        record["sound"] = _write(folder / "sound.wav", encode_wav(sound, clip.sample_rate))
        record["audio_seconds"] = len(sound) / clip.sample_rate
    if frames is not None:
        record["timestamps"] = list(clip.timestamps)
        if form is MediaForm.MOVIE:
            movie = encode_mp4(
                frames,
                clip.timestamps,
                clip.duration,
                sound,
                clip.sample_rate,
                clip.picture_start,
            )
            record["movie"] = _write(folder / "clip.mp4", movie)
        else:
            record["frames"] = [
                _write(folder / f"{place:04d}.png", encode_png(frame))
                for place, frame in enumerate(frames)
            ]
    return record


def _message_record(
    message: Message, clips: Mapping[str, Mapping[str, Any]]
) -> dict[str, str | list[dict[str, str]]]:
    parts = []
    for part in message.parts:
        if isinstance(part, TextPart):
            parts.append({"type": "text", "text": part.text})
        elif _is_there(part, clips):
            parts.append({"type": _modality(part).value, "clip": part.clip})
    return {"role": message.role, "parts": parts}


def _is_there(part: VideoPart | AudioPart, clips: Mapping[str, Mapping[str, Any]]) -> bool:
    return ("timestamps" if isinstance(part, VideoPart) else "sound") in clips.get(part.clip, {})


def _modality(part: VideoPart | AudioPart) -> Modality:
    return Modality.VIDEO if isinstance(part, VideoPart) else Modality.AUDIO


def _part_text(part: TextPart | VideoPart | AudioPart) -> str:
    return part.text if isinstance(part, TextPart) else f"<{_modality(part).value}>"


def _write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)

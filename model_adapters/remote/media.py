"""From a request to what is sent to a service: words and files, and the proof of both.

A request's clips are encoded once each (:func:`encode_clip`), put in the place
of the parts that name them (:func:`compose`), and counted from the files as
they are sent (:meth:`Payload.delivery`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Part, Request, TextPart, VideoPart
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters.remote.encoding import (
    encode_jpeg,
    encode_mp4,
    encode_wav,
    read_contents,
)

MP4_TYPE = "video/mp4"
_VIDEO_TYPES = {
    ".avi": "video/avi",
    ".mov": "video/mov",
    ".mp4": MP4_TYPE,
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".webm": "video/webm",
}
"""Media types of the files that services take as they are; others are written anew."""

_SAME_LENGTH_SECONDS = 0.1
"""Sound tracks end on whole packets, so equal ones differ by less than this."""


class VideoForm(StrEnum):
    """How a service is given a picture."""

    IMAGES = "images"
    """One image per frame, each after its time in words."""
    MP4 = "mp4"
    """A file of exactly the wanted frames."""
    ORIGINAL = "original"
    """The clip's own file, of which the service takes frames as it likes; an
    altered clip or a part of it is written anew as :attr:`MP4`."""


@dataclass(frozen=True, slots=True)
class MediaForms:
    """What a model takes, and as what.

    Attributes:
        modalities: What it takes besides text.
        video: How it is given a picture.
        sound_in_video: Whether it hears the sound of a video file; else sound
            goes beside the picture.
    """

    modalities: frozenset[Modality]
    video: VideoForm = VideoForm.IMAGES
    sound_in_video: bool = False


@dataclass(frozen=True, slots=True)
class Medium:
    """A file as it is sent.

    Attributes:
        mime_type: ``image/jpeg``, ``audio/wav`` or ``video/...``.
        content: Its bytes.
        frames: Number of frames in it.
        audio_seconds: Seconds of sound in it.
        frame_rate: Frames per second of a file that holds exactly the wanted
            frames; None for any other.
    """

    mime_type: str
    content: bytes
    frames: int = 0
    audio_seconds: float = 0.0
    frame_rate: float | None = None


Piece = str | Medium


@dataclass(frozen=True, slots=True)
class EncodedClip:
    """What stands for the parts that name a clip.

    Attributes:
        picture: In the place of a video part.
        sound: In the place of an audio part; empty if it is in the picture's file.
        notes: Deviations from what was wanted.
    """

    picture: tuple[Piece, ...] = ()
    sound: tuple[Piece, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as it is sent."""

    role: Literal["system", "user", "assistant"]
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Payload:
    """A request's conversation as it is sent.

    Attributes:
        turns: The messages.
        notes: Deviations from what was wanted.
    """

    turns: tuple[Turn, ...]
    notes: tuple[str, ...] = ()

    @property
    def media(self) -> tuple[Medium, ...]:
        """All files, in their order."""
        return tuple(
            piece for turn in self.turns for piece in turn.pieces if isinstance(piece, Medium)
        )

    def delivery(self) -> Delivery:
        """Count and hash what is sent."""
        digest = hashlib.sha256()
        for turn in self.turns:
            for piece in turn.pieces:
                kind, content = (
                    ("text", piece.encode("utf-8", "surrogatepass"))
                    if isinstance(piece, str)
                    else (piece.mime_type, piece.content)
                )
                # The length keeps the end of one piece apart from the start of the next.
                digest.update(f"{turn.role} {kind} {len(content)}\n".encode())
                digest.update(content)
        return Delivery(
            frames=sum(medium.frames for medium in self.media),
            audio_seconds=sum(medium.audio_seconds for medium in self.media),
            input_hash=digest.hexdigest(),
            notes=self.notes,
        )


def media_wanted(request: Request) -> dict[str, frozenset[Modality]]:
    """Return which modalities of which clips a request speaks of."""
    wanted: dict[str, frozenset[Modality]] = {}
    for part in _parts(request):
        if not isinstance(part, TextPart):
            wanted[part.clip] = wanted.get(part.clip, frozenset()) | {_modality(part)}
    return wanted


def why_unsupported(request: Request, forms: MediaForms) -> str | None:
    """Return why a model cannot be asked at all; None if it can.

    A model that takes one of several modalities is asked with that one, and
    the delivery notes the rest. One that takes none of them would be guessing.
    """
    wanted = frozenset().union(*media_wanted(request).values())
    if not wanted or wanted & forms.modalities:
        return None
    return f"the model takes no {' and no '.join(sorted(wanted))}"


def encode_clip(media: ClipMedia, wanted: frozenset[Modality], forms: MediaForms) -> EncodedClip:
    """Turn what a request wants of a clip into files.

    Args:
        media: The decoded clip.
        wanted: The modalities that the request speaks of.
        forms: What the model takes.
    """
    wanted &= forms.modalities
    frames = media.frames if Modality.VIDEO in wanted else None
    waveform = media.waveform if Modality.AUDIO in wanted else None
    if frames is not None and forms.video is not VideoForm.IMAGES:
        joint = waveform is not None and forms.sound_in_video
        film, notes = _film(media, with_sound=joint, forms=forms)
        sound = () if waveform is None or joint else (_wav(media),)
        return EncodedClip((film,), sound, notes)
    pictures: list[Piece] = []
    if frames is not None:
        for frame, time in zip(frames, media.timestamps, strict=True):
            pictures += [f"Frame at {time:.2f} s:", Medium("image/jpeg", encode_jpeg(frame), 1)]
    return EncodedClip(tuple(pictures), () if waveform is None else (_wav(media),))


def compose(request: Request, forms: MediaForms, clips: Mapping[str, EncodedClip]) -> Payload:
    """Put a request's encoded clips in the place of the parts that name them.

    A part whose clip has no such modality, or which the model does not take,
    is left out and noted. What is odd about the clips themselves is noted too,
    as it is of models that run here.
    """
    notes: list[str] = []
    for key in media_wanted(request):
        notes += request.clips[key].notes if key in request.clips else ()
        notes += clips[key].notes if key in clips else ()
    turns = []
    for message in request.messages:
        pieces: list[Piece] = []
        for part in message.parts:
            if isinstance(part, TextPart):
                pieces.append(part.text)
                continue
            clip = clips.get(part.clip, EncodedClip())
            pieces += clip.picture if isinstance(part, VideoPart) else clip.sound
            note = _why_left_out(part, request, forms)
            notes += [note] if note else []
        turns.append(Turn(message.role, tuple(pieces)))
    return Payload(tuple(turns), tuple(dict.fromkeys(notes)))


def _film(
    media: ClipMedia, *, with_sound: bool, forms: MediaForms
) -> tuple[Medium, tuple[str, ...]]:
    """Return the picture as a video file, with the sound in it or without any."""
    if forms.video is VideoForm.ORIGINAL and media.path is not None:
        original = _original(media, media.path, with_sound=with_sound)
        if original is not None:
            return original
    assert media.frames is not None, "asked only of a clip with a picture"
    waveform = media.waveform if with_sound else None
    content = encode_mp4(
        media.frames,
        media.timestamps,
        media.duration,
        waveform,
        media.sample_rate,
        media.picture_start,
    )
    held = read_contents(content)
    rate = held.frames / media.duration if media.duration > 0 else None
    return Medium(MP4_TYPE, content, held.frames, held.audio_seconds, rate), ()


def _original(
    media: ClipMedia, path: Path, *, with_sound: bool
) -> tuple[Medium, tuple[str, ...]] | None:
    """Return the clip's own file; None if it holds more or less than is wanted of it."""
    mime_type = _VIDEO_TYPES.get(path.suffix.lower())
    if mime_type is None:
        return None
    content = path.read_bytes()
    held = read_contents(content)
    if (held.audio_seconds > 0) is not with_sound:
        return None
    notes = ["the clip's own file was sent; the service chooses the frames"]
    if with_sound and media.waveform is not None:
        decoded = len(media.waveform) / media.sample_rate
        if held.audio_seconds > decoded + _SAME_LENGTH_SECONDS:
            notes.append("the clip's own file was sent; its sound is longer than was wanted")
    return Medium(mime_type, content, held.frames, held.audio_seconds), tuple(notes)


def _wav(media: ClipMedia) -> Medium:
    assert media.waveform is not None, "asked only of a clip with sound"
    content = encode_wav(media.waveform, media.sample_rate)
    return Medium("audio/wav", content, audio_seconds=len(media.waveform) / media.sample_rate)


def _why_left_out(part: VideoPart | AudioPart, request: Request, forms: MediaForms) -> str | None:
    modality = _modality(part)
    if modality not in forms.modalities:
        return f"{modality} left out: the model takes none"
    media = request.clips.get(part.clip)
    if modality is Modality.VIDEO and (media is None or media.frames is None):
        return "video left out: the clip has no picture"
    if modality is Modality.AUDIO and (media is None or media.waveform is None):
        return "audio left out: the clip has no sound"
    return None


def _modality(part: VideoPart | AudioPart) -> Modality:
    return Modality.VIDEO if isinstance(part, VideoPart) else Modality.AUDIO


def _parts(request: Request) -> Iterator[Part]:
    return (part for message in request.messages for part in message.parts)

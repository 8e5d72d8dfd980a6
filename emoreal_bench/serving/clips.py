"""The media of a request as clips: which belong together, and decoded as those of any run.

The adapter ``http/`` sends a clip as images with their times in words, or as a film, and its
sound after it. Put together again here, they are one clip to the model, as if it ran in the
same process.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, Decoder, MediaWanted
from emoreal_bench.contracts.note import NoteKind, note_kind
from emoreal_bench.contracts.request import AudioPart, Message, Part, TextPart, VideoPart
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.media.errors import MediaError
from emoreal_bench.serving.body import (
    MOST_FRAMES,
    ChatBody,
    ChatMessage,
    Film,
    Image,
    Sound,
    SoundFile,
    Words,
)
from emoreal_bench.serving.problems import wrong

_FRAME_TIME = re.compile(r"Frame at (\d{1,7}\.\d\d) s:")
"""The words that ``http/`` puts before each image."""
_DATA_URL = re.compile(r"data:[\w.+-]{1,64}/[\w.+-]{1,64};base64,", re.ASCII)
_SAMPLE_RATE = 16_000
_MOST_CHARACTERS = 1_000_000
"""No model takes so many, and a tokenizer would be long at work on more."""


@dataclass(slots=True)
class SentClip:
    """What of one clip was sent.

    Attributes:
        images: Its frames, as files.
        times: Of the frames, in seconds; None where the words before one say none.
        film: Its picture, as a file.
        sound: Its sound, as a file.
    """

    images: list[bytes] = field(default_factory=list)
    times: list[float | None] = field(default_factory=list)
    film: bytes | None = None
    sound: bytes | None = None

    def key(self) -> str:
        """Return a hash of all of it."""
        digest = hashlib.sha256()
        for content in (*self.images, self.film, self.sound):
            # The length keeps the end of one file apart from the start of the next.
            digest.update(b"-" if content is None else f"{len(content)}\n".encode() + content)
        digest.update(repr(self.times).encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class SentTurns:
    """A conversation, with its media put together."""

    messages: tuple[Message, ...]
    clips: dict[str, SentClip]


def put_together(messages: Sequence[ChatMessage]) -> SentTurns:
    """Find out which media of a conversation are one clip.

    Images that follow each other are frames of one clip, the words ``Frame at 0.50 s:`` before
    one are its time and not for the model. A sound belongs to the picture before it in the
    same message, if that has none yet.

    Raises:
        RequestError: If it is too much, or a file is not in the body as base64.
    """
    _check_amount(messages)
    clips: dict[str, SentClip] = {}
    turns = []
    for number, message in enumerate(messages):
        role = "system" if message.role == "developer" else message.role
        turns.append(Message(role, tuple(_parts(number, message, clips))))
    return SentTurns(tuple(turns), clips)


def _check_amount(messages: Sequence[ChatMessage]) -> None:
    texts = [one.content for one in messages if isinstance(one.content, str)]
    contents = [one.content for one in messages if not isinstance(one.content, str)]
    parts = [part for content in contents for part in content]
    texts += [part.text for part in parts if isinstance(part, Words)]
    files, characters = sum(not isinstance(part, Words) for part in parts), sum(map(len, texts))
    if files > MOST_FRAMES:
        raise wrong(f"{files} files are more than {MOST_FRAMES}.", "messages")
    if characters > _MOST_CHARACTERS:
        raise wrong(f"{characters:,} characters are more than {_MOST_CHARACTERS:,}.", "messages")


def _parts(number: int, message: ChatMessage, clips: dict[str, SentClip]) -> list[Part]:
    if isinstance(message.content, str):
        return [TextPart(_whole(message.content, f"messages.{number}.content"))]
    parts: list[Part] = []
    begun: SentClip | None = None  # whose frames go on
    pictured: str | None = None  # the last clip with a picture and no sound
    time: float | None = None
    following = [*message.content, None][1:]
    for place, (part, after) in enumerate(zip(message.content, following, strict=True)):
        where = f"messages.{number}.content.{place}"
        if isinstance(part, Words):
            told = _FRAME_TIME.fullmatch(part.text.strip())
            if told is not None and isinstance(after, Image):
                time = float(told[1])
                continue
            begun = None
            parts.append(TextPart(_whole(part.text, where)))
        elif isinstance(part, Image):
            if begun is None:
                begun, pictured = SentClip(), f"clip {len(clips)}"
                clips[pictured] = begun
                parts.append(VideoPart(pictured))
            begun.images.append(_content_of(part.image_url.url, where))
            begun.times.append(time)
            time = None
        elif isinstance(part, Film):
            begun, pictured = None, f"clip {len(clips)}"
            clips[pictured] = SentClip(film=_content_of(part.video_url.url, where))
            parts.append(VideoPart(pictured))
        else:
            begun = None
            name = pictured or f"clip {len(clips)}"
            clips.setdefault(name, SentClip()).sound = _sound_of(part, where)
            parts.append(AudioPart(name))
            pictured = None
    return parts


def _whole(text: str, where: str) -> str:
    """Refuse half a character, which no tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise wrong("The text holds half a character.", where, "invalid_value") from error
    return text


def _sound_of(part: Sound | SoundFile, where: str) -> bytes:
    if isinstance(part, SoundFile):
        return _content_of(part.audio_url.url, where)
    return _from_base64(part.input_audio.data, where)


def _content_of(url: str, where: str) -> bytes:
    head = _DATA_URL.match(url)
    if head is None:
        raise wrong(
            "This server fetches nothing. Put the file into the body: data:TYPE;base64,...",
            where,
            "invalid_url",
        )
    return _from_base64(url[head.end() :], where)


def _from_base64(text: str, where: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise wrong(f"The file is not base64: {error}.", where, "invalid_base64") from error
    if not content:
        raise wrong("The file is empty.", where, "invalid_base64")
    return content


async def decode_clips(turns: SentTurns, body: ChatBody, decoder: Decoder) -> dict[str, ClipMedia]:
    """Decode what was sent.

    Args:
        turns: The conversation.
        body: Says how films are read.
        decoder: Decodes files, in processes of their own.

    Raises:
        RequestError: If a file cannot be decoded, or frames do not belong together.
    """
    if not turns.clips:
        return {}
    with TemporaryDirectory(prefix="emoreal-served-") as folder:
        reader = _Reader(Path(folder), body, decoder)
        return {name: await reader.read(clip) for name, clip in turns.clips.items()}


class _Reader:
    """Decodes the files of one request, which lie in a folder meanwhile."""

    def __init__(self, folder: Path, body: ChatBody, decoder: Decoder):
        self._folder = folder
        self._body = body
        self._decoder = decoder
        self._files = 0

    async def read(self, clip: SentClip) -> ClipMedia:
        """Decode one clip."""
        picture, sound = None, None
        if clip.film is not None:
            picture = await self._read_film(clip.film, with_sound=clip.sound is None)
        if clip.sound is not None:
            sound = await self._decode(clip.sound, "sound", Modality.AUDIO)
        heard = sound or picture
        frames, times = (None, ()) if picture is None else (picture.frames, picture.timestamps)
        if clip.images:
            frames, times = await self._read_images(clip.images), _frame_times(clip.times)
        known = [one for one in (picture, sound) if one is not None]
        return ClipMedia(
            key=hashlib.sha256(f"{clip.key()} {self._reading()}".encode()).hexdigest(),
            path=None,
            frames=frames,
            timestamps=times,
            waveform=None if heard is None else heard.waveform,
            sample_rate=_SAMPLE_RATE,
            duration=max([one.duration for one in known] + [times[-1] if times else 0.0]),
            notes=tuple(note for one in known for note in one.notes),
            picture_start=0.0 if picture is None else picture.picture_start,
        )

    def _reading(self) -> str:
        return f"{self._body.media_io_kwargs!r} {self._body.mm_processor_kwargs!r}"

    async def _read_film(self, content: bytes, *, with_sound: bool) -> ClipMedia:
        wanted = [Modality.VIDEO]
        if with_sound and self._body.mm_processor_kwargs.use_audio_in_video:
            wanted.append(Modality.AUDIO)
        number = self._body.media_io_kwargs.video.num_frames
        if number >= 1:
            return await self._decode(content, "film", *wanted, frames=number)
        media = await self._decode(content, "film", *wanted, frames=MOST_FRAMES)
        assert media.frames is not None
        # With fewer frames than that in the film, frames repeat.
        times = dict.fromkeys(media.timestamps)
        kept = [media.timestamps.index(time) for time in times]
        notes = (note for note in media.notes if note_kind(note) is not NoteKind.FEW_FRAMES)
        return replace(
            media, frames=media.frames[kept], timestamps=tuple(times), notes=tuple(notes)
        )

    async def _read_images(self, images: Sequence[bytes]) -> NDArray[np.uint8]:
        frames = []
        for content in images:
            media = await self._decode(content, "image", Modality.VIDEO, frames=1)
            assert media.frames is not None
            frames.append(media.frames[0])
        sizes = {frame.shape for frame in frames}
        if len(sizes) > 1:
            told = " and ".join(sorted(f"{shape[1]} x {shape[0]}" for shape in sizes)[:2])
            raise wrong(
                f"Images in a row are frames of one clip and must be of one size, not {told}. "
                "Put words between them to make them clips of their own.",
                "messages",
                "invalid_image",
            )
        return np.stack(frames)

    async def _decode(
        self, content: bytes, what: str, *modalities: Modality, frames: int = 1
    ) -> ClipMedia:
        path = self._folder / f"{self._files}"
        self._files += 1
        await asyncio.to_thread(path.write_bytes, content)
        wanted = MediaWanted(modalities=modalities, frames=frames, sample_rate=_SAMPLE_RATE)
        try:
            media = await self._decoder.decode(Clip(what, path), wanted, path.name)
        except MediaError as error:
            raise wrong(
                f"The {what} cannot be read: {error.problem}", "messages", "invalid_media"
            ) from error
        finally:
            path.unlink(missing_ok=True)
        given = media.waveform if modalities == (Modality.AUDIO,) else media.frames
        if given is None:
            raise wrong(f"The {what} holds none.", "messages", "invalid_media")
        return media


def _frame_times(times: Sequence[float | None]) -> tuple[float, ...]:
    """Return the times of frames: as told, or a second apart where any is not."""
    told = [time for time in times if time is not None]
    if len(told) < len(times):
        return tuple(float(number) for number in range(len(times)))
    if told != sorted(told):
        raise wrong("The times of the frames must ascend.", "messages", "invalid_value")
    return tuple(told)

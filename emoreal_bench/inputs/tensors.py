"""What builders make of requests, whatever the family: its clips, and itself, as tensors."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from emoreal_bench.contracts.result import Delivery

Video = TypeVar("Video")
Audio = TypeVar("Audio")


class Hashed(Protocol):
    """The picture or the sound of a clip as tensors."""

    @property
    def hash(self) -> str:
        """Over all that the model is given of it."""


class PreparedVideo(Hashed, Protocol):
    """The picture of a clip as tensors."""

    @property
    def frames(self) -> int:
        """Frames fed."""


class PreparedAudio(Hashed, Protocol):
    """The sound of a clip as tensors."""

    @property
    def seconds(self) -> float:
        """Length as fed."""


@dataclass(slots=True)
class PreparedClips(Generic[Video, Audio]):
    """Clips already turned into tensors, so that questions of one clip share them.

    Attributes:
        videos: Pictures by the key of their clip.
        audios: Sounds by the key of their clip.
    """

    videos: MutableMapping[str, Video] = field(default_factory=dict)
    audios: MutableMapping[str, Audio] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequestTensors(Generic[Video, Audio]):
    """One request as tensors.

    Attributes:
        input_ids: The prompt, up to where the answer begins.
        videos: Pictures in the order of their marks.
        audios: Sounds in the order of their marks.
        delivery: What this gives to the model.
    """

    input_ids: tuple[int, ...]
    videos: tuple[Video, ...]
    audios: tuple[Audio, ...]
    delivery: Delivery

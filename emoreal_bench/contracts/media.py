"""What is wanted of a clip, and what a clip gives once decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import Field, field_validator

from emoreal_bench.contracts.base import Record, refuse_yes_and_no
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.vocabulary import Alteration, Modality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


MEDIA_VERSION = 3
"""Of how clips are decoded; rises when a clip is given otherwise than before.

1: tracks are joined from their own first sample or frame, the first track is taken.
2: picture and sound keep their times, tracks are taken as a player takes them. Clips of
one picture and one sound that begin together are the same in both.
3: frames are as wide as a player shows them, picture and sound are of one program, joined
recordings follow on each other. Clips without such a note are the same as in 2.
"""


class MediaWanted(Record):
    """What a task wants of each clip; part of the request hash."""

    modalities: tuple[Modality, ...] = (Modality.VIDEO, Modality.AUDIO)
    """What is given to the model besides the text."""
    frames: int = Field(default=8, ge=1, le=1024)
    """Number of frames."""
    sampling: Literal["ends", "middles"] = "ends"
    """``ends``: evenly spaced from the first to the last frame, rounded down,
    as the paper does. ``middles``: the middle of N equal stretches of time."""
    size: int | None = Field(default=448, ge=14)
    """Frames are scaled down so that their shorter side is at most this many
    pixels; never enlarged. Null keeps the size of the file."""
    sample_rate: int = Field(default=16_000, ge=1_000)
    """Of the mono sound, in Hz."""
    channel: Literal["mean", "first"] = "mean"
    """How several channels become one. The paper takes the first."""
    max_seconds: float = Field(default=30.0, gt=0)
    """Sound is cut after this time; the picture is not."""
    alteration: Alteration = Alteration.NONE
    alteration_seed: int = Field(default=0, ge=0)

    _numbers = field_validator(
        "frames", "size", "sample_rate", "max_seconds", "alteration_seed", mode="before"
    )(refuse_yes_and_no)


class Decoder(Protocol):
    """What decodes the clips of a run."""

    async def decode(
        self, clip: Clip, wanted: MediaWanted, key: str, partner: Clip | None = None
    ) -> ClipMedia:
        """Decode a clip.

        Args:
            clip: The clip.
            wanted: Modalities, frames, sound and alteration.
            key: Identity of the result.
            partner: The clip to swap with, for a swap.

        Raises:
            MediaError: If the clip cannot be decoded within its limits.
        """
        ...


@dataclass(frozen=True, slots=True)
class ClipMedia:
    """One decoded clip, as every adapter receives it.

    Attributes:
        key: Hash of the file's bytes, of what was wanted of it and of the
            alteration; equal keys mean equal arrays.
        path: The file, for adapters that send it whole; None if it was altered, its
            sound lies in another file, or it holds further tracks of picture or sound.
        frames: ``(n, height, width, 3)`` unsigned bytes, RGB; None if the clip
            has no picture or none was wanted.
        timestamps: Time of each frame in seconds from the start of the clip.
        waveform: ``(samples,)`` 32-bit floats in -1..1, mono; None if the clip
            has no sound or none was wanted.
        sample_rate: Of ``waveform``, in Hz.
        duration: Length of the clip in seconds, measured while decoding.
        notes: What a reader of the log should know, e.g. ``"clip has no sound"``;
            the kinds are :class:`emoreal_bench.contracts.note.NoteKind`.
        picture_start: Seconds from the start of the clip to that of its picture;
            0 unless the sound begins first.
    """

    key: str
    path: Path | None
    frames: NDArray[np.uint8] | None
    timestamps: tuple[float, ...]
    waveform: NDArray[np.float32] | None
    sample_rate: int
    duration: float
    notes: tuple[str, ...] = ()
    picture_start: float = 0.0

    def level(self) -> float | None:
        """Return the root mean square of the sound in 0..1; None without sound."""
        if self.waveform is None:
            return None
        import numpy as np

        squares = np.square(self.waveform, dtype=np.float64)
        return float(np.sqrt(squares.mean())) if squares.size else 0.0

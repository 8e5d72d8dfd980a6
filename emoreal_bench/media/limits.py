"""How much one clip may take before it is given up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from emoreal_bench.contracts.item import MAX_CLIP_SECONDS
from emoreal_bench.media.errors import MediaError, MediaProblem

MEBIBYTE = 1 << 20
_MOST_TIMES = 1_000.0
"""How much more time and memory than usual a clip can be given: for ten days of film."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Limits on decoding one clip.

    Attributes:
        seconds: Wall-clock time.
        clip_seconds: Length of the clip.
        compressed_bytes: Bytes of picture and sound as stored in the file.
        frame_pixels: Pixels of one frame as stored in the file.
        memory_bytes: What a worker process may take beyond what it needs at
            rest. Only enforced in worker processes, and only on Linux.
    """

    seconds: float = 60.0
    clip_seconds: float = MAX_CLIP_SECONDS
    compressed_bytes: int = 512 * MEBIBYTE
    frame_pixels: int = 1 << 26
    memory_bytes: int = 2048 * MEBIBYTE

    @classmethod
    def for_clips_of(cls, seconds: float) -> DecodeLimits:
        """Return limits that let longer clips pass, with time and memory to match.

        Args:
            seconds: Longest clip; shorter ones than by default get the default's time.
        """
        usual = cls()
        times = min(max(1.0, seconds / usual.clip_seconds), _MOST_TIMES)
        more_bytes = round((times - 1) * usual.compressed_bytes)
        return cls(
            seconds=times * usual.seconds,
            clip_seconds=seconds,
            compressed_bytes=usual.compressed_bytes + more_bytes,
            memory_bytes=usual.memory_bytes + more_bytes,
        )


class Deadline:
    """The moment after which decoding of one clip stops.

    Args:
        path: The file, for the error.
        seconds: Time from now.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Go on if there is time left.

        Raises:
            MediaError: If there is none.
        """
        if time.monotonic() > self._end:
            raise MediaError(
                MediaProblem.TIME_LIMIT,
                f"decoding took longer than {self._seconds:g} s",
                str(self._path),
            )

"""What can be wrong with a clip, and what becomes of the items that ask about it."""

from __future__ import annotations

from enum import StrEnum

from emoreal_bench.contracts.errors import EmorealError
from emoreal_bench.contracts.vocabulary import DeliveryStatus


class MediaProblem(StrEnum):
    """Why a clip could not be decoded."""

    ABSENT = "absent"
    """The file is not there or may not be read."""
    EMPTY = "empty"
    """The file has no bytes."""
    DAMAGED = "damaged"
    """The file is not a clip, ends early, or stops decoding midway."""
    FORMAT_CHANGES = "format_changes"
    """The sound has another rate or number of channels midway."""
    NOT_A_FILE = "not_a_file"
    """A named pipe, a device, a socket or a folder stands under the clip's name."""
    NO_STREAMS = "no_streams"
    """The file holds neither picture nor sound that can be decoded."""
    TOO_LONG = "too_long"
    TOO_LARGE = "too_large"
    """Too many compressed bytes, or too many pixels in a frame."""
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    WORKER_DIED = "worker_died"
    """The decoder crashed; the clip is the likely cause."""


_NO_USABLE_CLIP = frozenset(
    {
        MediaProblem.ABSENT,
        MediaProblem.EMPTY,
        MediaProblem.DAMAGED,
        MediaProblem.FORMAT_CHANGES,
        MediaProblem.NOT_A_FILE,
        MediaProblem.NO_STREAMS,
    }
)

_REMEDIES = {
    MediaProblem.ABSENT: "Check the folder of the data set and the rights of the file.",
    MediaProblem.EMPTY: "Copy or download the file again.",
    MediaProblem.DAMAGED: "Copy or download the file again.",
    MediaProblem.FORMAT_CHANGES: "Encode the clip again, with one format of sound throughout.",
    MediaProblem.NOT_A_FILE: "Put the clip's own file there.",
    MediaProblem.NO_STREAMS: "Check that the file is a video or a sound.",
    MediaProblem.TOO_LONG: "Cut the clip, or raise the limit with --max-clip-seconds.",
    MediaProblem.TOO_LARGE: "Encode the clip smaller, or raise the limit on its size.",
    MediaProblem.TIME_LIMIT: "Encode the clip smaller, or raise the time limit of decoding.",
    MediaProblem.MEMORY_LIMIT: "Encode the clip smaller, or raise the memory limit of decoding.",
    MediaProblem.WORKER_DIED: "Play the clip to see whether it is damaged; encode it again if so.",
}


class MediaError(EmorealError):
    """A clip cannot be decoded; it costs the items that ask about it, never the run.

    Args:
        kind: What is wrong, as a closed vocabulary.
        problem: What is wrong, in one sentence.
        where: The file.
    """

    def __init__(self, kind: MediaProblem, problem: str, where: str) -> None:
        super().__init__(problem, where=where, remedy=_REMEDIES[kind])
        self.kind = kind

    @property
    def delivery_status(self) -> DeliveryStatus:
        """Missing where there is no usable clip; failed where a limit or a crash got in the way."""
        return DeliveryStatus.MISSING if self.kind in _NO_USABLE_CLIP else DeliveryStatus.FAILED

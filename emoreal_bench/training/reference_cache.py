"""Log-probabilities of the reference on disk, shared by all methods and runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from emoreal_bench.contracts.request import Message


def reference_key(
    reference: str, messages: tuple[Message, ...], clips: Mapping[str, str], answer: str
) -> str:
    """Hash what decides the log-probability of one answer.

    Args:
        reference: ``reference_hash`` of the :class:`TrainableModel`.
        messages: The prompt.
        clips: Name of each clip in the messages to the key of its decoded media, which covers
            bytes, sampling and alteration.
        answer: The answer.
    """
    raise NotImplementedError


class ReferenceCache:
    """A file of log-probabilities, appended to and never edited; may be killed at any time.

    Args:
        path: Made if it is not there.
    """

    def __init__(self, path: Path):
        raise NotImplementedError

    def get(self, key: str) -> float | None:
        """Give the log-probability of a key, None if it is not known."""
        raise NotImplementedError

    def put(self, values: Mapping[str, float]) -> None:
        """Keep log-probabilities."""
        raise NotImplementedError

"""What several commands read from their arguments."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import Modality


class GivenMedia(StrEnum):
    """What a model is given besides the text, in the short form of the command line."""

    VIDEO_AND_AUDIO = "av"
    AUDIO = "a"
    VIDEO = "v"
    TEXT_ONLY = "t"

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Return the same in full."""
        letters = {"v": Modality.VIDEO, "a": Modality.AUDIO}
        return tuple(modality for letter, modality in letters.items() if letter in self.value)


def pairs(option: str, values: Sequence[str] | None, example: str = "seed=7") -> dict[str, str]:
    """Read ``key=value`` arguments.

    Args:
        option: The option's name, for the message.
        values: As given on the command line.
        example: Of a value, for the message.

    Raises:
        UsageError: If one has no ``=`` or a key is given twice.
    """
    read: dict[str, str] = {}
    for value in values or ():
        key, equals, rest = value.partition("=")
        if not equals or not key:
            raise UsageError(
                f"{option} takes key=value, not '{value}'.",
                remedy=f"For example {option} {example}",
            )
        if key in read:
            raise UsageError(f"{option} sets '{key}' twice.")
        read[key] = rest
    return read

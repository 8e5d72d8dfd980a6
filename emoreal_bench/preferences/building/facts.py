"""What the metadata of a pair can say, by name."""

from __future__ import annotations

from enum import StrEnum

from emoreal_bench.contracts.preference import PreferencePair


class Fact(StrEnum):
    """A key of a pair's metadata; measuring and balancing go by these."""

    EMOTION = "emotion"
    """The emotion of the person, in the modality that the question asks about."""
    CUE = "cue"
    """The cue that the chosen answer says is there."""
    DENIED_CUE = "denied_cue"
    """The cue of the same emotion that a rejected answer says is there."""
    ASKED_CUE = "asked_cue"
    """The cue that a yes/no question names."""
    TYPICAL_CUE = "typical_cue"
    """The cue by which people expect the emotion to show; affirmed from habit."""
    KIND = "kind"
    """What is asked."""
    FORM = "form"
    """What the answers look like: ``letter`` or ``words``."""


def fact(pair: PreferencePair, name: Fact) -> str | None:
    """Return what is known of a pair under this name; None if nothing is."""
    return (pair.metadata or {}).get(name)

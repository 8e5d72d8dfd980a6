"""What is wanted of a synthetic benchmark."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from emoreal_bench.contracts.base import Record

MAX_SEED = 2**32 - 1


class Split(StrEnum):
    """What the clips are for. The two never share a scene seed."""

    TRAIN = "train"
    TEST = "test"


class SpeechEngine(StrEnum):
    """Who speaks in the clips."""

    ESPEAK = "espeak-ng"
    """Words, by eSpeak NG (GPL-3), which is installed separately."""
    WORDLESS = "wordless"
    """Syllables without words, synthesized by this package."""


class AgreementWording(StrEnum):
    """How the questions ask whether face and voice agree."""

    PLAIN = "plain"
    """Without naming any emotion."""
    NAMED = "named"
    """Each question ends with the seven emotions that it may be, always all of them."""


DEFAULT_AGREEMENT_WORDING = AgreementWording.NAMED
"""The wording that the shipped family was taught; a change of it needs a new generator version."""


class SynthSettings(Record):
    """What is wanted of a synthetic benchmark; equal settings give equal files."""

    items: int = Field(ge=1, le=1_000_000)
    """Number of questions; five ask about each clip."""
    seed: int = Field(default=0, ge=0, le=MAX_SEED)
    split: Split = Split.TEST
    correlation: float = Field(default=0.0, ge=0.0, le=1.0)
    """How strongly cues, things and background sounds are bound to emotions.
    0: each of an emotion's two cues is as frequent as the other, and the rest
    is independent of emotion; only then no text gives an answer away. 1: always
    the typical cue and the bound thing. Meant for training sets."""
    speech: SpeechEngine | None = None
    """Null takes eSpeak NG where it is installed, wordless voices elsewhere."""
    agreement_wording: AgreementWording = DEFAULT_AGREEMENT_WORDING
    faint: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of clips whose person shows a faint cue: a gesture that is half transparent,
    an utterance that is nearly drowned. Everything else is as clear as in the other clips."""

"""A preference pair: one question about a clip, the answer to prefer, and what to reject.

Pairs train a model with AVEm-DPO and its baselines. Two kinds of answer are
rejected: one names a cue that fits the emotion and is not in the clip, the other
a cue that is in the clip and says nothing about the emotion.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.vocabulary import Alteration, Modality

CLIP_MODALITIES = (Modality.VIDEO, Modality.AUDIO)
_ALTERABLE = {
    Alteration.MUTE: (Modality.AUDIO,),
    Alteration.BLANK: (Modality.VIDEO,),
    Alteration.SWAP: CLIP_MODALITIES,
    Alteration.NOISE: CLIP_MODALITIES,
}
"""What each alteration can change."""


def _below_the_folder(clip: str) -> str:
    path = PurePosixPath(clip)
    if path.is_absolute() or ".." in path.parts or "\\" in clip:
        raise ValueError("a clip is a path below the folder of clips, with forward slashes")
    return clip


Text = Annotated[str, Field(pattern=r"\S")]
AnyText = Annotated[str, Field(min_length=0)]
"""Also an empty one, but no half characters, which no file can hold: pydantic looks for them only
where a text has a bound."""
ClipPath = Annotated[Text, AfterValidator(_below_the_folder)]


class AlteredInput(Record):
    """The other input of a pair, on which the chosen answer must become less likely.

    It is fixed with the pair, so that every method and every epoch sees the same
    one, and what the reference model says of it can be kept.
    """

    modalities: tuple[Modality, ...] = Field(min_length=1, max_length=2)
    """What is replaced of the clip; the rest stays."""
    alteration: Alteration
    """By what."""
    partner: ClipPath | None = None
    """The clip whose picture or sound takes the place, for a swap."""
    seed: int = Field(default=0, ge=0)
    """Of the noise."""
    reversed: bool | None = None
    """Whether a rejected answer is the right one there, as with a partner who shows the
    same emotion by its other cue. Null where that is not known."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check_modalities(self.modalities)
        can_change = _ALTERABLE.get(self.alteration, ())
        if not set(self.modalities) <= set(can_change):
            raise ValueError(
                f"the alteration {self.alteration} cannot replace {' and '.join(self.modalities)}"
            )
        if (self.partner is not None) != (self.alteration is Alteration.SWAP):
            raise ValueError("a swap needs a partner, and nothing else has one")
        if self.reversed and self.partner is None:
            raise ValueError("only a partner can reverse which answer is right")
        return self


class PreferencePair(Record):
    """One line of a file of pairs.

    Where there is one rejected answer, it stands for both; a pair with none serves
    supervised training only.
    """

    id: Text
    """Unique within the file."""
    clip: ClipPath
    """Path of the clip's file below the folder of clips, with forward slashes."""
    question: Text
    """The user's words exactly as they are sent, options and all."""
    chosen: Text
    """The answer to prefer, as a whole reply."""
    hallucination: Text | None = None
    """A rejected answer whose cue fits the emotion and is not in the clip; where no cue
    is named, the main wrong answer."""
    spurious: Text | None = None
    """A rejected answer whose cue is in the clip and says nothing about the emotion."""
    modality: Modality | None = None
    """The modality that the question asks about; null for both together."""
    altered: AlteredInput | None = None
    modalities: tuple[Modality, ...] = Field(default=CLIP_MODALITIES, min_length=1, max_length=2)
    """What the model is given of the clip."""
    metadata: Mapping[AnyText, AnyText] | None = None
    """What else is known: ``emotion``, ``cue`` and the like; see docs/preferences.md."""

    @property
    def rejected(self) -> tuple[str, ...]:
        """Return the rejected answers, the hallucinated one first."""
        return tuple(text for text in (self.hallucination, self.spurious) if text is not None)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _check_modalities(self.modalities)
        answers = (self.chosen, *self.rejected)
        if len({answer.strip() for answer in answers}) < len(answers):
            raise ValueError("two of the answers are the same")
        if self.modality is not None and self.modality not in self.modalities:
            raise ValueError(f"the question asks about {self.modality}, which is not given")
        if self.altered is not None:
            if not set(self.altered.modalities) <= set(self.modalities):
                raise ValueError("something is altered that is not given")
            if self.altered.partner == self.clip:
                raise ValueError("the clip is its own partner")
        return self


def _check_modalities(modalities: tuple[Modality, ...]) -> None:
    if modalities not in (CLIP_MODALITIES, *((one,) for one in CLIP_MODALITIES)):
        raise ValueError("modalities must be video, audio, or video and audio in this order")

"""What comes back from an adapter: the reply, and the proof of what it was given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus, Modality


@dataclass(frozen=True, slots=True)
class Delivery:
    """What reached the model, counted from what was fed, not from what was meant.

    Attributes:
        frames: Number of frames fed.
        audio_seconds: Seconds of sound fed.
        tokens: Tokens (or placeholder positions) per modality; empty where the
            model does not say.
        input_hash: Hash of the tensors or bytes fed, media included. Another
            clip must give another hash.
        notes: Every deviation from what was wanted (``"audio dropped: ..."``).
        audio_level: Root mean square of the sound fed, 0..1, 0 for silence; None
            without sound. The runner measures it.
    """

    frames: int = 0
    audio_seconds: float = 0.0
    tokens: Mapping[Modality, int] = field(default_factory=dict)
    input_hash: str | None = None
    notes: tuple[str, ...] = ()
    audio_level: float | None = None

    @property
    def has_media(self) -> bool:
        """Whether anything but words reached the model."""
        return bool(self.frames or self.audio_seconds)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as billed or measured.

    Attributes:
        input_tokens: All input tokens.
        output_tokens: Tokens of the reply, hidden reasoning included.
        measured: False if the adapter estimated them.
        cost: In US dollars; None where unknown.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    measured: bool = True
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class ChoiceScores:
    """How likely each option is.

    Attributes:
        kind: What the numbers are.
        scores: Letter to score; for log-probabilities natural logarithms, not
            normalised over the options.
        mass: Share of the probability that falls on the options, 0 to 1; None
            where unknown.
    """

    kind: ChoiceScoreKind
    scores: Mapping[str, float]
    mass: float | None = None

    def is_finite(self) -> bool:
        """Return whether every score is a number, so that one can be the largest."""
        return all(map(math.isfinite, self.scores.values()))


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one request.

    Attributes:
        id: The request's id.
        status: See :class:`DeliveryStatus`.
        text: The reply as the model wrote it; empty if there is none.
        detail: For a status other than ok: why, in one sentence.
        choice_scores: Where choices were scored.
        delivery: What reached the model.
        usage: Tokens.
        seconds: Time of the model on this item; a batch's time is shared out.
        attempts: How often it was asked in this run, 1 or more.
        retry_after: Seconds that a service asks to wait before the next try; 0
            where it is overloaded and does not say how long.
        is_settled: Whether asking again now would only bring the same failure.
    """

    id: str
    status: DeliveryStatus
    text: str = ""
    detail: str | None = None
    choice_scores: ChoiceScores | None = None
    delivery: Delivery = field(default_factory=Delivery)
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    attempts: int = 1
    retry_after: float | None = None
    is_settled: bool = False

    def checked(self) -> Result:
        """Return the result, or a failure where its scores are NaN or infinite.

        Whatever adapter it comes from: such scores choose an option by accident.
        """
        scores = self.choice_scores
        if scores is None or scores.is_finite():
            return self
        told = ", ".join(f"{letter} {score}" for letter, score in scores.scores.items())
        detail = f"the scores of the options are not finite: {told}"
        return replace(
            self, status=DeliveryStatus.FAILED, text="", detail=detail, choice_scores=None
        )

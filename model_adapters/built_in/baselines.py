"""Blind baselines: what a score is worth that needs no clip."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

from emoreal_bench.contracts.adapter import Capabilities, ModelAdapter, ModelDescription
from emoreal_bench.contracts.request import AudioPart, Request, TextPart, VideoPart
from emoreal_bench.contracts.result import Delivery, Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality, Repeatability
from emoreal_bench.model_adapters.arguments import AdapterArguments, parse_arguments
from emoreal_bench.model_adapters.providers import ModelSpec

VIDEO_NOTE = "video left out: a blind baseline looks at no clip"
AUDIO_NOTE = "audio left out: a blind baseline looks at no clip"


class NoArguments(AdapterArguments):
    """First and last choice take none."""


class RandomArguments(AdapterArguments):
    """Arguments of ``baseline/random``."""

    seed: int = 0


class BlindBaseline(ModelAdapter):
    """Answers by the letters of the options alone, or by the classes where there are none.

    Args:
        name: ``baseline/...``.
        choose: Gives the index of the answer from the item's id and the number
            of options or classes.
        settings: What changes its answers.
    """

    def __init__(
        self, name: str, choose: Callable[[str, int], int], settings: dict[str, str | int] | None
    ):
        self._choose = choose
        self._description = ModelDescription(
            name=name,
            label="blind baseline",
            settings=dict(settings or {}),
            capabilities=Capabilities(
                modalities=(Modality.TEXT,), repeatability=Repeatability.EXACT, batch_size=256
            ),
        )

    def describe(self) -> ModelDescription:
        """Return the name; nothing is loaded at any time."""
        return self._description

    def render(self, request: Request) -> str:
        """Return the words of the request and its answers, all that a baseline could see."""
        lines = [
            "".join(part.text for part in message.parts if isinstance(part, TextPart))
            for message in request.messages
        ]
        return "\n".join([*lines, " ".join(request.letters or request.labels)])

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Answer with a letter in brackets or a class.

        An open question has nothing to choose from, so it is ``unsupported``.
        """
        for request in requests:
            yield self._answer(request)

    def _answer(self, request: Request) -> Result:
        answers = tuple(f"({letter})" for letter in request.letters) or request.labels
        if not answers:
            return Result(
                request.id,
                DeliveryStatus.UNSUPPORTED,
                detail="a blind baseline picks an option or a class, and the question is open",
            )
        answer = answers[self._choose(request.id, len(answers))]
        return Result(
            request.id, DeliveryStatus.OK, answer, delivery=Delivery(notes=_notes(request))
        )


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``baseline/first-choice``, ``baseline/last-choice`` or ``baseline/random``."""
    if spec.model == "random":
        seed = parse_arguments(RandomArguments, spec.arguments, spec.name).seed
        return BlindBaseline(spec.name, partial(_draw, seed), {"seed": seed})
    parse_arguments(NoArguments, spec.arguments, spec.name)
    position = 0 if spec.model == "first-choice" else -1
    return BlindBaseline(spec.name, lambda _id, _n: position, None)


def _draw(seed: int, item_id: str, options: int) -> int:
    """Draw from the id itself, so that any order and any subset gives the same answers."""
    digest = hashlib.sha256(f"{seed}\n{item_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % options


def _notes(request: Request) -> tuple[str, ...]:
    parts = [part for message in request.messages for part in message.parts]
    notes = []
    if any(isinstance(part, VideoPart) for part in parts):
        notes.append(VIDEO_NOTE)
    if any(isinstance(part, AudioPart) for part in parts):
        notes.append(AUDIO_NOTE)
    return tuple(notes)

"""Examples into what one step computes: packed rows, and where each log-probability comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.preference import AlteredInput
from emoreal_bench.contracts.request import (
    AudioPart,
    GenerationSettings,
    Message,
    Part,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.preferences.altering import altered_input
from emoreal_bench.training.examples.answers import PromptWithAnswers
from emoreal_bench.training.examples.data import TrainingExample
from emoreal_bench.training.examples.packing import PackedBatch
from emoreal_bench.training.objectives.methods import Objective, Pass, ScoredAnswer
from emoreal_bench.training.trainable import TrainableModel

if TYPE_CHECKING:
    from emoreal_bench.training.examples.decoded_clips import DecodedClips
ALTERED_CLIP = "altered"
"""What the altered parts of a prompt call their clip; no pair's clip is called so, for it
would have an extension."""


class PromptMaker:
    """Makes the prompts of examples.

    Args:
        clips: Decodes them.
        alters_both: Alter picture and sound, whatever the pair says.
    """

    def __init__(self, clips: DecodedClips, *, alters_both: bool = False):
        self._clips = clips
        self._alters_both = alters_both

    def messages(self, example: TrainingExample, given: Pass) -> tuple[Message, ...]:
        """Return the question as it is sent in a pass."""
        match given:
            case Pass.GIVEN:
                return example.messages
            case Pass.TEXT_ONLY:
                return _each_part(
                    example.messages, lambda part: part if isinstance(part, TextPart) else None
                )
            case Pass.ALTERED:
                altered = self._altered(example)
                return _each_part(example.messages, lambda part: _alter_part(part, altered))

    def identities(self, example: TrainingExample, given: Pass) -> dict[str, str]:
        """Hash the clips of a prompt by their names in it, without decoding."""
        match given:
            case Pass.GIVEN:
                return {example.clip: self._clips.identity(example.clip)}
            case Pass.TEXT_ONLY:
                return {}
            case Pass.ALTERED:
                altered = self._altered(example)
                return {
                    example.clip: self._clips.identity(example.clip),
                    ALTERED_CLIP: self._clips.identity(example.clip, altered),
                }

    def make(
        self, example: TrainingExample, given: Pass, answers: tuple[str, ...]
    ) -> PromptWithAnswers:
        """Make the prompt of a pass, its clips decoded.

        Raises:
            DataError: If a clip cannot be decoded.
        """
        request = Request(
            id=example.id,
            messages=self.messages(example, given),
            settings=GenerationSettings(),
            clips=self._media(example, given),
        )
        return PromptWithAnswers(request, answers)

    def _media(self, example: TrainingExample, given: Pass) -> dict[str, ClipMedia]:
        match given:
            case Pass.GIVEN:
                return {example.clip: self._clips.get(example.clip)}
            case Pass.TEXT_ONLY:
                return {}
            case Pass.ALTERED:
                return {
                    example.clip: self._clips.get(example.clip),
                    ALTERED_CLIP: self._clips.get_altered(example.clip, self._altered(example)),
                }

    def _altered(self, example: TrainingExample) -> AlteredInput:
        altered = example.altered
        assert altered is not None, "checked before the training"
        if not self._alters_both:
            return altered
        return altered_input(altered.alteration, None, altered.partner, altered.seed)


def _each_part(
    messages: tuple[Message, ...], change: Callable[[Part], Part | None]
) -> tuple[Message, ...]:
    """Change every part of a conversation; None leaves it out."""
    return tuple(
        Message(
            message.role,
            tuple(part for old in message.parts if (part := change(old)) is not None),
        )
        for message in messages
    )


def _alter_part(part: Part, altered: AlteredInput) -> Part:
    """Let an altered picture or sound come from the altered clip, the rest from the clip itself."""
    if isinstance(part, VideoPart) and Modality.VIDEO in altered.modalities:
        return VideoPart(ALTERED_CLIP)
    if isinstance(part, AudioPart) and Modality.AUDIO in altered.modalities:
        return AudioPart(ALTERED_CLIP)
    return part


class Layout:
    """Collects prompts, and remembers where the log-probability of each answer comes out.

    Args:
        maker: Makes the prompts.
        trainable: Packs them.

    Attributes:
        prompts: In the order of their answers.
    """

    def __init__(self, maker: PromptMaker, trainable: TrainableModel):
        self._maker = maker
        self._trainable = trainable
        self._answers = 0
        self.prompts: list[PromptWithAnswers] = []

    def add(
        self,
        examples: Sequence[TrainingExample],
        answers_of: Callable[[TrainingExample], tuple[ScoredAnswer, ...]],
    ) -> dict[str, Tensor]:
        """Add the answers of a batch; those of one pass share a prompt, equal ones a place.

        Returns:
            By name, the place of each example's answer among all answers.
        """
        places: dict[str, list[int]] = {}
        for example in examples:
            answers = answers_of(example)
            for given in dict.fromkeys(answer.given for answer in answers):
                asked = [answer for answer in answers if answer.given is given]
                texts = tuple(dict.fromkeys(answer.text for answer in asked))
                self.prompts.append(self._maker.make(example, given, texts))
                for answer in asked:
                    place = self._answers + texts.index(answer.text)
                    places.setdefault(answer.name, []).append(place)
                self._answers += len(texts)
        return {name: torch.tensor(numbers) for name, numbers in places.items()}

    def pack(self) -> PackedBatch:
        """Pack all prompts.

        Raises:
            DataError: If the model cannot take one; the message names its example.
        """
        try:
            return self._trainable.prepare(self.prompts)
        except InputError as error:
            raise DataError(
                f"The model cannot take what is to be trained on: {error}",
                where=f"examples {', '.join(dict.fromkeys(p.request.id for p in self.prompts))}",
                remedy="Take the example out of the data, or change what is given under media.",
            ) from error


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """What one step computes.

    Attributes:
        packed: The rows of the policy, and of the reference where it is not cached.
        places: By name, where the examples' log-probabilities come out of ``packed``.
        text_packed: Rows without picture and sound; None where they are part of
            ``packed`` or not asked for.
        text_places: Where these come out of ``text_packed``, or of ``packed``.
        reference: The reference's log-probabilities; None where they are to be computed.
        reference_text: The same without picture and sound.
    """

    packed: PackedBatch
    places: Mapping[str, Tensor]
    text_packed: PackedBatch | None = None
    text_places: Mapping[str, Tensor] = field(default_factory=dict)
    reference: Mapping[str, Tensor] | None = None
    reference_text: Mapping[str, Tensor] | None = None

    def to(self, device: torch.device | str) -> TrainingBatch:
        """Move the tensors."""
        return TrainingBatch(
            self.packed.to(device),
            _move(self.places, device),
            None if self.text_packed is None else self.text_packed.to(device),
            _move(self.text_places, device),
            None if self.reference is None else _move(self.reference, device),
            None if self.reference_text is None else _move(self.reference_text, device),
        )


def _move(tensors: Mapping[str, Tensor], device: torch.device | str) -> dict[str, Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}


class BatchMaker:
    """Turns examples into a batch: the collator of the data loader.

    Args:
        trainable: Packs the rows.
        objective: Says which answers are scored.
        maker: Makes the prompts.
        references: By example, the reference's log-probabilities with and without the
            clip, by name; None where they are computed in every step.
    """

    def __init__(
        self,
        trainable: TrainableModel,
        objective: Objective,
        maker: PromptMaker,
        references: Mapping[str, References] | None = None,
    ):
        self._trainable = trainable
        self._objective = objective
        self._maker = maker
        self._references = references

    def __call__(self, examples: Sequence[TrainingExample]) -> dict[str, TrainingBatch]:
        """Make the batch of some examples.

        Raises:
            DataError: If a clip cannot be decoded, or the model cannot take a prompt.
        """
        objective = self._objective
        layout = Layout(self._maker, self._trainable)
        places = layout.add(examples, objective.answers)
        text_layout = layout if objective.text_gradient else Layout(self._maker, self._trainable)
        references = self._references
        is_text_known = references is not None and objective.text_from_reference
        text_places = {} if is_text_known else text_layout.add(examples, objective.text_answers)
        is_separate = text_layout is not layout and bool(text_layout.prompts)
        batch = TrainingBatch(
            packed=layout.pack(),
            places=places,
            text_packed=text_layout.pack() if is_separate else None,
            text_places=text_places,
            reference=_stack([references[example.id].given for example in examples])
            if references is not None
            else None,
            reference_text=_stack([references[example.id].text for example in examples])
            if references is not None and is_text_known
            else None,
        )
        return {"batch": batch}


@dataclass(frozen=True, slots=True)
class References:
    """The reference's log-probabilities of one example, by name.

    Attributes:
        given: With the clip, altered or not.
        text: Without picture and sound.
    """

    given: Mapping[str, float]
    text: Mapping[str, float] = field(default_factory=dict)


def _stack(values: Sequence[Mapping[str, float]]) -> dict[str, Tensor]:
    names = values[0].keys() if values else ()
    return {name: torch.tensor([row[name] for row in values]) for name in names}

"""The reference's log-probabilities of all examples, computed once and kept on the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

import torch
from torch import Tensor

from emoreal_bench.record.files import make_folder
from emoreal_bench.training.examples.batches import Layout, PromptMaker, References
from emoreal_bench.training.examples.data import TrainingExample
from emoreal_bench.training.objectives.methods import Objective, ScoredAnswer
from emoreal_bench.training.objectives.reference_cache import ReferenceCache, reference_key
from emoreal_bench.training.observer import Progress
from emoreal_bench.training.trainable import TrainableModel

_SUFFIX = ".jsonl"
_Answers = Mapping[str, tuple[ScoredAnswer, ...]]
"""By example."""


@dataclass(frozen=True, slots=True)
class ReferenceCollector:
    """Collects what the reference says, from the cache or from the model.

    Attributes:
        trainable: The model.
        objective: Says which answers are scored.
        maker: Makes the prompts.
        folder: Of the cache; each process writes a file of its own in it.
        batch_size: Examples at once.
        device: Where to compute.
    """

    trainable: TrainableModel
    objective: Objective
    maker: PromptMaker
    folder: Path
    batch_size: int
    device: torch.device

    def fill(self, examples: Sequence[TrainingExample], progress: Progress) -> None:
        """Compute what the cache does not know; may be stopped and started again.

        Args:
            examples: This process's share of them.
            progress: Hears how many of how many examples are done.

        Raises:
            DataError: If a clip cannot be decoded, or the model cannot take a prompt.
        """
        make_folder(self.folder)
        # Two trainings may share the folder at once, and one process writes a file.
        own = ReferenceCache(self.folder / f"{uuid4().hex}{_SUFFIX}")
        known = self._open_all()
        unknown = [
            {example.id: self._unknown(answers_of(example), example, known) for example in examples}
            for answers_of in (self.objective.answers, self._text_answers)
        ]
        missing = [one for one in examples if any(answers[one.id] for answers in unknown)]
        done = len(examples) - len(missing)
        progress(done, len(examples))
        for start in range(0, len(missing), self.batch_size):
            batch = missing[start : start + self.batch_size]
            own.put(self._compute(batch, unknown))
            done += len(batch)
            progress(done, len(examples))

    def read(self, examples: Sequence[TrainingExample]) -> dict[str, References]:
        """Return what the cache knows of examples for which it was filled, by their ids."""
        known = self._open_all()

        def pick(example: TrainingExample, answers: Sequence[ScoredAnswer]) -> dict[str, float]:
            picked = {}
            for answer in answers:
                value = _look_up(known, self._key(example, answer))
                assert value is not None, "filled before"
                picked[answer.name] = value
            return picked

        return {
            example.id: References(
                pick(example, self.objective.answers(example)),
                pick(example, self._text_answers(example)),
            )
            for example in examples
        }

    def _compute(
        self, examples: Sequence[TrainingExample], unknown: Sequence[_Answers]
    ) -> dict[str, float]:
        layout = Layout(self.maker, self.trainable)
        keys: list[str] = []
        places: list[Tensor] = []
        for answers in unknown:
            for name, of_name in layout.add(examples, partial(_pick, answers)).items():
                keys += [
                    self._key(example, answer)
                    for example in examples
                    for answer in answers[example.id]
                    if answer.name == name
                ]
                places.append(of_name)
        with torch.no_grad(), self.trainable.without_adapter():
            packed = layout.pack().to(self.device)
            values = self.trainable.network(packed)
        return dict(zip(keys, values[torch.cat(places)].tolist(), strict=True))

    def _unknown(
        self,
        answers: Sequence[ScoredAnswer],
        example: TrainingExample,
        known: Sequence[ReferenceCache],
    ) -> tuple[ScoredAnswer, ...]:
        keys = [self._key(example, answer) for answer in answers]
        return tuple(
            answer
            for answer, key in zip(answers, keys, strict=True)
            if _look_up(known, key) is None
        )

    def _text_answers(self, example: TrainingExample) -> tuple[ScoredAnswer, ...]:
        is_asked = self.objective.text_from_reference
        return self.objective.text_answers(example) if is_asked else ()

    def _key(self, example: TrainingExample, answer: ScoredAnswer) -> str:
        return reference_key(
            self.trainable.reference_hash,
            self.maker.messages(example, answer.given),
            self.maker.identities(example, answer.given),
            answer.text,
        )

    def _open_all(self) -> list[ReferenceCache]:
        return [ReferenceCache(path) for path in sorted(self.folder.glob(f"*{_SUFFIX}"))]


def _pick(answers: _Answers, example: TrainingExample) -> tuple[ScoredAnswer, ...]:
    return answers[example.id]


def _look_up(caches: Sequence[ReferenceCache], key: str) -> float | None:
    return next((value for cache in caches if (value := cache.get(key)) is not None), None)

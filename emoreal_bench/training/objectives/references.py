"""The reference's log-probabilities of all examples, computed once and kept on the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
_Unknown = tuple[tuple[ScoredAnswer, ...], tuple[ScoredAnswer, ...]]
"""Answers that are not in the cache, with the clip and without."""


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
        unknown = {example.id: self._unknown(example, known) for example in examples}
        missing = [example for example in examples if any(unknown[example.id])]
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
        self, examples: Sequence[TrainingExample], unknown: Mapping[str, _Unknown]
    ) -> dict[str, float]:
        layout = Layout(self.maker, self.trainable)
        keys: list[str] = []
        places: list[Tensor] = []
        for which in (0, 1):
            found = layout.add(examples, lambda example, which=which: unknown[example.id][which])
            for name, of_name in found.items():
                keys += [
                    self._key(example, answer)
                    for example in examples
                    for answer in unknown[example.id][which]
                    if answer.name == name
                ]
                places.append(of_name)
        with torch.no_grad(), self.trainable.without_adapter():
            packed = layout.pack().to(self.device)
            values = self.trainable.network(packed)
        return dict(zip(keys, values[torch.cat(places)].tolist(), strict=True))

    def _unknown(self, example: TrainingExample, known: Sequence[ReferenceCache]) -> _Unknown:
        def left(answers: Sequence[ScoredAnswer]) -> tuple[ScoredAnswer, ...]:
            return tuple(
                answer for answer in answers if _look_up(known, self._key(example, answer)) is None
            )

        return left(self.objective.answers(example)), left(self._text_answers(example))

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


def _look_up(caches: Sequence[ReferenceCache], key: str) -> float | None:
    return next((value for cache in caches if (value := cache.get(key)) is not None), None)

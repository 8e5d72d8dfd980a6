"""How much the words alone prefer the right answer: the text gap.

It is the log-probability of the chosen answer less that of the rejected ones,
all without picture and sound. AVEm-DPO's text-prior term is gamma times it. A
gap that grows says that the training teaches the prior rather than the clip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import EmorealError
from emoreal_bench.training.config import AvemDpoSettings, Method, MethodSettings
from emoreal_bench.training.examples.batches import Layout, PromptMaker
from emoreal_bench.training.examples.data import TrainingExample
from emoreal_bench.training.examples.packing import PackedBatch
from emoreal_bench.training.objectives import losses
from emoreal_bench.training.objectives.methods import Pass, rated_answers
from emoreal_bench.training.trainable import TrainableModel

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_SAMPLE = 64
"""Pairs on which the gap is watched."""
GROWTH_THAT_WARNS = 2.0
"""In nats, since before the first step."""
_BINS = 12


class Histogram(Record):
    """Counts of values between edges."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class TextGap(Record):
    """The text gap over a sample of pairs, in nats."""

    pairs: int
    mean: float
    positive: float
    """Share of the pairs whose words prefer the right answer."""
    penalty: Histogram | None = None
    """Of gamma times the gap, which shifts the argument of the loss's sigmoid; null for
    methods without the term."""


def sample_evenly(
    examples: Sequence[TrainingExample], largest: int = LARGEST_SAMPLE
) -> list[TrainingExample]:
    """Take examples at even distances, the first among them."""
    count = min(len(examples), largest)
    return [examples[number * len(examples) // count] for number in range(count)]


class TextGapMeter:
    """Measures the text gap on a fixed sample.

    Args:
        trainable: Packs the rows.
        maker: Makes the prompts.
        examples: All pairs.
        method: Weighs the rejected answers; methods without weights count both alike.
        batch_size: Pairs at once.
    """

    def __init__(
        self,
        trainable: TrainableModel,
        maker: PromptMaker,
        examples: Sequence[TrainingExample],
        method: MethodSettings,
        batch_size: int,
    ):
        self._trainable = trainable
        self._maker = maker
        self._sample = sample_evenly(examples)
        self._settings = (
            method
            if isinstance(method, AvemDpoSettings)
            else AvemDpoSettings(name=Method.AVEM_DPO, gamma=0.0)
        )
        self._batch_size = batch_size

    def measure(self, score: Callable[[PackedBatch], Tensor]) -> TextGap:
        """Measure the gap of the model as it is.

        Args:
            score: Gives the log-probabilities of a batch's answers.

        Raises:
            EmorealError: If they are no numbers any more.
        """
        starts = range(0, len(self._sample), self._batch_size)
        gaps = np.concatenate(
            [self._gaps(self._sample[start : start + self._batch_size], score) for start in starts]
        )
        if not np.isfinite(gaps).all():
            raise EmorealError(
                "The model gives its answers probabilities that are no numbers.",
                remedy="Lower optimization.learning_rate, or set hardware.dtype to float32. "
                "Checkpoints of earlier steps are kept.",
            )
        gamma = self._settings.gamma
        return TextGap(
            pairs=len(gaps),
            mean=float(gaps.mean()),
            positive=float((gaps > 0).mean()),
            penalty=_histogram(gamma * gaps) if gamma else None,
        )

    def _gaps(
        self, examples: Sequence[TrainingExample], score: Callable[[PackedBatch], Tensor]
    ) -> NDArray[np.float64]:
        settings, layout = self._settings, Layout(self._maker, self._trainable)
        answers_of = partial(rated_answers, method=settings, given=Pass.TEXT_ONLY)
        places = layout.add(examples, answers_of)
        packed = layout.pack()
        values = score(packed).double().cpu().numpy()
        if settings.per_token:
            values = values / np.array(packed.token_counts)
        weights = {
            losses.HALLUCINATION: settings.beta_hallucination,
            losses.SPURIOUS: settings.beta_spurious,
        }
        gaps: NDArray[np.float64] = values[places[losses.CHOSEN].numpy()]
        for name, weight in weights.items():
            if name in places:
                gaps = gaps - weight * values[places[name].numpy()]
        return gaps


def _histogram(values: NDArray[np.float64]) -> Histogram:
    counts, edges = np.histogram(values, bins=_BINS)
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))

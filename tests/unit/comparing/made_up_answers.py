"""Runs as a check sees them, drawn from made-up models, without a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.comparing.runs import AnsweredRun
from emoreal_bench.contracts.scores import DeliverySummary
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.collect import Collected, Readings
from emoreal_bench.scoring.frame import NO_ANSWER, Frame, build_frame
from tests.run_factory import SUBTASK_ITEMS, MadeUpRun
from tests.unit.scoring.scoring_data import make_item, make_task

ITEMS_PER_CLIP = 1.5
TASK = make_task()


@dataclass(frozen=True)
class StochasticModel:
    """A model that has each item right with a probability of its own.

    Questions of one clip are alike in difficulty, as in a real data set.
    """

    frame: Frame
    chances: NDArray[np.float64]

    def answer(self, source: np.random.Generator) -> NDArray[np.bool_]:
        """Ask every item once."""
        return source.random(self.chances.size) < self.chances

    def worsened(self, by: float) -> StochasticModel:
        """Make a model whose accuracy is lower by so much, spread over all items."""
        return StochasticModel(self.frame, self.chances * (1 - by / self.chances.mean()))


def make_model(source: np.random.Generator, sizes: dict[str, int] | None = None) -> StochasticModel:
    """Make a model, by default over as many items and clips as EmoReAlM has."""
    sizes = sizes or SUBTASK_ITEMS
    names = [name for name, size in sizes.items() for _ in range(size)]
    count = round(len(names) / ITEMS_PER_CLIP)
    clips = source.integers(0, count, len(names))
    items = [
        make_item(str(index), "A", name, choices=_options(name), clip=str(clip))
        for index, (name, clip) in enumerate(zip(names, clips, strict=True))
    ]
    ease = source.beta(0.6, 0.4, count)
    return StochasticModel(build_frame(TASK, items), ease[clips])


def as_run(frame: Frame, right: NDArray[np.bool_]) -> AnsweredRun:
    """Dress answers as a run whose replies were read by the strict rules."""
    answer = np.where(right, frame.gold, NO_ANSWER).astype(np.int8)
    count = right.size
    readings = Readings(Scoring.STRICT, np.zeros(count, np.int8), answer, np.ones(count, np.bool_))
    nothing = np.full(count, np.nan, np.float32)
    status = np.zeros(count, np.int8)
    collected = Collected(status, {Scoring.STRICT: readings}, nothing, nothing, nothing)
    delivery: DeliverySummary | None = None
    return AnsweredRun(Path("run"), MadeUpRun().manifest(), TASK, frame, collected, delivery)


def _options(subtask: str) -> tuple[str, ...]:
    if subtask.startswith("reasoning_basic"):
        return ("(A) a smile", "(B) a frown", "(C) a shrug", "(D) a nod")
    return ("(A) Yes", "(B) No")

"""Evaluation during a training: the adapter as it is, run on a task; the best one is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accelerate.utils import broadcast_object_list

from emoreal_bench.record.files import new_folder
from emoreal_bench.training.config import Evaluation, TaskEvaluation
from emoreal_bench.training.objectives.metrics import EVALUATION, GUARD, READABLE
from emoreal_bench.training.observer import TrainingObserver
from emoreal_bench.training.outputs.callbacks import StateCallback
from emoreal_bench.training.trainer import ADAPTER_FOLDER, PackedTrainer

if TYPE_CHECKING:
    from transformers import TrainerState

EVALUATIONS_FOLDER = "evaluations"
BEST_FOLDER = "best"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a run of a task says of an adapter, under strict.

    Attributes:
        accuracy: The average, in 0..1.
        readable: Share of the model's replies that hold an answer, in 0..1.
    """

    accuracy: float
    readable: float


Evaluate = Callable[["TaskEvaluation", Path, Path], Evaluated]
"""Runs a task on a saved adapter, into a run folder."""

_FALLEN = {
    GUARD: "The guard {task} has fallen from {before:.3f} to {now:.3f}: the training unlearns "
    "what it should not. Lower the learning rate",
    READABLE: "Of the replies to {task} {now:.1%} hold an answer, {before:.1%} before the "
    "training: the model forgets how to answer. Set method.anchor, lower the learning rate",
}
_ENDS_HERE = " The training ends here, as evaluation.stop_on_drop asks."


class EvaluationCallback(StateCallback):
    """Evaluates before the first step, at intervals and after the last.

    The adapter is saved and run as ``--lora`` would run it, so that the score is
    that of the file which is kept. One process evaluates, the others wait.

    Args:
        trainer: Has the adapter.
        settings: What is run, and when.
        evaluate: Runs it.
        folder: Of the training.
        observer: Hears warnings.
    """

    def __init__(
        self,
        trainer: PackedTrainer,
        settings: Evaluation,
        evaluate: Evaluate,
        folder: Path,
        observer: TrainingObserver,
    ):
        self._trainer = trainer
        self._settings = settings
        self._run_task = evaluate
        self._folder = folder
        self._observer = observer

    def begin(self, state: TrainerState) -> None:
        """Evaluate the model as it was."""
        if state.global_step == 0:
            self._evaluate(state)

    def end_step(self, state: TrainerState) -> None:
        """Evaluate where it is due."""
        every = self._settings.every
        is_due = every is not None and state.global_step % every == 0
        if is_due or state.global_step == state.max_steps:
            self._evaluate(state)

    def _evaluate(self, state: TrainerState) -> None:
        place = self._folder / EVALUATIONS_FOLDER / f"step-{state.global_step:06d}"
        adapter = place / ADAPTER_FOLDER
        self._trainer.save_adapter(adapter)
        values: dict[str, float] = {}
        has_fallen = [False]
        if state.is_world_process_zero:
            values = self._measure(adapter, place)
            has_fallen = [self._warn(state, values)]
            task = EVALUATION + self._settings.task.name
            if values[task] > max(_values(state, task), default=-1.0):
                with new_folder(self._folder / BEST_FOLDER, replace=True) as best:
                    shutil.copytree(adapter, best, dirs_exist_ok=True)
            shutil.rmtree(adapter)
        self._trainer.accelerator.wait_for_everyone()
        self._trainer.log_besides(values)
        # All processes have to stop in the same step.
        if broadcast_object_list(has_fallen)[0] and self._settings.stop_on_drop:
            self._trainer.control.should_training_stop = True

    def _measure(self, adapter: Path, place: Path) -> dict[str, float]:
        task, guard = self._settings.task, self._settings.guard
        found = self._run_task(task, adapter, place / "task")
        values = {EVALUATION + task.name: found.accuracy, READABLE + task.name: found.readable}
        if guard is not None:
            values[GUARD + guard.name] = self._run_task(guard, adapter, place / "guard").accuracy
        return values

    def _warn(self, state: TrainerState, values: Mapping[str, float]) -> bool:
        """Warn of what has fallen too far since before the training; whether anything has."""
        fallen = [
            (name, earlier[0], now)
            for name, now in values.items()
            if not name.startswith(EVALUATION) and (earlier := _values(state, name))
            if earlier[0] - now > self._settings.largest_drop
        ]
        for name, before, now in fallen:
            kind, task = name.split("/", 1)
            self._observer.on_notice(
                f"{_FALLEN[f'{kind}/'].format(task=task, before=before, now=now)} or take an "
                f"earlier checkpoint.{_ENDS_HERE if self._settings.stop_on_drop else ''}"
            )
        return bool(fallen)


def _values(state: TrainerState, name: str) -> list[float]:
    return [entry[name] for entry in state.log_history if name in entry]

"""Evaluation during a training: the adapter as it is, run on a task; the best one is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from emoreal_bench.record.files import new_folder
from emoreal_bench.training.config import Evaluation, TaskEvaluation
from emoreal_bench.training.objectives.metrics import EVALUATION, GUARD
from emoreal_bench.training.observer import TrainingObserver
from emoreal_bench.training.outputs.callbacks import StateCallback
from emoreal_bench.training.trainer import ADAPTER_FOLDER, PackedTrainer

if TYPE_CHECKING:
    from transformers import TrainerState

EVALUATIONS_FOLDER = "evaluations"
BEST_FOLDER = "best"

Evaluate = Callable[["TaskEvaluation", Path, Path], float]
"""Runs a task on a saved adapter, into a run folder; gives its average accuracy under strict."""


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
        if state.is_world_process_zero:
            task, guard = self._settings.task, self._settings.guard
            accuracy = self._run_task(task, adapter, place / "task")
            values[EVALUATION + task.name] = accuracy
            if guard is not None:
                values[GUARD + guard.name] = self._run_task(guard, adapter, place / "guard")
                self._warn(state, GUARD + guard.name, values[GUARD + guard.name])
            earlier = _values(state, EVALUATION + task.name)
            if not earlier or accuracy > max(earlier):
                with new_folder(self._folder / BEST_FOLDER, replace=True) as best:
                    shutil.copytree(adapter, best, dirs_exist_ok=True)
            shutil.rmtree(adapter)
        self._trainer.accelerator.wait_for_everyone()
        self._trainer.log_besides(values)

    def _warn(self, state: TrainerState, name: str, now: float) -> None:
        earlier = _values(state, name)
        if earlier and earlier[0] - now > self._settings.largest_drop:
            self._observer.on_notice(
                f"The guard {name.removeprefix(GUARD)} has fallen from {earlier[0]:.3f} to "
                f"{now:.3f}: the training unlearns what it should not. Lower the learning rate "
                "or take an earlier checkpoint."
            )


def _values(state: TrainerState, name: str) -> list[float]:
    return [entry[name] for entry in state.log_history if name in entry]

"""What happens beside the steps: metrics, progress, checkpoints, the text gap."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback, TrainerState

from emoreal_bench.identity import canonical_json, hash_file
from emoreal_bench.model_adapters.local.file_faults import COMPLETE_FILE, damaged_files
from emoreal_bench.record.files import write_atomically
from emoreal_bench.training.objectives.losses import CHOSEN_LIKELIHOOD
from emoreal_bench.training.objectives.metrics import (
    METRICS_FILE,
    STEP,
    TEXT_GAP,
    TEXT_GAP_POSITIVE,
    append_metrics,
    write_metrics,
)
from emoreal_bench.training.objectives.text_gap import GROWTH_THAT_WARNS, TextGapMeter
from emoreal_bench.training.observer import Progress, TrainingObserver

if TYPE_CHECKING:
    from emoreal_bench.training.trainer import PackedTrainer

_CHECKPOINT_PREFIX = "checkpoint-"
_CHECKPOINT = re.compile(rf"{_CHECKPOINT_PREFIX}([0-9]+)")
FALL_THAT_WARNS = 1.0
"""Of the right answers' log-likelihood, in nats a token since the first steps."""
_STATE = 1
"""Place of the state in what the Trainer tells: arguments, state, control."""


class StateCallback(TrainerCallback):
    """Hears of the state of a training; override what is of interest."""

    def begin(self, state: TrainerState) -> None:
        """Hear that a sitting begins."""

    def end_step(self, state: TrainerState) -> None:
        """Hear that a step was taken."""

    def saved(self, state: TrainerState) -> None:
        """Hear that this process has written its part of a checkpoint."""

    def logged(self, state: TrainerState, logs: Mapping[str, float]) -> None:
        """Hear of measurements."""

    def on_train_begin(self, *heard: Any, **_: Any) -> None:
        """Pass the event on."""
        self.begin(heard[_STATE])

    def on_step_end(self, *heard: Any, **_: Any) -> None:
        """Pass the event on."""
        self.end_step(heard[_STATE])

    def on_save(self, *heard: Any, **_: Any) -> None:
        """Pass the event on."""
        self.saved(heard[_STATE])

    def on_log(self, *heard: Any, **more: Any) -> None:
        """Pass the event on."""
        self.logged(heard[_STATE], more["logs"])


class MetricsCallback(StateCallback):
    """Keeps ``metrics.jsonl`` and tells the observer.

    Args:
        folder: Of the training.
        observer: Hears every line.
    """

    def __init__(self, folder: Path, observer: TrainingObserver):
        self._path = folder / METRICS_FILE
        self._observer = observer

    def begin(self, state: TrainerState) -> None:
        """Write the lines up to the checkpoint that the training goes on from."""
        if state.is_world_process_zero:
            write_metrics(self._path, [_step_first(entry) for entry in state.log_history])

    def logged(self, state: TrainerState, logs: Mapping[str, float]) -> None:
        """Append a line."""
        if state.is_world_process_zero and logs:
            entry = _step_first({**logs, STEP: state.global_step})
            append_metrics(self._path, entry)
            self._observer.on_metrics(entry)


def _step_first(entry: Mapping[str, float]) -> dict[str, float]:
    # A checkpoint keeps the names in order; so the lines before and after it are alike.
    return {STEP: entry[STEP], **dict(sorted(entry.items()))}


class ProgressCallback(StateCallback):
    """Moves a bar.

    Args:
        progress: Hears how many of how many steps are done.
    """

    def __init__(self, progress: Progress):
        self._progress = progress

    def end_step(self, state: TrainerState) -> None:
        """Move the bar."""
        if state.is_world_process_zero:
            self._progress(state.global_step, state.max_steps)


class LikelihoodCallback(StateCallback):
    """Warns if the right answers become unlikely, as a preference without an anchor lets them.

    Args:
        observer: Hears the warning.
    """

    def __init__(self, observer: TrainingObserver):
        self._observer = observer
        self._has_warned = False

    def logged(self, state: TrainerState, logs: Mapping[str, float]) -> None:
        """Compare with the first steps."""
        if not state.is_world_process_zero or self._has_warned or CHOSEN_LIKELIHOOD not in logs:
            return
        first = next(
            entry[CHOSEN_LIKELIHOOD] for entry in state.log_history if CHOSEN_LIKELIHOOD in entry
        )
        fall = first - logs[CHOSEN_LIKELIHOOD]
        if fall > FALL_THAT_WARNS:
            self._has_warned = True
            self._observer.on_notice(
                f"The right answers' log-likelihood has fallen by {fall:.1f} nats a token: the "
                "model may write neither answer in the end. Set method.anchor, for example to "
                "0.2, or lower the learning rate."
            )


class CheckpointCallback(StateCallback):
    """Marks a checkpoint once all processes have written their part.

    Args:
        trainer: Writes them.
    """

    def __init__(self, trainer: PackedTrainer):
        self._trainer = trainer

    def saved(self, state: TrainerState) -> None:
        """Mark the checkpoint."""
        self._trainer.accelerator.wait_for_everyone()
        if state.is_world_process_zero:
            folder = (
                Path(str(self._trainer.args.output_dir))
                / f"{_CHECKPOINT_PREFIX}{state.global_step}"
            )
            mark_complete(folder)


def find_checkpoint(folder: Path) -> Path | None:
    """Find the last checkpoint that was written to its end.

    Args:
        folder: Of all checkpoints.
    """
    steps = {
        step: path for step, path in _checkpoints(folder).items() if (path / COMPLETE_FILE).exists()
    }
    return steps[max(steps)] if steps else None


def _checkpoints(folder: Path) -> dict[int, Path]:
    """Return what has the name of a checkpoint, by its step; a copy of one has another name."""
    named = ((_CHECKPOINT.fullmatch(path.name), path) for path in sorted(folder.glob("*")))
    return {int(match[1]): path for match, path in named if match is not None}


def clear_checkpoints(folder: Path, observer: TrainingObserver) -> None:
    """Remove checkpoints that were never finished, and put damaged ones aside.

    Args:
        folder: Of all checkpoints.
        observer: Hears of what is damaged.
    """
    for path in _checkpoints(folder).values():
        if not path.is_dir():
            put_aside(path, ["what stands in its place"], observer)
        elif not os.path.lexists(path / COMPLETE_FILE):
            path.unlink() if path.is_symlink() else shutil.rmtree(path)
        elif damaged := damaged_files(path):
            put_aside(path, damaged, observer)


def mark_complete(folder: Path) -> None:
    """Say of a checkpoint or an adapter that its files are all written, and what they hold.

    Args:
        folder: Of the checkpoint or the adapter.

    Raises:
        RunError: If the system refuses.
    """
    mark = folder / COMPLETE_FILE
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != mark]
    hashes = {path.relative_to(folder).as_posix(): hash_file(path) for path in files}
    write_atomically(mark, [canonical_json(hashes).encode()])


def put_aside(folder: Path, damaged: Sequence[str], observer: TrainingObserver) -> None:
    """Give a damaged checkpoint or adapter another name, and say so.

    Args:
        folder: Of the checkpoint or the adapter.
        damaged: What in it is damaged.
        observer: Hears of it.
    """
    aside = folder.with_name(f"damaged-{folder.name}")
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside)
    else:
        aside.unlink(missing_ok=True)
    folder.rename(aside)
    observer.on_notice(
        f"{folder.name} is not gone on from, since {', '.join(damaged)} is not as it was "
        f"written. It is kept as {aside.name}."
    )


class TextGapCallback(StateCallback):
    """Measures the text gap before the first step, at intervals and at the end; warns if it grows.

    Args:
        trainer: Scores answers.
        meter: Measures.
        every: Steps between.
        observer: Hears the warning.
    """

    def __init__(
        self, trainer: PackedTrainer, meter: TextGapMeter, every: int, observer: TrainingObserver
    ):
        self._trainer = trainer
        self._meter = meter
        self._every = every
        self._observer = observer
        self._has_warned = False

    def begin(self, state: TrainerState) -> None:
        """Measure the model as it was."""
        if state.global_step == 0:
            self._measure()

    def end_step(self, state: TrainerState) -> None:
        """Measure where it is due."""
        if state.global_step % self._every == 0 or state.global_step == state.max_steps:
            self._measure()
            self._warn(state)

    def _measure(self) -> None:
        gap = self._meter.measure(self._trainer.score_without_gradient)
        self._trainer.log_besides({TEXT_GAP: gap.mean, TEXT_GAP_POSITIVE: gap.positive})

    def _warn(self, state: TrainerState) -> None:
        gaps = [entry[TEXT_GAP] for entry in state.log_history if TEXT_GAP in entry]
        growth = gaps[-1] - gaps[0]
        is_misled = gaps[-1] > 0 and growth > GROWTH_THAT_WARNS
        if state.is_world_process_zero and is_misled and not self._has_warned:
            self._has_warned = True
            self._observer.on_notice(
                f"The text gap has grown by {growth:.1f} nats to {gaps[-1]:.1f}: the training "
                "teaches what the words suggest rather than what the clip shows. Balance the "
                "pairs (emoreal-bench prefs balance), or lower gamma or the learning rate."
            )

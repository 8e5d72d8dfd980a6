"""A training from its configuration to its checkpoint."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from emoreal_bench.contracts.errors import NotComparableError, UsageError
from emoreal_bench.contracts.training_record import TrainingRecord
from emoreal_bench.model_adapters.local.lora import find_damage, read_training, refuse_changed
from emoreal_bench.processes import importing_nothing_from_here
from emoreal_bench.record.files import new_folder, write_atomically
from emoreal_bench.record.folder import RunFolder
from emoreal_bench.training.config import TrainingConfig
from emoreal_bench.training.evaluating import BEST_FOLDER, Evaluate, EvaluationCallback
from emoreal_bench.training.examples.batches import BatchMaker
from emoreal_bench.training.objectives.metrics import METRICS_FILE, Metrics, read_metrics
from emoreal_bench.training.observer import Progress, TrainingObserver
from emoreal_bench.training.outputs.callbacks import (
    CheckpointCallback,
    LikelihoodCallback,
    MetricsCallback,
    ProgressCallback,
    TextGapCallback,
    clear_checkpoints,
    find_checkpoint,
    mark_complete,
    put_aside,
)
from emoreal_bench.training.outputs.card import CARD_FILE, write_card, write_record
from emoreal_bench.training.outputs.checkpoint_states import check_record
from emoreal_bench.training.outputs.curves import CURVES_FILE, write_curves
from emoreal_bench.training.preparation import ClipsOf, Preparation, prepare_training
from emoreal_bench.training.trainer import ADAPTER_FOLDER, CHECKPOINTS_FOLDER, PackedTrainer

STATISTICS_FILE = "statistics.json"

_MAY_CHANGE = frozenset(
    {
        "out",
        "hardware",
        "reference",
        "evaluation",
        "checkpoint_every",
        "log_every",
        "trackers",
        "max_clip_seconds",
    }
)
"""Keys of the configuration that decide no weight."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training left behind.

    Attributes:
        folder: Of the training.
        adapter: Folder of the adapter after the last step, for ``--lora``.
        best: Folder of the adapter with the best evaluation; None without evaluation.
        steps: How many steps there were.
        metrics: The lines of ``metrics.jsonl``.
        process: Number of the process that gives it, of those that trained together.
    """

    folder: Path
    adapter: Path
    best: Path | None
    steps: int
    metrics: Sequence[Metrics]
    process: int = 0

    def lines(self) -> list[str]:
        """Return it as lines for people."""
        lines = [f"adapter after {self.steps} steps: {self.adapter}"]
        if self.best is not None:
            lines.append(f"adapter with the best evaluation: {self.best}")
        return [*lines, f"card: {self.adapter / CARD_FILE}, curve: {self.folder / CURVES_FILE}"]

    def to_json(self) -> dict[str, Any]:
        """Return the result as ``emoreal-bench train --json`` prints it."""
        return {
            "folder": str(self.folder),
            "adapter": str(self.adapter),
            "best": None if self.best is None else str(self.best),
            "steps": self.steps,
            "metrics": [dict(entry) for entry in self.metrics],
        }


@dataclass(frozen=True, slots=True)
class TrainingTools:
    """What a training needs of the rest of the project.

    Attributes:
        evaluate: Runs a task on a saved adapter.
        clips_of: Gives the clips that an evaluation asks about.
        observer: Hears how it goes.
    """

    evaluate: Evaluate
    clips_of: ClipsOf
    observer: TrainingObserver


def run_training(
    config: TrainingConfig, tools: TrainingTools, *, resume: bool = False
) -> TrainingResult:
    """Train, or go on with a training that was stopped.

    Args:
        config: Of the training.
        tools: What it needs besides.
        resume: Go on with what ``config.out`` holds.

    Raises:
        UsageError: If the folder holds a training and ``resume`` is false, or a name
            does not exist.
        NotComparableError: If the folder holds another training.
        DataError: If the data is not valid or does not suit the method.
        RunError: If the folder is in use or cannot be written.
        EmorealError: If the loss is no number.
    """
    found = _read_begun(config.out, resume=resume)
    if resume and found is None:
        tools.observer.on_notice(f"{config.out} holds no training to go on with: a new one begins.")
    prepared = prepare_training(config, tools.clips_of)
    with ExitStack() as held:
        is_finished = _is_finished(prepared)
        if prepared.arguments.process_index == 0:
            folder = held.enter_context(RunFolder(config.out))
            for note in folder.notes:
                tools.observer.on_notice(note)
            _begin(config.out, prepared.record, found)
            clear_checkpoints(config.out / CHECKPOINTS_FOLDER, tools.observer)
            _clear_adapter(config.out / ADAPTER_FOLDER, tools.observer)
        if found is None or not is_finished:
            _train(prepared, tools)
    return _read_result(config.out, prepared.arguments.process_index)


def _read_begun(folder: Path, *, resume: bool) -> TrainingRecord | None:
    found = read_training(folder) if folder.is_dir() else None
    if found is not None and not resume:
        raise UsageError(
            "The folder holds a training.",
            where=str(folder),
            remedy="Go on with it by --resume, or name another folder under out.",
        )
    return found


def _begin(folder: Path, record: TrainingRecord, found: TrainingRecord | None) -> None:
    if found is None:
        write_record(folder, record)
        return
    differing = _differences(found, record)
    if differing:
        raise NotComparableError(
            f"The folder holds another training; these differ: {', '.join(differing)}.",
            where=str(folder),
            remedy="Name another folder under out, or bring the configuration back.",
        )


def _is_finished(prepared: Preparation) -> bool:
    """Return, in all processes alike, whether the adapter after the last step is there, whole."""
    adapter = prepared.config.out / ADAPTER_FOLDER
    is_finished = adapter.is_dir() and not find_damage(adapter)
    if prepared.arguments.world_size > 1:
        # The first process puts a damaged one aside: not before all have looked.
        torch.distributed.barrier()
    return is_finished


def _clear_adapter(adapter: Path, observer: TrainingObserver) -> None:
    damage = find_damage(adapter) if os.path.lexists(adapter) else []
    if damage:
        put_aside(adapter, damage, observer)


def _differences(old: TrainingRecord, new: TrainingRecord) -> list[str]:
    keys = [key for key in old.config | new.config if key not in _MAY_CHANGE]
    differing = [key for key in keys if old.config.get(key) != new.config.get(key)]
    if old.config["hardware"]["dtype"] != new.config["hardware"]["dtype"]:
        differing.append("hardware.dtype")
    if _ends_on_drop(old) != _ends_on_drop(new):
        differing.append("evaluation.stop_on_drop")
    if old.data_hash != new.data_hash and "data" not in differing:
        differing.append("what the data files hold")
    if old.base_weights_hash != new.base_weights_hash and "model" not in differing:
        differing.append("the weights of the model")
    return differing


def _ends_on_drop(record: TrainingRecord) -> bool:
    """Return whether an evaluation may end the training, and so decides its weights."""
    return bool((record.config.get("evaluation") or {}).get("stop_on_drop"))


def _train(prepared: Preparation, tools: TrainingTools) -> None:
    config, observer = prepared.config, tools.observer
    is_first = prepared.arguments.process_index == 0
    statistics = prepared.measure()
    if is_first:
        text = statistics.model_dump_json(indent=2)
        write_atomically(config.out / STATISTICS_FILE, [text.encode(), b"\n"])
        observer.on_lines(statistics.lines())
    references = prepared.collect_references(observer)
    trainer = PackedTrainer(
        prepared.trainable,
        prepared.objective,
        prepared.arguments,
        prepared.data.examples,
        BatchMaker(prepared.trainable, prepared.objective, prepared.maker, references),
        lambda folder, step: _finish_adapter(folder, step, prepared.record),
    )
    checkpoint = find_checkpoint(config.out / CHECKPOINTS_FOLDER)
    if checkpoint is not None:
        check_record(checkpoint)
        prepared.trainable.load_adapter(checkpoint / ADAPTER_FOLDER)
    with observer.count("steps") as progress, importing_nothing_from_here():
        _add_callbacks(trainer, prepared, tools, progress)
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    # All processes have to take part, though only the first writes.
    final = config.out / ADAPTER_FOLDER
    with new_folder(final, replace=True) if is_first else nullcontext(final) as draft:
        trainer.save_adapter(draft)
        if is_first:
            _finish(config.out, draft)
    trainer.accelerator.wait_for_everyone()


def _finish_adapter(folder: Path, step: int, record: TrainingRecord) -> None:
    write_record(folder, record.model_copy(update={"step": step}))
    mark_complete(folder)


def _add_callbacks(
    trainer: PackedTrainer, prepared: Preparation, tools: TrainingTools, progress: Progress
) -> None:
    config, observer = prepared.config, tools.observer
    trainer.add_callback(MetricsCallback(config.out, observer))
    trainer.add_callback(ProgressCallback(progress))
    trainer.add_callback(LikelihoodCallback(observer))
    if prepared.meter is not None:
        every = config.checkpoint_every
        trainer.add_callback(TextGapCallback(trainer, prepared.meter, every, observer))
    if config.evaluation is not None:
        trainer.add_callback(
            EvaluationCallback(trainer, config.evaluation, tools.evaluate, config.out, observer)
        )
    trainer.add_callback(CheckpointCallback(trainer))


def _finish(folder: Path, draft: Path) -> None:
    """Add curves and cards."""
    entries = read_metrics(folder / METRICS_FILE)
    write_curves(folder, entries)
    for made, final in ((folder / BEST_FOLDER, BEST_FOLDER), (draft, ADAPTER_FOLDER)):
        record = read_training(made) if made.is_dir() else None
        if record is not None:
            write_card(made, folder / final, record, entries)


def _read_result(folder: Path, process: int) -> TrainingResult:
    adapter, best = folder / ADAPTER_FOLDER, folder / BEST_FOLDER
    if best.is_dir():
        refuse_changed(best)
    record = read_training(adapter)
    assert record is not None, "written with the adapter"
    return TrainingResult(
        folder=folder,
        adapter=adapter,
        best=best if best.is_dir() else None,
        steps=record.step,
        metrics=read_metrics(folder / METRICS_FILE),
        process=process,
    )

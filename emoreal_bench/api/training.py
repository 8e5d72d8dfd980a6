"""Training checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from emoreal_bench.api.evaluating import RunOptions, evaluate, load_data
from emoreal_bench.contracts.base import argument_text
from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, Outcome
from emoreal_bench.reporting.terminal.scores import count_outcomes
from emoreal_bench.running.plan import PlanOptions
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.training.config import TrainingConfig, read_config
from emoreal_bench.training.observer import TrainingObserver

if TYPE_CHECKING:
    from emoreal_bench.contracts.item import Clip
    from emoreal_bench.contracts.scores import ScoringReport
    from emoreal_bench.training.config import TaskEvaluation
    from emoreal_bench.training.outputs.statistics import TrainingStatistics
    from emoreal_bench.training.run import TrainingResult, TrainingTools

_WRITTEN = (
    Outcome.ANSWERED,
    Outcome.STATEMENT,
    Outcome.UNPARSABLE,
    Outcome.TRUNCATED,
    Outcome.REFUSED,
)
"""Outcomes of replies that the model itself wrote."""
_MODULES = ("torch", "transformers", "accelerate", "peft")


def train(
    config: TrainingConfig | Path,
    observer: TrainingObserver | None = None,
    *,
    resume: bool = False,
    max_clip_seconds: float | None = None,
) -> TrainingResult:
    """Train a LoRA adapter, or go on with a training that was stopped.

    Args:
        config: The configuration, or its YAML file.
        observer: Hears how it goes.
        resume: Go on with what the folder ``out`` of the configuration holds.
        max_clip_seconds: Longest clip that is decoded; as in the configuration if not given.

    Raises:
        UsageError: For a wrong configuration or name, or if the folder holds a training
            and ``resume`` is false.
        MissingExtraError: If the extra ``train`` is not installed.
        DataError: If the data is not valid or does not suit the method.
        NotComparableError: If the folder holds another training.
        RunError: If the folder is in use or cannot be written.
    """
    checked = _check(config, max_clip_seconds)
    from emoreal_bench.training.run import run_training

    return run_training(checked, _make_tools(checked, observer), resume=resume)


def preview_training(
    config: TrainingConfig | Path, *, max_clip_seconds: float | None = None
) -> TrainingStatistics:
    """Return what :func:`train` would compute, without a step: pairs, lengths, tokens, text gap.

    Args:
        config: The configuration, or its YAML file.
        max_clip_seconds: As for :func:`train`.

    Raises:
        UsageError, MissingExtraError, DataError: As :func:`train`.
    """
    checked = _check(config, max_clip_seconds)
    from emoreal_bench.training.preparation import prepare_training

    return prepare_training(checked, _clips_of).measure()


def _check(config: TrainingConfig | Path, max_clip_seconds: float | None) -> TrainingConfig:
    from importlib.util import find_spec

    checked = read_config(config) if isinstance(config, Path) else config
    if any(find_spec(module) is None for module in _MODULES):
        raise MissingExtraError("Training", "train")
    if max_clip_seconds is None:
        return checked
    return checked.model_copy(update={"max_clip_seconds": max_clip_seconds})


def _make_tools(config: TrainingConfig, observer: TrainingObserver | None) -> TrainingTools:
    from emoreal_bench.training.evaluating import Evaluated
    from emoreal_bench.training.run import TrainingTools

    def run_task(evaluation: TaskEvaluation, adapter: Path, folder: Path) -> Evaluated:
        options = RunOptions(
            plan=PlanOptions(variant=evaluation.variant, limit=evaluation.limit),
            data_options=_as_texts(evaluation.options),
            model_arguments=_as_texts(config.model_arguments),
            lora=adapter,
            out=folder,
            policy=RunPolicy(max_clip_seconds=config.max_clip_seconds),
        )
        report = evaluate(config.model, evaluation.task, evaluation.folder, options)
        scores = report.results.scores[HEADLINE_SCORING]
        if scores.average_accuracy is None:
            raise UsageError(
                f"The task {evaluation.name} has no accuracy, so it cannot choose a checkpoint.",
                remedy="Name a task whose answers are scored under evaluation.",
            )
        return Evaluated(scores.average_accuracy, _readable_share(scores))

    return TrainingTools(run_task, _clips_of, observer or TrainingObserver())


def _clips_of(evaluation: TaskEvaluation) -> Mapping[str, Clip]:
    options = RunOptions(data_options=_as_texts(evaluation.options))
    return load_data(evaluation.task, evaluation.folder, options)[2].clips


def _readable_share(scores: ScoringReport) -> float:
    """Return which share of what the model wrote holds an answer; 1 if it wrote nothing."""
    counts = count_outcomes(scores.subtasks)
    written = sum(counts[outcome] for outcome in _WRITTEN)
    return counts[Outcome.ANSWERED] / written if written else 1.0


def _as_texts(values: Mapping[str, str | int | float | bool]) -> dict[str, str]:
    return {key: str(argument_text(value)) for key, value in values.items()}

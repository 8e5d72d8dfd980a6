"""The scores of a run where a team keeps those of its other experiments.

Each service is reached through its own client, which is installed by whoever
uses it. Only scores, identities and settings leave this machine: no question,
no reply, no clip.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from emoreal_bench.contracts.errors import MissingExtraError, RunError
from emoreal_bench.contracts.scores import Results, SubtaskScores
from emoreal_bench.contracts.vocabulary import Tracker
from emoreal_bench.printable import plain_text
from emoreal_bench.record.finished import FinishedRun

T = TypeVar("T")

# What MLflow takes in the name of a metric or parameter on every system; it takes colons too,
# but not on Windows. Letters of any script are letters to it.
_UNSAFE = re.compile(r"[^\w.\- ]")
_LONGEST_NAME = 250


def send_scores(report: FinishedRun, tracker: Tracker, project: str) -> None:
    """Write a run's scores, identity and settings into a tracker.

    Where the tracker is, and whether it is reached at once or later, is for its
    own client to know: its login, its environment variables, its files.

    Args:
        report: The run.
        tracker: The service.
        project: The project (Weights & Biases) or experiment (MLflow).

    Raises:
        MissingExtraError: If the service's client is not installed.
        RunError: If MLflow does not take the scores.
    """
    try:
        match tracker:
            case Tracker.WANDB:
                _send_to_wandb(report, project)
            case Tracker.MLFLOW:
                _send_to_mlflow(report, project)
    except ImportError as error:
        raise MissingExtraError(f"Sending scores to {tracker}", tracker.value) from error


def all_scores(results: Results) -> dict[str, float]:
    """Return every defined score and bound of an interval by its path.

    Paths read ``strict/modality_agreement/accuracy``; bounds have ``.low`` and
    ``.high`` behind them. All fractions are in 0..1.
    """
    scores = {"coverage": results.coverage.fraction}
    for scoring, report in results.scores.items():
        if report.average_accuracy is not None:
            scores[f"{scoring}/average_accuracy"] = report.average_accuracy
        if report.average_accuracy_interval is not None:
            low, high = report.average_accuracy_interval
            scores[f"{scoring}/average_accuracy.low"] = low
            scores[f"{scoring}/average_accuracy.high"] = high
        for name, subtask in report.subtasks.items():
            scores |= {f"{scoring}/{name}/{key}": value for key, value in _numbers(subtask)}
    for name, judged in (results.judged or {}).items():
        for dimension, score in judged.scores.items():
            if score.mean is not None:
                scores[f"judged/{name}/{dimension}"] = score.mean
    return scores


def settings_of(report: FinishedRun) -> dict[str, Any]:
    """Return what tells a run from others: who was asked what, and under which identities."""
    manifest = report.manifest
    asked: dict[str, Any] = {
        "answer_method": manifest.request.answer_method.value,
        "modalities": ",".join(manifest.request.media.modalities),
        "alteration": manifest.request.media.alteration.value,
        "shots": manifest.request.shots,
    }
    return {
        "model": plain_text(manifest.model.name),
        "weights_hash": manifest.model.weights_hash,
        "task": manifest.task,
        "task_version": manifest.task_version,
        "variant": manifest.request.variant,
        # Of imported replies nobody knows how they were asked for.
        **(asked if manifest.imported is None else {}),
        "items": manifest.data.items,
        "data_hash": manifest.data.hash,
        "request_hash": manifest.request.hash,
        "scoring_hash": report.results.scoring_hash,
        "emoreal_bench_version": manifest.emoreal_bench_version,
    }


def _numbers(scores: SubtaskScores) -> list[tuple[str, float]]:
    found = [
        (name, float(value))
        for name, value in scores.model_dump(exclude={"outcomes", "n"}).items()
        if isinstance(value, int | float)
    ]
    for name, (low, high) in scores.intervals.items():
        found += [(f"{name}.low", low), (f"{name}.high", high)]
    return found


def _send_to_wandb(report: FinishedRun, project: str) -> None:
    import wandb

    # The id makes one row of a run that is sent twice.
    name = report.manifest.run_id
    with wandb.init(
        project=project, id=name, name=name, resume="allow", config=settings_of(report)
    ) as run:
        run.summary.update(all_scores(report.results))


def _send_to_mlflow(report: FinishedRun, project: str) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        mlflow.set_experiment(project)
        run = mlflow.start_run(run_name=report.manifest.run_id)
        try:
            with run:
                mlflow.log_params(_with_safe_names(settings_of(report)))
                mlflow.log_metrics(_with_safe_names(all_scores(report.results)))
        except MlflowException:
            # Half a run that is marked as failed says of the model what is not true.
            mlflow.delete_run(run.info.run_id)
            raise
    except MlflowException as error:
        raise RunError(
            f"MLflow did not take the scores: {plain_text(str(error), 300)}",
            where=report.manifest.run_id,
            remedy="Nothing of the run was left there. Look after its server and send it again.",
        ) from error


def _with_safe_names(values: Mapping[str, T]) -> dict[str, T]:
    """Name values as MLflow takes them: other characters become underscores.

    Names that would become the same are told apart by a number.
    """
    named: dict[str, T] = {}
    for name, value in values.items():
        parts = [_UNSAFE.sub("_", part) for part in name.split("/")]
        # Neither "a//b" nor "a/../b" is a name to MLflow.
        parts = [part if part.strip(".") else "_" * max(len(part), 1) for part in parts]
        if len(name) > _LONGEST_NAME:
            # Each part is cut, so that the name of the metric at the end stays.
            parts = [part[: _LONGEST_NAME // len(parts) - 1] or "_" for part in parts]
        safe = "/".join(parts)[:_LONGEST_NAME]
        unique, number = safe, 1
        while unique in named:
            number += 1
            end = f"_{number}"
            unique = safe[: _LONGEST_NAME - len(end)] + end
        named[unique] = value
    return named

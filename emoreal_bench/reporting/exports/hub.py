"""What the Hugging Face hub shows of runs and data sets, written by its own library.

``.eval_results/NAME.yaml`` in a model's repository and ``eval.yaml`` in a data set's are what the
hub reads today (https://huggingface.co/docs/hub/eval-results). ``model-index`` in the metadata
of a card is the older way, still read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from emoreal_bench.contracts.adapter import LoraIdentity
from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.scores import Interval
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING
from emoreal_bench.identity import short
from emoreal_bench.printable import plain_text
from emoreal_bench.record.files import write_atomically
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.exports.names import adapted_name, path_part, public_name
from emoreal_bench.reporting.exports.table_files import Sheet, markdown_of
from emoreal_bench.running.reasons import lacks_in_words
from emoreal_bench.scoring.metrics import metric_of
from emoreal_bench.text import percent, percent_interval, words

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

FRAMEWORK = "emoreal-bench"
RESULTS_FOLDER = ".eval_results"
MODEL_INDEX_SCORES = {
    "accuracy": "accuracy",
    "standard_f1": "f1",
    "uar": "uar",
    "war": "war",
    "pair_accuracy": "pair_accuracy",
}
"""What a model card tells of each subtask, and its type there.

The hub knows F1 in its standard sense only; that of the paper is another number.
"""
ADAPTER_TAGS = ("lora", "emotion-recognition", "emoreal-bench")
_DATASET_ID = re.compile(r"[\w.-]+/[\w.-]+")
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class HubSource:
    """What the hub is told of a result beside its number.

    Attributes:
        dataset: Id of the benchmark on the hub; None for the one that the task names.
        revision: Commit of the data set.
        url: Where the run can be looked at.
    """

    dataset: str | None = None
    revision: str | None = None
    url: str | None = None


def write_eval_results(report: FinishedRun, out: Path, source: HubSource | None = None) -> Path:
    """Write a run's headline scores as the hub reads them from a model's repository.

    The average stands under the task's name, each subtask under its own: the ids that
    :func:`eval_yaml` writes for the data set.

    Args:
        report: The run; complete, since the hub shows no coverage.
        out: The folder of the model's repository.
        source: What is said beside the numbers.

    Returns:
        The file.

    Raises:
        UsageError: If the run is incomplete or was judged, or no data set is known.
        MissingExtraError: If ``huggingface_hub`` is not installed.
    """
    _refuse_incomplete(report)
    source = source or HubSource()
    dataset = source.dataset or _dataset_of(report.manifest)
    if dataset is None or _DATASET_ID.fullmatch(dataset) is None:
        raise UsageError(
            f"The hub keeps results by data set, and {dataset or report.manifest.task} is the id "
            "of none there.",
            remedy="Name it: --dataset ORGANIZATION/NAME",
        )
    try:
        from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
    except ImportError as error:
        raise MissingExtraError("Results for the hub", "data") from error
    entries = [
        EvalResultEntry(
            dataset_id=dataset,
            task_id=task_id,
            value=round(100 * value, 4),
            dataset_revision=source.revision,
            date=report.manifest.created,
            source_url=source.url,
            source_name=None if source.url is None else "EmoReal Bench",
            notes=_notes(report, subtask),
        )
        for task_id, subtask, value in _accuracies(report)
    ]
    path = out / RESULTS_FOLDER / f"{path_part(report.manifest.task)}.yaml"
    write_atomically(path, [_yaml(eval_result_entries_to_yaml(entries))])
    return path


def eval_yaml(task: Task) -> bytes:
    """Return what makes a data set's repository a benchmark on the hub: its ``eval.yaml``."""
    ids = [task.name, *(task.subtasks if len(task.subtasks) > 1 else ())]
    split = task.data.split
    return _yaml(
        {
            "name": task.title,
            "description": task.description,
            "evaluation_framework": FRAMEWORK,
            "tasks": [{"id": name, "config": "default", "split": split} for name in ids],
        }
    )


def write_model_card(report: FinishedRun, path: Path) -> None:
    """Put a run's headline scores into the metadata of a model card, as its ``model-index``.

    A card that is there keeps its text and the results of other tasks; results
    of the same task are replaced. A new one has the scores as a table too. Nothing is uploaded.
    Where the run's model carries a LoRA adapter the card is that of the adapter, and names the
    base.

    Args:
        report: The run; complete, since a model card shows no coverage.
        path: The card, a Markdown file; made if it is not there.

    Raises:
        UsageError: If the run is incomplete or was judged, or the file is no card.
        MissingExtraError: If ``huggingface_hub`` is not installed.
        RunError: If the file cannot be written.
    """
    _refuse_incomplete(report)
    try:
        from huggingface_hub import ModelCard
    except ImportError as error:
        raise MissingExtraError("A model card", "data") from error
    card = ModelCard(f"---\n{{}}\n---\n{_body(report)}", ignore_metadata_errors=True)
    with _as_a_card(path):
        if path.is_file():
            card = ModelCard(path.read_text(encoding="utf-8"))
        data = cast("ModelCardData", card.data)
        task = report.manifest.task
        others = [entry for entry in data.eval_results or [] if entry.dataset_type != task]
        data.model_name = data.model_name or adapted_name(report.manifest)
        data.eval_results = [*others, *_model_index(report)]
        if report.manifest.model.lora is not None:
            _name_base(data, report.manifest.model.lora)
        written = str(card).encode("utf-8")
    write_atomically(path, [written])


def adapter_metadata(base: str) -> dict[str, Any]:
    """Return the metadata of a LoRA adapter's card.

    Args:
        base: The model that it was trained on, ``provider/model``.
    """
    return {
        "base_model": public_name(base),
        "library_name": "peft",
        "tags": list(ADAPTER_TAGS),
        "metrics": ["accuracy"],
    }


def _name_base(data: ModelCardData, lora: LoraIdentity) -> None:
    """Say what the adapter of a card belongs to; what somebody wrote there stays."""
    for name, value in adapter_metadata(lora.base).items():
        written = getattr(data, name)
        if isinstance(value, list):
            setattr(data, name, list(dict.fromkeys([*(written or []), *value])))
        elif written is None:
            setattr(data, name, value)


def _refuse_incomplete(report: FinishedRun) -> None:
    where = str(report.folder or report.manifest.run_id)
    if HEADLINE_SCORING not in report.results.scores:
        raise UsageError(
            f"The run has no scores under {HEADLINE_SCORING}, so there is nothing to publish.",
            where=where,
        )
    if not report.is_complete:
        problems, remedies = lacks_in_words(report.manifest, report.results)
        problem = "The hub shows no coverage, so only complete runs with scored answers go there."
        raise UsageError(f"{problem} {problems}".strip(), where=where, remedy=remedies)


def _dataset_of(manifest: Manifest) -> str | None:
    download = manifest.task_definition.get("data", {}).get("download")
    hub = download.get("hub") if isinstance(download, dict) else None
    return hub if isinstance(hub, str) else None


def _accuracies(report: FinishedRun) -> Iterator[tuple[str, str | None, float]]:
    """Return the id of each number, its subtask, and the number."""
    scores = report.results.scores[HEADLINE_SCORING]
    if scores.average_accuracy is not None:
        yield report.manifest.task, None, scores.average_accuracy
    if len(scores.subtasks) > 1:
        for name, subtask in scores.subtasks.items():
            if subtask.accuracy is not None:
                yield name, name, subtask.accuracy


def _notes(report: FinishedRun, subtask: str | None) -> str:
    manifest, scores = report.manifest, report.results.scores[HEADLINE_SCORING]
    interval = (
        scores.average_accuracy_interval
        if subtask is None
        else scores.subtasks[subtask].intervals.get("accuracy")
    )
    parts = [
        "accuracy in %" if subtask else "average accuracy over the subtasks in %",
        f"{HEADLINE_SCORING} scoring, variant {manifest.request.variant}",
    ]
    if interval is not None:
        parts.append(f"95% interval {100 * interval[0]:.1f} to {100 * interval[1]:.1f}")
    if manifest.imported is not None:
        parts.append("replies made elsewhere and imported")
    parts.append(f"data {short(manifest.data.hash)}")
    return plain_text("; ".join(parts), 500)


def _yaml(content: Any) -> bytes:
    import yaml

    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100).encode()


@contextmanager
def _as_a_card(path: Path) -> Iterator[None]:
    """Turn what the library raises of metadata that are none into an error with the file."""
    from yaml import YAMLError

    try:
        yield
    except OSError as error:
        problem = f"The model card cannot be read: {error.strerror or error}."
        raise UsageError(problem, where=str(path)) from error
    except (
        AttributeError,
        LookupError,
        OverflowError,
        RecursionError,
        TypeError,
        ValueError,
        YAMLError,
    ) as error:
        raise UsageError(
            f"The model card cannot be read: {error}",
            where=str(path),
            remedy="Mend the metadata between its two lines '---', or remove them.",
        ) from error


def _model_index(report: FinishedRun) -> list[EvalResult]:
    scores = report.results.scores[HEADLINE_SCORING]
    entries = []
    if scores.average_accuracy is not None:
        average = (scores.average_accuracy, scores.average_accuracy_interval)
        n = sum(subtask.n for subtask in scores.scored_subtasks.values())
        entries.append(_entry(report, None, ("accuracy", "Average accuracy"), average, n))
    for name, subtask in scores.subtasks.items():
        for metric, kind in MODEL_INDEX_SCORES.items():
            value = subtask.number(metric)
            if value is not None:
                names = (kind, metric_of(metric).label)
                known = (value, subtask.intervals.get(metric))
                entries.append(_entry(report, name, names, known, subtask.n))
    return entries


def _entry(
    report: FinishedRun,
    subtask: str | None,
    names: tuple[str, str],
    value: tuple[float, Interval | None],
    n: int,
) -> EvalResult:
    """Write one number of a card; ``names`` are its type on the hub and its label."""
    from huggingface_hub import EvalResult

    manifest = report.manifest
    told: dict[str, Any] = {"emoreal_bench": manifest.emoreal_bench_version, "items": n}
    if value[1] is not None:
        told["interval_95"] = [round(bound, _DIGITS) for bound in value[1]]
    if manifest.imported is not None:
        told["replies"] = "made elsewhere and imported"
    return EvalResult(
        task_type="video-text-to-text",
        dataset_type=manifest.task,
        dataset_name=str(manifest.task_definition.get("title") or manifest.task),
        dataset_config=subtask,
        dataset_args={"data_hash": short(manifest.data.hash)},
        metric_type=names[0],
        metric_name=f"{names[1]} ({HEADLINE_SCORING}, {manifest.request.variant})",
        metric_value=round(value[0], _DIGITS),
        metric_args=told,
    )


def _body(report: FinishedRun) -> str:
    """Return the text of a new card: the scores as its metadata hold them, for people."""
    manifest, scores = report.manifest, report.results.scores[HEADLINE_SCORING]
    average = (scores.average_accuracy, scores.average_accuracy_interval)
    n = sum(subtask.n for subtask in scores.scored_subtasks.values())
    rows = [_table_row("average", n, average)] + [
        _table_row(words(name), one.n, (one.accuracy, one.intervals.get("accuracy")))
        for name, one in scores.scored_subtasks.items()
    ]
    facts = [f"{HEADLINE_SCORING} scoring", f"variant {manifest.request.variant}"]
    if manifest.imported is not None:
        facts.append(
            "the replies were made elsewhere and imported, so how the model was asked "
            "cannot be checked"
        )
    sheet = Sheet(
        caption=f"Accuracy on {manifest.task_definition.get('title') or manifest.task}, in percent",
        headings=("", "items", "accuracy", "interval at 95 %"),
        rows=rows,
    )
    return f"# {plain_text(adapted_name(manifest))}\n\n{markdown_of([sheet], facts)}"


def _table_row(name: str, n: int, value: tuple[float | None, Interval | None]) -> list[str]:
    return [name, f"{n:,}", percent(value[0]), percent_interval(value[1]) if value[1] else ""]

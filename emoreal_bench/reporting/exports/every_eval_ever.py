"""A run as records of Every Eval Ever, schema 0.3.0: one for its scores, one for each reply.

The schemas are those of the package ``every-eval-ever`` 0.3.0 (``eval.schema.json`` and
``instance_level_eval.schema.json``, https://evalevalai.com). Scores are fractions in 0..1 under
the headline scoring; the coverage stands beside each, since a run that lost items looks there
like one that did not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.scores import SubtaskScores
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, DeliveryStatus
from emoreal_bench.identity import hash_json
from emoreal_bench.printable import plain_text
from emoreal_bench.prompting import whole_characters
from emoreal_bench.record.files import write_atomically
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.exports.names import path_part, public_name
from emoreal_bench.reporting.terminal.scores import count_outcomes
from emoreal_bench.running.readings import LoggedRun, ReadItem, read_items
from emoreal_bench.running.results import load_report
from emoreal_bench.scoring.metrics import all_metrics

SCHEMA_VERSION = "0.3.0"
AVERAGE = "average_accuracy"
_SELF_DEPLOYED = ("hf", "vllm", "avere", "tiny", "worker", "baseline", "scripted")
_MANAGED = ("openai", "google")


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Who ran the evaluation, as they want to be named.

    Attributes:
        organization: Its name.
        relationship: To the model: first_party, third_party, collaborative or other.
    """

    organization: str = "not stated"
    relationship: str = "other"


def write_every_eval_ever(folder: Path, out: Path, evaluator: Evaluator | None = None) -> Path:
    """Write a finished run into a folder laid out as the data store of Every Eval Ever.

    Equal runs give equal files.

    Args:
        folder: A run folder.
        out: Where ``data/TASK/DEVELOPER/MODEL/`` is made.
        evaluator: Who ran it.

    Returns:
        The file with the scores; that with the replies lies beside it.

    Raises:
        UsageError: If nothing was scored.
        RunError: If the folder holds no finished run, or the files cannot be written.
    """
    report = load_report(folder)
    if HEADLINE_SCORING not in report.results.scores:
        raise UsageError(
            f"The run has no scores under {HEADLINE_SCORING}, so there is nothing to export.",
            where=str(folder),
        )
    identity = _identity(report.manifest)
    place, name = _place(report.manifest), str(_uuid4(identity))
    samples = place / f"{name}_samples.jsonl"
    digest, rows = hashlib.sha256(), 0

    def lines() -> Iterator[bytes]:
        nonlocal rows
        with LoggedRun(folder) as run:
            for item, read in zip(run.items, read_items(run), strict=True):
                if HEADLINE_SCORING not in read.readings:
                    continue  # An open question has no score, and the schema has no word for it.
                line = _json(_sample(run, identity, item, read))
                digest.update(line)
                rows += 1
                yield line

    write_atomically(out / samples, lines())
    record = _aggregate(report, identity, evaluator or Evaluator())
    record["detailed_evaluation_results"] = {
        "format": "jsonl",
        "file_path": samples.as_posix(),
        "hash_algorithm": "sha256",
        "checksum": digest.hexdigest(),
        "total_rows": rows,
    }
    if unscored := report.manifest.data.items - rows:
        told = _strings({"items_without_a_score": unscored})
        record["detailed_evaluation_results"]["additional_details"] = told
    path = out / place / f"{name}.json"
    write_atomically(path, [_json(record, indent=2)])
    return path


def _json(record: Mapping[str, Any], indent: int | None = None) -> bytes:
    # Replies and questions may hold half a character, which no reader of the store takes.
    return whole_characters(json.dumps(record, indent=indent, ensure_ascii=False)).encode() + b"\n"


def _place(manifest: Manifest) -> Path:
    developer, *model = _model_id(manifest).split("/")
    return Path("data", path_part(manifest.task), developer, "_".join(model))


def _model_id(manifest: Manifest) -> str:
    """Return an id with a developer in it, of characters that every system takes."""
    parts = [path_part(part) for part in public_name(manifest.model.name).split("/") if part]
    return "/".join(parts if len(parts) > 1 else ["local", *parts])


def _identity(manifest: Manifest) -> str:
    return f"{manifest.task}/{_model_id(manifest)}/{_seconds(manifest.created)}"


def _uuid4(identity: str) -> UUID:
    return UUID(bytes=hashlib.sha256(identity.encode()).digest()[:16], version=4)


def _seconds(created: str) -> str:
    """Return a time as whole seconds since 1970, as the schema wants it."""
    try:
        return str(int(datetime.fromisoformat(created).timestamp()))
    except (OverflowError, ValueError):
        return "0"


def _aggregate(report: FinishedRun, identity: str, evaluator: Evaluator) -> dict[str, Any]:
    manifest = report.manifest
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": identity,
        "evaluation_timestamp": _seconds(manifest.created),
        "retrieved_timestamp": _seconds(manifest.created),
        "source_metadata": {
            "source_name": "EmoReal Bench",
            "source_type": "evaluation_run",
            "source_organization_name": evaluator.organization,
            "evaluator_relationship": evaluator.relationship,
            "additional_details": _strings(
                {
                    "data_hash": manifest.data.hash,
                    "request_hash": manifest.request.hash,
                    "scoring_hash": report.results.scoring_hash,
                    "imported_from": manifest.imported and manifest.imported.origin,
                }
            ),
        },
        "eval_library": {
            "name": "emoreal-bench",
            "version": manifest.emoreal_bench_version,
            "additional_details": _strings({"scoring": HEADLINE_SCORING}),
        },
        "model_info": _model_info(manifest),
        "evaluation_results": list(_results(report)),
    }


def _model_info(manifest: Manifest) -> dict[str, Any]:
    model = manifest.model
    provider = model.name.partition("/")[0]
    deployed = "externally_managed" if provider in _MANAGED else "unknown"
    if provider in _SELF_DEPLOYED:
        deployed = "self_deployed"
    return {
        "name": public_name(model.name),
        "id": _model_id(manifest),
        "developer": _model_id(manifest).partition("/")[0],
        "inference_platform": provider,
        "additional_details": _strings(
            {
                "deployment_type": deployed,
                "model_availability": "open_weights" if model.weights_hash else "unknown",
                "revision": model.revision,
                "weights_hash": model.weights_hash,
                "lora": model.lora and model.lora.name,
                "fine_tuned_on": model.fine_tuned_on,
                "label": model.label,
                **{f"setting_{name}": value for name, value in model.settings.items()},
            }
        ),
    }


def _results(report: FinishedRun) -> Iterator[dict[str, Any]]:
    scores = report.results.scores[HEADLINE_SCORING]
    n = sum(subtask.n for subtask in scores.scored_subtasks.values())
    if scores.average_accuracy is not None:
        average = (scores.average_accuracy, scores.average_accuracy_interval)
        yield _result(report, (AVERAGE, None, "accuracy"), average, n)
    for name, subtask in scores.subtasks.items():
        for metric, value in _numbers(subtask):
            interval = subtask.intervals.get(metric)
            result_id = f"{name}.{metric}"
            yield _result(report, (result_id, name, metric), (value, interval), subtask.n)


def _numbers(scores: SubtaskScores) -> Iterator[tuple[str, float]]:
    for name in all_metrics():
        value = scores.number(name)
        if value is not None:
            yield name, float(value)


def _result(
    report: FinishedRun,
    names: tuple[str, str | None, str],
    value: tuple[float, tuple[float, float] | None],
    n: int,
) -> dict[str, Any]:
    """Write one number; ``names`` are its id, its subtask and its metric."""
    manifest, counted = report.manifest, report.results.counted
    result_id, subtask, metric_name = names
    scores = report.results.scores[HEADLINE_SCORING].scored_subtasks
    counts = count_outcomes(scores if subtask is None else {subtask: scores[subtask]})
    outcomes = {outcome.value: count for outcome, count in counts.items()}
    metric = all_metrics()[metric_name]
    low, high = metric.ends or (0.0, 1.0)
    uncertainty: dict[str, Any] = {"num_samples": n}
    if value[1] is not None:
        uncertainty["confidence_interval"] = {
            "lower": value[1][0],
            "upper": value[1][1],
            "confidence_level": 0.95,
            "method": "clustered by clip",
        }
    return {
        "evaluation_result_id": result_id,
        "evaluation_name": manifest.task if subtask is None else f"{manifest.task}.{subtask}",
        "evaluation_timestamp": _seconds(manifest.created),
        "source_data": {
            "dataset_name": plain_text(str(manifest.task_definition.get("title"))),
            "source_type": "other",
            "additional_details": _strings(
                {"items": manifest.data.items, "clips": manifest.data.clips}
            ),
        },
        "metric_config": {
            "evaluation_description": metric.description,
            "metric_id": metric_name if subtask is not None else AVERAGE,
            "metric_name": metric.label if subtask is not None else "Average accuracy",
            "metric_kind": metric_name,
            "metric_unit": "proportion" if metric.ends is None else "score",
            "lower_is_better": metric.better == "lower",
            "score_type": "continuous",
            "min_score": low,
            "max_score": high,
        },
        "score_details": {
            "score": value[0],
            "details": _strings({"coverage": counted.fraction, **outcomes, "subtask": subtask}),
            "uncertainty": uncertainty,
        },
        **_generation(manifest),
    }


def _generation(manifest: Manifest) -> dict[str, Any]:
    if manifest.imported is not None:  # nobody knows
        return {}
    request = manifest.request
    return {
        "generation_config": {
            "generation_args": {
                "temperature": request.generation.temperature,
                "top_p": request.generation.top_p,
                "max_tokens": request.generation.max_new_tokens,
                "prompt_template": request.prompt_template,
            },
            "additional_details": _strings(
                {
                    "variant": request.variant,
                    "answer_method": request.answer_method,
                    "modalities": ",".join(request.media.modalities),
                    "frames": request.media.frames,
                    "alteration": request.media.alteration,
                    "shots": request.shots,
                    "seed": request.generation.seed,
                }
            ),
        }
    }


def _sample(run: LoggedRun, identity: str, item: Item, read: ReadItem) -> dict[str, Any]:
    record, manifest = read.record, run.manifest
    reading = read.readings[HEADLINE_SCORING]
    status = DeliveryStatus(record["status"])
    usage = record.get("usage")
    answer = reading.answer
    sample: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": identity,
        "model_id": _model_id(manifest),
        "evaluation_name": f"{manifest.task}.{item.subtask}",
        "evaluation_result_id": f"{item.subtask}.accuracy",
        "sample_id": item.id,
        "sample_hash": hash_json([item.question, item.answer]),
        "interaction_type": "single_turn",
        "input": {
            "raw": item.question,
            "formatted": run.prompt(item),
            "reference": [item.answer],
            "choices": list(item.choices) or None,
        },
        "output": {"raw": [record["text"]]},
        "messages": None,
        "answer_attribution": []
        if answer is None
        else [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": answer,
                "extraction_method": f"emoreal-bench {HEADLINE_SCORING}",
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": float(reading.correct), "is_correct": reading.correct},
        "metadata": _strings(
            {
                **(item.metadata or {}),
                "clip": item.clip,
                "status": status,
                "outcome": reading.outcome,
            }
        ),
    }
    if not read.is_imported:
        sample["performance"] = {"latency_ms": max(record["seconds"], 0.0) * 1000}
    if usage is not None:
        counts = [max(usage[name], 0) for name in ("input_tokens", "output_tokens")]
        sample["token_usage"] = {
            "input_tokens": counts[0],
            "output_tokens": counts[1],
            "total_tokens": sum(counts),
        }
    if status not in (DeliveryStatus.OK, DeliveryStatus.LENGTH):
        sample["error"] = record.get("detail") or status.value
    return sample


def _strings(values: Mapping[str, Any]) -> dict[str, str]:
    """Write details as the schema wants them: texts all, what is not known left out."""
    return {name: str(value) for name, value in values.items() if value is not None}

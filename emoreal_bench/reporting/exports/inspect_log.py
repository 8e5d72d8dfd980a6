"""A run as a log of Inspect AI, so that its viewer can be used to look through the items.

The layout is that of ``.eval`` files of version 2, as inspect-ai 0.3.285 reads
them: a zip file with one JSON file per item, a summary of all items, and a
header. It is written here without that package, which is large; the scores are
this project's, and nothing is scored again.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Scoring
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.record.records import ItemRecord
from emoreal_bench.running.readings import LoggedRun, ReadItem, read_items
from emoreal_bench.running.results import load_report

LOG_VERSION = 2

_EPOCH = 1
"""Inspect counts repeats of a whole task; a run is one."""

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip file can hold: equal runs give equal bytes."""

_STOP_REASONS: Mapping[DeliveryStatus, str] = MappingProxyType(
    {
        DeliveryStatus.OK: "stop",
        DeliveryStatus.LENGTH: "max_tokens",
        DeliveryStatus.REFUSED: "content_filter",
        DeliveryStatus.BLOCKED: "content_filter",
    }
)
"""An item of any other status has no reply, and an error instead."""


def inspect_log(folder: Path) -> bytes:
    """Return a finished run as the bytes of an ``.eval`` file.

    Args:
        folder: A run folder.

    Raises:
        RunError: If the folder holds no finished run.
    """
    report = load_report(folder)
    buffer = io.BytesIO()
    summaries = []
    with LoggedRun(folder) as run, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for item, read in zip(run.items, read_items(run), strict=True):
            summary = _summary(run.manifest, item, read)
            summaries.append(summary)
            sample = summary | _conversation(run, item, read.record)
            _add(archive, f"samples/{item.id}_epoch_{_EPOCH}.json", sample)
        _add(archive, "summaries.json", summaries)
        _add(archive, "header.json", _header(report, [item.id for item in run.items]))
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    info = zipfile.ZipInfo(name, _ZIP_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, json.dumps(value))


def _summary(manifest: Manifest, item: Item, read: ReadItem) -> dict[str, Any]:
    record = read.record
    status = DeliveryStatus(record["status"])
    summary: dict[str, Any] = {
        "id": item.id,
        "epoch": _EPOCH,
        "input": item.question,
        # The viewer puts the letters in front by itself.
        "choices": [split_choice(choice)[1] for choice in item.choices] or None,
        "target": item.answer,
        "metadata": {
            "subtask": item.subtask,
            "clip": item.clip,
            "status": status.value,
            **(item.metadata or {}),
        },
        "scores": {
            scoring.value: {
                "value": "C" if reading.correct else "I",
                "answer": reading.answer,
                "explanation": reading.outcome.value,
            }
            for scoring, reading in read.readings.items()
        },
        "completed": True,
    }
    if not read.is_imported:  # nobody knows
        summary["model_usage"] = {manifest.model.name: _usage(record)}
        summary["total_time"] = record["seconds"]
    if status not in _STOP_REASONS:
        summary["error"] = record.get("detail") or status.value
    return summary


def _conversation(run: LoggedRun, item: Item, record: ItemRecord) -> dict[str, Any]:
    """Return what stands in an item's own file beside, or other than, in its summary."""
    manifest, status = run.manifest, DeliveryStatus(record["status"])
    prompt, is_imported = run.prompt(item), manifest.imported is not None
    # Of an imported reply only the question is known.
    words = item.question if prompt is None else prompt
    messages = [{"role": "user", "content": words, "source": "input"}]
    if manifest.request.system is not None:
        messages.insert(0, {"role": "system", "content": manifest.request.system})
    output: dict[str, Any] = {"model": manifest.model.name}
    if not is_imported:
        output["usage"] = _usage(record)
    parts: dict[str, Any] = {"messages": messages, "output": output, "error": None}
    if status in _STOP_REASONS:
        # Half a character, which some models write, is no text for the reader of the log.
        text = record["text"].encode("utf-8", "replace").decode()
        reply = {"role": "assistant", "content": text, "source": "generate"}
        messages.append(reply)
        output["choices"] = [{"message": reply, "stop_reason": _STOP_REASONS[status]}]
        output["completion"] = text
    else:
        message = record.get("detail") or status.value
        parts["error"] = {"message": message, "traceback": "", "traceback_ansi": ""}
    if "delivery" in record:
        parts["store"] = {"delivery": record["delivery"]}
    return parts


def _usage(record: ItemRecord) -> dict[str, Any]:
    usage = record.get("usage")
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    return {
        "input_tokens": usage["input_tokens"],
        "output_tokens": usage["output_tokens"],
        "total_tokens": usage["input_tokens"] + usage["output_tokens"],
        "total_cost": usage["cost"],
    }


def _header(report: FinishedRun, item_ids: Iterable[str]) -> dict[str, Any]:
    manifest, coverage = report.manifest, report.results.coverage
    generation = manifest.request.generation
    ids = list(item_ids)
    return {
        "version": LOG_VERSION,
        "status": "success",
        "eval": {
            "eval_id": manifest.run_id,
            "run_id": manifest.run_id,
            "task_id": manifest.run_id,
            "created": manifest.created,
            "task": manifest.task,
            "task_version": manifest.task_version,
            "task_args": {"variant": manifest.request.variant},
            "dataset": {"name": manifest.data.root, "samples": len(ids), "sample_ids": ids},
            "model": manifest.model.name,
            "model_generate_config": {}
            if manifest.imported is not None
            else {
                "max_tokens": generation.max_new_tokens,
                "temperature": generation.temperature,
                "top_p": generation.top_p,
                "seed": generation.seed,
            },
            "model_args": manifest.model.settings,
            "config": {"epochs": _EPOCH},
            "packages": {"emoreal-bench": manifest.emoreal_bench_version} | manifest.model.versions,
            "metadata": {
                "data_hash": manifest.data.hash,
                "request_hash": manifest.request.hash,
                "weights_hash": manifest.model.weights_hash,
            },
        },
        "plan": {"name": "emoreal-bench", "steps": []},
        "results": {
            "total_samples": coverage.items,
            "completed_samples": coverage.covered,
            "scores": [
                _score(report, scoring) for scoring in Scoring if _is_scored(report, scoring)
            ],
        },
        "stats": {"started_at": manifest.created, "completed_at": ""},
    }


def _is_scored(report: FinishedRun, scoring: Scoring) -> bool:
    return scoring.value in report.results.scores


def _score(report: FinishedRun, scoring: Scoring) -> dict[str, Any]:
    scores = report.results.scores[scoring.value]
    accuracies = {name: subtask.accuracy for name, subtask in scores.subtasks.items()}
    values = {"average_accuracy": scores.average_accuracy} | accuracies
    return {
        "name": scoring.value,
        "scorer": scoring.value,
        "metrics": {
            name: {"name": name, "value": value}
            for name, value in values.items()
            if value is not None
        },
    }

"""``training.json`` and ``README.md`` beside a checkpoint: what it is, and how to evaluate it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.training_record import TRAINING_FILE, TrainingRecord
from emoreal_bench.record.files import write_atomically
from emoreal_bench.reporting.exports.hub import adapter_metadata
from emoreal_bench.text import count_of
from emoreal_bench.training.config import TrainingConfig
from emoreal_bench.training.examples.data import TrainingData
from emoreal_bench.training.objectives.metrics import EVALUATION, GUARD, LOSS, STEP, Metrics
from emoreal_bench.version import __version__

CARD_FILE = "README.md"

_LIBRARIES = ("torch", "transformers", "accelerate", "peft", "numpy", "av")


def make_record(
    config: TrainingConfig,
    data: TrainingData,
    base: ModelDescription,
    start: TrainingRecord | None,
) -> TrainingRecord:
    """Return how an adapter comes about; ``step`` is filled in when it is saved.

    Args:
        config: Of the training.
        data: What is trained on.
        base: The model without the adapter.
        start: Of the adapter that the training starts from; what that was fine-tuned on,
            this one is too.
    """
    tuned = start if start is not None and data.fine_tuned_on is None else data
    return TrainingRecord(
        name=config.out.resolve().name,
        method=config.method.name,
        base=config.model,
        base_weights_hash=base.weights_hash,
        data=data.source,
        data_hash=data.hash,
        examples=len(data.examples),
        step=0,
        fine_tuned_on=tuned.fine_tuned_on or base.fine_tuned_on,
        held_out=dict(tuned.held_out),
        config=config.model_dump(mode="json", by_alias=True),
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    versions = {"emoreal-bench": __version__}
    for library in _LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:  # built from source under another name
            continue
    return versions


def write_record(folder: Path, record: TrainingRecord) -> None:
    """Write ``training.json`` beside an adapter.

    Raises:
        RunError: If the system refuses.
    """
    text = json.dumps(record.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False)
    write_atomically(folder / TRAINING_FILE, [text.encode(), b"\n"])


def write_card(
    folder: Path, final: Path, record: TrainingRecord, entries: Sequence[Metrics]
) -> None:
    """Write the model card beside an adapter.

    Args:
        folder: Of the adapter.
        final: Where it will be, for the command that evaluates it.
        record: How it came about.
        entries: The metrics of its training.

    Raises:
        RunError: If the system refuses.
    """
    write_atomically(folder / CARD_FILE, [make_card(final, record, entries).encode()])


def make_card(folder: Path, record: TrainingRecord, entries: Sequence[Metrics]) -> str:
    """Return the text of the card, in Markdown."""
    metadata = yaml.safe_dump(adapter_metadata(record.base), sort_keys=False)
    model = ("--model", record.base, "--lora", str(folder))
    command = ("emoreal-bench", "run", *model, "--task", "emorealm-synth")
    sections = [
        f"---\n{metadata}---",
        f"# {record.name}",
        f"A LoRA adapter for `{record.base}`, trained by `{record.method}` on "
        f"{count_of(record.examples, 'example')} ({record.data}), saved after "
        f"{count_of(record.step, 'step')} by emoreal-bench.",
        _warning(record),
        "## Evaluate it",
        f"```\n{shlex.join(command)}\n```",
        "## Measured during the training",
        _measured(record, entries),
        "## Identity",
        _table(
            {
                "base": record.base,
                "weights of the base": record.base_weights_hash or "not hashed",
                "data": record.data_hash,
                **{f"version of {name}": value for name, value in record.versions.items()},
            }
        ),
        "## Configuration",
        f"```yaml\n{yaml.safe_dump(record.config, sort_keys=False)}```",
        "## Limits",
        "A score speaks of the task that was run and of nothing else. What an adapter learned "
        "from pairs that carry a bias it may have learned from the bias: look at the text gap "
        "and at the guard above, and compare it with its base by `emoreal-bench compare`.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _warning(record: TrainingRecord) -> str:
    if record.fine_tuning is None:
        return ""
    return f"**Not zero-shot:** {record.fine_tuning}."


def _measured(record: TrainingRecord, entries: Sequence[Metrics]) -> str:
    """Set the first and the last value up to the adapter's step side by side."""
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for entry in entries:
        if entry[STEP] <= record.step:
            for name, value in entry.items():
                first.setdefault(name, value)
                last[name] = value
    shown = [
        name
        for name in first
        if name == LOSS or name.startswith((EVALUATION, GUARD, "text_gap")) or "margin" in name
    ]
    if not shown:
        return "Nothing."
    rows = [f"| {name} | {first[name]:.4g} | {last[name]:.4g} |" for name in shown]
    return "\n".join(["| | first | last |", "|---|---|---|", *rows])


def _table(rows: Mapping[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | `{rows[key]}` |" for key in rows)])

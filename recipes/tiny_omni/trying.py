"""The bars of the family, tried through files and the harness on clips of seeds of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emoreal_bench.api.evaluating import RunOptions, evaluate
from emoreal_bench.comparing.runs import compare_runs
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING
from emoreal_bench.record.files import write_atomically
from emoreal_bench.synth import AgreementWording, Split, SynthSettings, write_benchmark
from recipes.tiny_omni.family import BASE
from recipes.tiny_omni.lessons import TASK
from recipes.tiny_omni.measuring import MODEL, Measured, as_json
from recipes.tiny_omni.optimisation import show
from recipes.tiny_omni.provenance import provenance

SEEDS = (74, 75, 76)
"""Of the clips; nothing else has them."""
TRIED = ("avem-dpo", "avem-dpo-counterfactual", "naive-dpo-balanced")
"""Adapters that are tried beside the base, as they ship."""
COLUMNS: Mapping[str, tuple[str, str]] = {
    "basic": ("reasoning_basic", "accuracy"),
    "stress": ("stress_test", "balanced_accuracy"),
    "hallucinated": ("stress_test", "hallucination_rate"),
    "agreement": ("modality_agreement", "accuracy"),
}
"""By name, the question type and its figure."""
_AGREEMENT = "modality_agreement"


def as_bars(record: Mapping[str, Any]) -> str:
    """Return a record of :func:`try_bars` as a table in Markdown, in per cent."""
    heads = [*COLUMNS, "agreement less the base's"]
    lines = ["| model | seed | " + " | ".join(heads) + " |", "| --- " * (2 + len(heads)) + "|"]
    for row in record["rows"]:
        numbers = [Measured(**row["measured"][name]) for name in COLUMNS]
        cells = [_cell(number) for number in numbers]
        change = row.get("agreement_change")
        cells.append("" if change is None else _cell(Measured(**change), "+"))
        lines.append(f"| {row['model']} | {row['seed']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(number: Measured, sign: str = "") -> str:
    text = f"{100 * number.value:{sign}.1f}"
    if number.interval is None:
        return text
    low, high = number.interval
    return f"{text} ({100 * low:{sign}.0f} to {100 * high:{sign}.0f})"


def try_bars(work: Path, questions: int, seeds: Sequence[int] = SEEDS) -> Path:
    """Ask the members that ship, and write what was found to ``bars.json``.

    Args:
        work: Folder of the family.
        questions: About the clips of each seed, five to a clip.
        seeds: Of the clips.
    """
    rows = [row for seed in seeds for row in _try_seed(work / "bars", questions, seed)]
    record = {**provenance(), "questions": questions, "rows": rows}
    path = work / "bars.json"
    write_atomically(path, [json.dumps(record, indent=1).encode(), b"\n"])
    return path


def _try_seed(home: Path, questions: int, seed: int) -> list[dict[str, Any]]:
    settings = SynthSettings(
        items=questions, seed=seed, split=Split.TEST, agreement_wording=AgreementWording.NAMED
    )
    data = home / f"data-{seed}"
    write_benchmark(settings, data)
    models = [MODEL, *(f"{MODEL}+{name}" for name in TRIED)]
    runs = [_run(model, data, home / f"runs-{seed}") for model in models]
    compared = compare_runs([folder for folder, _ in runs])
    changes = [other.scorings[HEADLINE_SCORING].subtasks[_AGREEMENT] for other in compared.others]
    rows: list[dict[str, Any]] = [
        {"model": name, "seed": seed, "measured": as_json(found)}
        for name, (_, found) in zip([BASE, *TRIED], runs, strict=True)
    ]
    for row, change in zip(rows[1:], changes, strict=True):
        row["agreement_change"] = asdict(Measured(change.difference, change.interval))
    show(f"seed {seed}: tried")
    return rows


def _run(model: str, data: Path, runs: Path) -> tuple[Path, dict[str, Measured]]:
    report = evaluate(model, TASK, data, RunOptions(runs=runs))
    types = report.results.scores[HEADLINE_SCORING].question_types
    found = {}
    for name, (kind, figure) in COLUMNS.items():
        value = types[kind].number(figure)
        assert value is not None, "the benchmark asks all kinds"
        found[name] = Measured(value, types[kind].intervals.get(figure))
    assert report.folder is not None, "it was just made"
    return report.folder, found

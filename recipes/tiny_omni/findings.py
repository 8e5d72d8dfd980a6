"""What the test of six methods found: the record that is kept of it, and its tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from emoreal_bench.contracts.preference import CLIP_MODALITIES
from emoreal_bench.record.files import write_atomically
from recipes.tiny_omni.confirming import ADAPTER_SEEDS, BASES, METHODS, trials_file
from recipes.tiny_omni.contrasts import arrange, compare
from recipes.tiny_omni.provenance import provenance
from recipes.tiny_omni.recipe import Recipe

Run = Mapping[str, Any]

_CLEAR = "clear"
_COLUMNS: Mapping[str, str] = {
    "hallucinated": "Hallucinated, of chances",
    "hallucinated_typical": "typical cue asked",
    "other_affirmed": "Other cue affirmed",
    "stress": "Stress",
    "perception": "Perception",
    "basic": "Basic",
}
_CONDITION_COLUMNS = {
    name: _COLUMNS[name] for name in ("hallucinated", "other_affirmed", "perception")
}
_CURVE_COLUMNS = _CONDITION_COLUMNS | {"basic": _COLUMNS["basic"]}
_SIDELESS: Mapping[str, str] = {"agreement": "Agreement", "readable": "Readable"}
_COSTS = (
    ("Text gap, nats", "text_gap", 1, "+.1f"),
    ("Thousand tokens", "tokens", 1000, ".0f"),
    ("CPU, s", "processor_seconds", 1, ".0f"),
)
"""Of the trainings alone: a column, its figure, how much of it makes one, and its form."""


def write_findings(recipe: Recipe, work: Path) -> Path:
    """Write the record of a test beside what it measured.

    Args:
        recipe: Of the test.
        work: Folder of the family.

    Returns:
        The file.
    """
    home = trials_file(work)
    records = json.loads(home.read_text(encoding="utf-8"))
    path = home.with_name("text_prior.json")
    text = json.dumps(summarise(records, recipe.reported.clips), indent=1)
    write_atomically(path, [text.encode(), b"\n"])
    return path


def summarise(records: Sequence[Run], clips: int) -> dict[str, Any]:
    """Make the record that is kept of a test.

    Args:
        records: Of :func:`recipes.tiny_omni.confirming.confirm`.
        clips: How many were asked about.

    Returns:
        ``contrasts`` of the protocol, and ``runs``: each with the mean log-odds on its
        traps instead of one for each clip.
    """
    margins, traps = arrange(records, BASES, ADAPTER_SEEDS, clips)
    return {
        **provenance(),
        "clips": clips,
        "contrasts": [asdict(one) for one in compare(margins, traps)],
        "runs": [
            {**record, "traps": len(record["traps"]), "trap_log_odds": _mean_margin(record)}
            for record in records
        ],
    }


def as_contrasts(record: Mapping[str, Any]) -> str:
    """Return the contrasts as a table in Markdown."""
    lines = [
        "| one | against | difference, nats | 95 % interval | p | p, corrected |",
        "|---|---|---:|---|---:|---:|",
    ]
    lines += (
        f"| {one['one']} | {one['other']} | {one['difference']:+.2f} "
        f"| {one['low']:+.2f} to {one['high']:+.2f} | {one['p_value']:.3f} "
        f"| {one['corrected']:.3f} |"
        for one in record["contrasts"]
    )
    return "\n".join(lines)


def as_methods(record: Mapping[str, Any], clips: str = _CLEAR) -> str:
    """Return the means over runs as a table in Markdown: per cent, nats and seconds.

    Args:
        record: Of :func:`summarise`.
        clips: ``clear`` or ``faint``: which of them.
    """
    heads = ["Traps, nats", *_COLUMNS.values(), *_SIDELESS.values(), *(head for head, *_ in _COSTS)]
    lines = ["| method | runs | " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) + 1)]
    for name, runs in _groups(record):
        cells = [_spread([_of_sides(run[clips], "trap_log_odds") for run in runs])]
        cells += [
            f"{100 * fmean(_of_sides(run[clips], column) for run in runs):.1f}"
            for column in _COLUMNS
        ]
        cells += [f"{100 * fmean(run[clips][column] for run in runs):.1f}" for column in _SIDELESS]
        for _, column, unit, form in _COSTS:
            known = [run[column] / unit for run in runs if column in run]
            cells.append(format(fmean(known), form) if known else "")
        lines.append(f"| {name} | {len(runs)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def as_conditions(record: Mapping[str, Any]) -> str:
    """Return what the text-prior term does by condition as a table in Markdown.

    Args:
        record: Of :func:`recipes.tiny_omni.conditions.show_conditions`.
    """
    heads = [*_CONDITION_COLUMNS.values(), *_SIDELESS.values()]
    lines = [
        "| condition | answer, tokens | words agree, % | gamma | Text gap, before | after "
        "| Traps, nats | " + " | ".join(heads) + " |",
        "|---|---:|---:|---:|---:|---:|---:|" + "---:|" * len(heads),
    ]
    for run in record["runs"]:
        gap = run["text_gap"]
        cells = [
            run["condition"],
            f"{run['answer_tokens']:.1f}",
            f"{100 * gap['positive']:.0f}",
            f"{run['gamma']:g}",
            f"{gap['mean']:+.1f}",
            f"{run['text_gap_after']:+.1f}",
            *_cells(run, _CONDITION_COLUMNS),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def as_curves(record: Mapping[str, Any]) -> str:
    """Return what methods come to after several numbers of steps as a table in Markdown.

    Args:
        record: Its ``rows`` are lines of ``python -m recipes.tiny_omni curve``.
    """
    heads = ["method", "steps", "Traps, nats", *_CURVE_COLUMNS.values(), *_SIDELESS.values()]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for row in record["rows"]:
        cells = [row["method"], str(row["steps"]), *_cells(row, _CURVE_COLUMNS)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(found: Mapping[str, float], columns: Iterable[str]) -> list[str]:
    """Return the log-odds on traps in nats, then shares of both sides and of all, in per cent."""
    return [
        f"{_of_sides(found, 'trap_log_odds'):+.1f}",
        *(f"{100 * _of_sides(found, column):.1f}" for column in columns),
        *(f"{100 * found[column]:.1f}" for column in _SIDELESS),
    ]


def _groups(record: Mapping[str, Any]) -> Iterable[tuple[str, list[Run]]]:
    runs = record["runs"]
    yield "base", [run for run in runs if "method" not in run]
    for balanced in (False, True):
        for method in METHODS:
            those = [
                run
                for run in runs
                if run.get("method") == method and run.get("balanced") is balanced
            ]
            if those:
                yield f"{method}, balanced pairs" if balanced else method, those


def _of_sides(found: Mapping[str, float], name: str) -> float:
    return fmean(found[f"{name}_{modality}"] for modality in CLIP_MODALITIES)


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):+.1f} ({min(values):+.1f} to {max(values):+.1f})"


def _mean_margin(record: Run) -> float:
    return round(fmean(margin for _, margin in record["traps"]), 4)

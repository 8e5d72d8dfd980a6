"""The family as a whole: made, measured, written down, shipped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from emoreal_bench.contracts.preference import CLIP_MODALITIES
from emoreal_bench.model_adapters.built_in.tiny_network import ADAPTERS, WEIGHTS
from emoreal_bench.record.files import write_atomically
from emoreal_bench.synth import write_benchmark
from recipes.tiny_omni.adapters import copy_adapter, make_adapter, make_pairs, shipped_form
from recipes.tiny_omni.base import make_base, measure_towers, prepare_clips
from recipes.tiny_omni.measuring import (
    Measured,
    Member,
    as_json,
    measure,
    write_neutral_questions,
)
from recipes.tiny_omni.members import measure_directly
from recipes.tiny_omni.optimisation import show
from recipes.tiny_omni.provenance import provenance
from recipes.tiny_omni.recipe import SHIPPED_SEED, VARIANTS, Recipe
from recipes.tiny_omni.workers import make_pool

BASE = "base"
_COLUMNS: Mapping[str, str] = {
    "average": "Average",
    "reasoning_basic_video": "Basic, picture",
    "reasoning_basic_audio": "Basic, sound",
    "modality_agreement": "Agreement",
    "balanced_reasoning_stress_video": "Stress, picture",
    "balanced_reasoning_stress_audio": "Stress, sound",
    "hallucination_rate_video": "Hallucinated, picture",
    "hallucination_rate_audio": "Hallucinated, sound",
    "perception_video": "Perception, picture",
    "perception_audio": "Perception, sound",
    "text_prior_video": "Prior, picture",
    "text_prior_audio": "Prior, sound",
}
_DIRECT_COLUMNS: Mapping[str, str] = {
    "hallucinated": "Hallucinated, of chances",
    "hallucinated_typical": "typical cue asked",
    "hallucinated_other": "other cue asked",
    "trap_log_odds": "Traps, nats",
    "other_affirmed": "Other cue affirmed",
    "stress": "Stress",
    "perception": "Perception",
    "basic": "Basic",
}
_NATS = "text_prior"
_TEST = Path("data", "test")


@dataclass(frozen=True, slots=True)
class Row:
    """One member with what was measured of it.

    Attributes:
        name: ``base`` or the adapter's.
        base_seed: Of the base's language layers.
        seed: Of the adapter; None for a base.
        measured: By name, on files; see :func:`measure`.
        direct: By name, on drawn clips; see :func:`measure_directly`.
    """

    name: str
    base_seed: int
    seed: int | None
    measured: Mapping[str, Measured]
    direct: Mapping[str, float] = field(default_factory=dict)


def build(recipe: Recipe, work: Path) -> list[Row]:
    """Make the base and one seed of each adapter, and measure them.

    Returns:
        A row each, also written to ``family.json`` and ``family.md`` in the folder.
    """
    return write_rows(_rows(recipe, work, [SHIPPED_SEED], [recipe.language.seed]), recipe, work)


def study(recipe: Recipe, work: Path, seeds: Sequence[int], bases: Sequence[int]) -> list[Row]:
    """Repeat the preference stage over seeds, and all of it over bases."""
    return write_rows(_rows(recipe, work, seeds, bases), recipe, work)


def read_rows(record: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a record of :func:`write_rows`."""
    return [
        Row(
            one["model"],
            one["base_seed"],
            one["seed"],
            {name: Measured(**number) for name, number in one["measured"].items()},
            one["direct"],
        )
        for one in record["rows"]
    ]


def write_rows(rows: Iterator[Row], recipe: Recipe, work: Path) -> list[Row]:
    """Write the table anew with each row that comes, so that a stopped study leaves one."""
    done: list[Row] = []
    for row in rows:
        done.append(row)
        record = _record(done, recipe, work)
        text = json.dumps(record, indent=1) + "\n"
        write_atomically(work / "family.json", [text.encode()])
        text = f"{as_table(done)}\n{as_direct_table(done)}\n{as_summary(done)}"
        write_atomically(work / "family.md", [text.encode()])
    return done


def as_table(rows: Sequence[Row]) -> str:
    """Return rows as a table in Markdown: per cent with intervals, and nats."""
    cells = [[_cell(name, row.measured.get(name)) for name in _COLUMNS] for row in rows]
    return _table(rows, list(_COLUMNS.values()), cells)


def as_direct_table(rows: Sequence[Row]) -> str:
    """Return what drawn clips say of rows: picture / sound, per cent and nats."""
    cells = [
        [
            *(
                " / ".join(_direct_cell(name, row.direct[f"{name}_{it}"]) for it in CLIP_MODALITIES)
                for name in _DIRECT_COLUMNS
            ),
            _direct_cell("agreement", row.direct["agreement"]),
        ]
        for row in rows
    ]
    return _table(rows, [*_DIRECT_COLUMNS.values(), "Agreement"], cells)


def as_summary(rows: Sequence[Row]) -> str:
    """Return each member's mean over seeds, with its least and its greatest."""
    members: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        members.setdefault((row.name, row.base_seed), []).append(row)
    lines = ["| model | base | seeds | " + " | ".join(_COLUMNS.values()) + " |"]
    lines.append("| --- " * (3 + len(_COLUMNS)) + "|")
    for (name, base_seed), those in members.items():
        cells = []
        for column in _COLUMNS:
            values = [row.measured[column].value for row in those]
            cells.append(_cell(column, Measured(fmean(values), (min(values), max(values)))))
        lines.append(f"| {name} | {base_seed} | {len(those)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def ship(recipe: Recipe, work: Path) -> None:
    """Copy the base and its adapters of the shipped seed into the package."""
    prepare_clips(recipe, work)
    base = make_base(recipe, work)
    WEIGHTS.write_bytes(base.read_bytes())
    for name in VARIANTS:
        copy_adapter(make_adapter(name, SHIPPED_SEED, base, recipe, work), ADAPTERS / name)


def _rows(recipe: Recipe, work: Path, seeds: Sequence[int], bases: Sequence[int]) -> Iterator[Row]:
    """Make and measure, on two processes; a member comes when those before it are done."""
    prepare_clips(recipe, work)
    recipes = [recipe.with_base_seed(base_seed) for base_seed in bases]
    members = [(BASE, None), *((name, seed) for seed in seeds for name in VARIANTS)]
    count = 0
    with make_pool() as pool:
        written = pool.submit(_write_benchmarks, recipe, work)
        made = [pool.submit(make_base, one, work) for one in recipes]
        written.result()
        for one, base in zip(recipes, made, strict=True):
            base.result()
            # The next base is made beside the members of this one.
            make = partial(_make_row, recipe=one, work=work)
            for row in pool.map(make, *zip(*members, strict=True)):
                count += 1
                total = len(members) * len(recipes)
                show(f"{row.name}, base {row.base_seed}: measured ({count} of {total})")
                yield row


def _write_benchmarks(recipe: Recipe, work: Path) -> None:
    for variant in VARIANTS.values():
        make_pairs(recipe, work, variant)
    write_benchmark(recipe.test_settings, work / _TEST)
    write_neutral_questions(recipe.test_settings, work / _TEST)


def _make_row(name: str, seed: int | None, recipe: Recipe, work: Path) -> Row:
    base = make_base(recipe, work)
    adapter = None
    if seed is not None:
        trained = make_adapter(name, seed, base, recipe, work)
        # What is measured is what is shipped.
        adapter = shipped_form(trained)
    # Members may come out alike, and two processes must not write one run.
    runs = work / "runs" / base.stem / (name if seed is None else f"{name}-seed-{seed}")
    found = measure(Member({"weights": str(base)}, adapter), work / _TEST, runs)
    direct = measure_directly(base, adapter, recipe.reported, work)
    return Row(name, recipe.language.seed, seed, found, direct)


def _record(rows: Sequence[Row], recipe: Recipe, work: Path) -> dict[str, Any]:
    return {
        **provenance(),
        "questions": recipe.tested,
        "towers": measure_towers(recipe, work),
        "rows": [
            {
                "model": row.name,
                "base_seed": row.base_seed,
                "seed": row.seed,
                "measured": as_json(row.measured),
                "direct": dict(row.direct),
            }
            for row in rows
        ],
    }


def _table(rows: Sequence[Row], columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Return a table that names bases and seeds where there are several."""
    is_study = len({row.base_seed for row in rows}) + len({row.seed for row in rows} - {None}) > 2
    heads = ["model", *(["base", "seed"] if is_study else []), *columns]
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for row, values in zip(rows, cells, strict=True):
        seeds = [str(row.base_seed), "" if row.seed is None else str(row.seed)]
        lines.append("| " + " | ".join([row.name, *seeds[: 2 * is_study], *values]) + " |")
    return "\n".join(lines) + "\n"


def _direct_cell(name: str, value: float) -> str:
    return f"{value:+.1f}" if name.endswith("log_odds") else f"{100 * value:.1f}"


def _cell(name: str, measured: Measured | None) -> str:
    if measured is None:
        return ""
    is_nats = name.startswith(_NATS)
    text = f"{measured.value:.1f}" if is_nats else f"{100 * measured.value:.1f}"
    if measured.interval is not None:
        low, high = measured.interval
        text += f" ({low:.1f}-{high:.1f})" if is_nats else f" ({100 * low:.0f}-{100 * high:.0f})"
    return text

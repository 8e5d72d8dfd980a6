"""What a study says of a member is its mean over seeds, base by base."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from recipes.tiny_omni import trying
from recipes.tiny_omni.direct import Judged, ask, figures
from recipes.tiny_omni.family import (
    Row,
    as_direct_table,
    as_summary,
    as_table,
    read_rows,
    write_rows,
)
from recipes.tiny_omni.findings import as_curves
from recipes.tiny_omni.measuring import Measured
from recipes.tiny_omni.recipe import small_recipe
from recipes.tiny_omni.trying import as_bars, try_bars

NAMES = ("average", "modality_agreement")
PER_MODALITY = (
    "reasoning_basic",
    "balanced_reasoning_stress",
    "hallucination_rate",
    "perception",
    "text_prior",
)


def row(base_seed: int, seed: int, average: float) -> Row:
    names = [*NAMES, *(f"{one}_{side}" for one in PER_MODALITY for side in ("video", "audio"))]
    measured = {name: Measured(0.5) for name in names} | {"average": Measured(average)}
    return Row("avem-dpo", base_seed, seed, measured)


def test_seeds_of_one_base_are_summed_up_with_their_range() -> None:
    summary = as_summary([row(0, 0, 0.7), row(0, 1, 0.8)])
    assert "| avem-dpo | 0 | 2 | 75.0 (70-80) |" in summary


def test_bases_are_kept_apart() -> None:
    summary = as_summary([row(0, 0, 0.7), row(1, 0, 0.9)])
    assert "| avem-dpo | 0 | 1 | 70.0 (70-70) |" in summary
    assert "| avem-dpo | 1 | 1 | 90.0 (90-90) |" in summary


def test_chances_that_ask_for_the_typical_cue_have_a_column_of_their_own() -> None:
    """Of a member that affirms every typical cue and denies every other one."""
    judged = [
        Judged(question, 2.0 if question.typical is (question.right == "A") else -2.0)
        for questions in ask(replace(small_recipe().development, clips=60))
        for question in questions
    ]
    table = as_direct_table([Row("base", 0, None, {}, figures(judged))])
    header, _, line = table.splitlines()
    cells = dict(zip(header.split(" | "), line.split(" | "), strict=True))
    assert cells["typical cue asked"] == "100.0 / 100.0"
    assert cells["other cue asked"] == "0.0 / 0.0"
    assert cells["Traps, nats"] == "-2.0 / -2.0"


def test_a_table_names_bases_and_seeds_only_where_there_are_several() -> None:
    base = replace(row(0, 0, 0.7), name="base", seed=None)
    assert as_table([base, row(0, 0, 0.7)]).startswith("| model | Average |")
    assert as_table([base, row(0, 0, 0.7), row(0, 1, 0.7)]).startswith("| model | base | seed |")
    assert "| base | 0 |  | 70.0 |" in as_table([base, row(1, 0, 0.7)])


def test_rows_are_read_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recipes.tiny_omni.family.measure_towers", lambda *_: {})
    judged = [Judged(one, 2.0) for asked in ask(small_recipe().development) for one in asked]
    rows = [replace(row(0, 0, 0.7), direct=figures(judged))]
    write_rows(iter(rows), small_recipe(), tmp_path)
    record = json.loads((tmp_path / "family.json").read_text(encoding="utf-8"))
    assert as_table(read_rows(record)) == as_table(rows)


def test_a_curve_has_the_mean_of_picture_and_sound() -> None:
    names = ("trap_log_odds", "hallucinated", "other_affirmed", "perception", "basic")
    sides = {
        f"{name}_{side}": value for name in names for side, value in (("video", 1), ("audio", 0))
    }
    found = {"method": "naive-dpo", "steps": 50, **sides, "agreement": 0.9, "readable": 1.0}
    line = as_curves({"rows": [found]}).splitlines()[-1]
    assert line == "| naive-dpo | 50 | +0.5 | 50.0 | 50.0 | 50.0 | 50.0 | 90.0 | 100.0 |"


def test_bars_are_tried_on_the_members_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "TRIED", ("naive-dpo-balanced",))
    record = json.loads(try_bars(tmp_path, questions=60, seeds=[5]).read_text(encoding="utf-8"))
    base, repaired = record["rows"]
    assert (base["model"], repaired["model"]) == ("base", "naive-dpo-balanced")
    right = [row["measured"]["agreement"]["value"] for row in record["rows"]]
    assert repaired["agreement_change"]["value"] == pytest.approx(right[1] - right[0])
    assert base["measured"]["hallucinated"]["value"] > 0.0
    *_, first, second = as_bars(record).splitlines()
    assert first.startswith("| base | 5 | ")
    assert first.endswith(" |  |")
    assert second.startswith("| naive-dpo-balanced | 5 | ")

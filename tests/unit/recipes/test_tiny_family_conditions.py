"""The grid of conditions: what each training is given, and when there is a record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emoreal_bench.contracts.preference import CLIP_MODALITIES
from emoreal_bench.contracts.vocabulary import CueQuestion
from emoreal_bench.preferences.building.facts import Fact, fact
from emoreal_bench.preferences.building.known_cues import make_cue_pairs
from emoreal_bench.preferences.reading import read_pairs
from emoreal_bench.training.config import AvemDpoSettings, Method
from emoreal_bench.training.objectives.text_gap import TextGap
from recipes.tiny_omni import adapters, conditions
from recipes.tiny_omni.adapters import BY_LETTER, with_repeated
from recipes.tiny_omni.conditions import CONDITIONS, Condition, show_conditions
from recipes.tiny_omni.confirming import (
    METHODS,
    PAIR_OPTIONS,
    UnfinishedError,
    pair_benchmark,
    with_protocol,
)
from recipes.tiny_omni.findings import as_conditions
from recipes.tiny_omni.recipe import VARIANTS, Recipe, full_recipe

RECIPE = with_protocol(full_recipe())
FIGURES = ("trap_log_odds", "hallucinated", "other_affirmed", "perception")


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Note what is trained, and let every figure be the number of the training."""
    noted: list[dict[str, Any]] = []

    def train(method: Any, pairs: Path, *_: Any, recipe: Recipe, work: Path) -> Path:
        noted.append({"method": method, "data": pairs.parent.name, "recipe": recipe})
        return work

    def measure(*_: Any) -> dict[str, float]:
        sides = {
            f"{name}_{side}": float(len(noted)) for name in FIGURES for side in CLIP_MODALITIES
        }
        return sides | {"agreement": 0.5, "readable": 1.0}

    statistics = SimpleNamespace(
        answer_tokens=SimpleNamespace(mean=1.0), text_gap=TextGap(pairs=64, mean=1.0, positive=0.7)
    )
    monkeypatch.setattr(conditions, "write_benchmark_pairs", lambda _, path, *__: path)
    monkeypatch.setattr(conditions, "train_adapter", train)
    monkeypatch.setattr(conditions, "measure_directly", measure)
    monkeypatch.setattr(conditions, "read_statistics", lambda _: statistics)
    monkeypatch.setattr(conditions, "last_text_gap", lambda _: 1.5)
    return noted


def changed(one: Condition, other: Condition) -> set[str]:
    return {
        name
        for name in ("altered", "anchor", "correlation", "forms", "rare_times", "rate", "gammas")
        if getattr(one, name) != getattr(other, name)
    }


def test_one_thing_changes_at_a_time() -> None:
    test, no_inputs, no_anchor, neither, *others = CONDITIONS
    assert changed(test, no_inputs) == changed(no_anchor, neither) == {"altered"}
    assert changed(test, no_anchor) == {"anchor"}
    assert all(len(changed(neither, other) - {"gammas"}) <= 1 for other in others)
    assert test.method(0.2) == METHODS["AVEm-DPO as printed"]
    assert no_anchor.method(0.2) == AvemDpoSettings(name=Method.AVEM_DPO), "as in the paper"
    kinds = {(one.data, one.correlation, one.forms, one.rare_times) for one in CONDITIONS}
    assert len(kinds) == len({one.data for one in CONDITIONS}), "one folder for different pairs"


def test_shards_make_one_record_of_all_conditions_and_gammas(
    trained: list[dict[str, Any]], tmp_path: Path
) -> None:
    missing = sum(len(one.gammas) for one in CONDITIONS[1::2])
    with pytest.raises(UnfinishedError, match=rf"{missing} measurements"):
        show_conditions(RECIPE, tmp_path, "1/2")
    record = json.loads(show_conditions(RECIPE, tmp_path, "2/2").read_text(encoding="utf-8"))
    found = [(run["condition"], run["gamma"]) for run in record["runs"]]
    assert found == [(one.name, gamma) for one in CONDITIONS for gamma in one.gammas]
    assert len(trained) == len(found), "trained again"
    expected = {(one.data, gamma) for one in CONDITIONS for gamma in one.gammas}
    assert {(one["data"], one["method"].gamma) for one in trained} == expected
    assert {one["recipe"].preference_steps for one in trained} == {100}
    rates = sorted({one["recipe"].preference_rate for one in trained})
    assert rates == [0.5e-3, 1e-3, 2e-3]


def test_the_table_has_a_row_for_each_training(
    trained: list[dict[str, Any]], tmp_path: Path
) -> None:
    record = json.loads(show_conditions(RECIPE, tmp_path, "1/1").read_text(encoding="utf-8"))
    lines = as_conditions(record).splitlines()
    assert len(lines) == 2 + len(trained)
    assert lines[2].startswith("| as in the test | 1.0 | 70 | 0 | +1.0 | +1.5 | +1.0 | ")


def test_pairs_about_unusual_cues_are_repeated_under_names_of_their_own() -> None:
    settings = pair_benchmark(replace(RECIPE, pairs=100), 0.0)
    once = make_cue_pairs(settings, BY_LETTER)
    unusual = [one for one in once if fact(one, Fact.CUE) != fact(one, Fact.TYPICAL_CUE)]
    pairs = with_repeated(once, 3)
    assert pairs[: len(once)] == [*once]
    assert 0 < len(unusual) < len(once)
    assert len(pairs) == len(once) + 2 * len(unusual) == len({pair.id for pair in pairs})
    assert {pair.question for pair in pairs} == {pair.question for pair in once}


def test_the_protocol_asks_nothing_about_the_clip_as_a_whole() -> None:
    pairs = make_cue_pairs(pair_benchmark(replace(RECIPE, pairs=100), 0.0), PAIR_OPTIONS)
    kinds = {fact(pair, Fact.KIND) for pair in pairs}
    assert kinds == set(CueQuestion) - {CueQuestion.PRESENCE}


@pytest.mark.parametrize("name", ["avem-dpo", "avem-dpo-counterfactual"])
def test_only_the_counterfactual_variant_has_partners_of_the_same_emotion(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters, "write_benchmark", lambda _, folder: folder.mkdir(parents=True))
    path = adapters.make_pairs(replace(full_recipe(), pairs=200), tmp_path, VARIANTS[name])
    basic = [one for one in read_pairs(path) if fact(one, Fact.KIND) == CueQuestion.BASIC]
    turned = {one.altered.reversed for one in basic if one.altered and one.altered.partner}
    assert turned == {name == "avem-dpo-counterfactual"}

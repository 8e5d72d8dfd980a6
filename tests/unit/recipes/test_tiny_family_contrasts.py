"""The test of the text-prior term finds what is there, and its design is the protocol's."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.preference import CLIP_MODALITIES
from recipes.tiny_omni import confirming
from recipes.tiny_omni.confirming import (
    METHODS,
    RATES,
    TWICE,
    choose_rate,
    trials,
    with_protocol,
)
from recipes.tiny_omni.contrasts import CONTRASTS, arrange, compare
from recipes.tiny_omni.recipe import full_recipe

BASES, SEEDS, CLIPS = (0, 1, 2), (0, 1, 2), 40


def test_the_trainings_are_those_of_the_protocol() -> None:
    every = trials(BASES)
    biased = Counter(one.method for one in every if not one.balanced)
    assert set(biased.values()) == {len(BASES) * len(SEEDS)}
    assert set(biased) == set(METHODS)
    assert sum(one.balanced for one in every) == 9
    assert len({one.name for one in every}) == len(every) == 54 + 9 + 9
    assert METHODS[TWICE] == METHODS["naive DPO"]
    # Those of the contrasts come first; whatever is done holds each method equally often.
    compared = every[: 6 * len(BASES) * len(SEEDS)]
    assert {one.method for one in compared} == {name for pair in CONTRASTS for name in pair}
    assert len({one.method for one in compared[:6]}) == 6


def test_the_test_clips_are_no_clips_of_the_family() -> None:
    family, protocol = full_recipe(), with_protocol(full_recipe())
    assert protocol.pairs == 3000
    assert (protocol.preference_batch, protocol.preference_steps) == (8, 200)
    assert (protocol.reported.clips, protocol.reported.seed) == (800, 7301)
    seen = {family.reported.seed, family.development.seed, family.test_settings.seed}
    assert protocol.reported.seed not in seen


def _found(traps: float, perception: float = 0.95, readable: float = 1.0) -> dict[str, float]:
    of_sides = {"trap_log_odds": traps, "perception": perception}
    sides = {f"{name}_{side}": of_sides[name] for name in of_sides for side in CLIP_MODALITIES}
    return sides | {"readable": readable}


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ([_found(1.0), _found(3.0), _found(2.0)], RATES[1]),
        ([_found(1.0), _found(3.0, perception=0.89), _found(2.0)], RATES[2]),
        ([_found(1.0), _found(3.0, perception=0.91), _found(2.0)], RATES[1]),
        ([_found(1.0), _found(3.0, readable=0.97), _found(2.0, readable=0.97)], RATES[0]),
        ([_found(1.0, perception=0.5)] * 3, None),
    ],
)
def test_the_rate_is_the_best_on_traps_that_keeps_perception_and_replies(
    found: list[dict[str, float]],
    chosen: float | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = iter([_found(-0.5), *found])
    monkeypatch.setattr(confirming, "measure_directly", lambda *_: next(said))
    monkeypatch.setattr(confirming, "train_adapter", lambda *_, **__: tmp_path)
    monkeypatch.setattr(confirming, "_write_pairs", lambda *_, **__: tmp_path)
    recipe, work = full_recipe(), tmp_path / "work"
    if chosen is None:
        with pytest.raises(RunError, match="Every rate costs"):
            choose_rate(recipe, work)
        return
    (work / "confirm").mkdir(parents=True)
    # The second call reads what the first has found.
    assert choose_rate(recipe, work) == choose_rate(recipe, work) == chosen


def _records(gains: dict[str, float]) -> list[dict[str, object]]:
    rng = np.random.default_rng(5)
    of_clips = rng.normal(0.0, 2.0, CLIPS)
    return [
        {
            "method": method,
            "base": base,
            "seed": seed,
            "balanced": False,
            "traps": [
                (clip, of_clips[clip] + base + gains.get(method, 0.0) + rng.normal(0.0, 0.2))
                for clip in range(CLIPS)
                for _ in range(1 + clip % 2)
            ],
        }
        for method in METHODS
        for base in BASES
        for seed in SEEDS
    ]


def test_a_method_that_is_better_in_every_pair_of_runs_has_the_least_p_value() -> None:
    one, other = CONTRASTS[0]
    records = _records({one: 1.5})
    found = compare(*arrange(records, BASES, SEEDS, CLIPS))
    assert (found[0].one, found[0].other) == (one, other)
    assert found[0].difference == pytest.approx(1.5, abs=0.1)
    assert found[0].low < 1.5 < found[0].high
    assert found[0].p_value == 2 / 512
    assert found[0].corrected == 5 * 2 / 512
    assert all(0 < contrast.p_value <= contrast.corrected <= 1 for contrast in found)


def test_methods_that_do_the_same_are_not_told_apart() -> None:
    found = compare(*arrange(_records({}), BASES, SEEDS, CLIPS))
    assert all(contrast.low < 0 < contrast.high for contrast in found)
    assert all(contrast.corrected > 0.05 for contrast in found)

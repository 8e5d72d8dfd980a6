"""What is written of the test of six methods: each run, each mean, each difference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from docs.draw_figures import draw_test
from recipes.tiny_omni.confirming import BASES, METHODS, trials
from recipes.tiny_omni.contrasts import CONTRASTS
from recipes.tiny_omni.findings import as_contrasts, as_methods, summarise

CLIPS = 8
SIDES = ("video", "audio")
NAMES = (
    "trap_log_odds",
    "hallucinated",
    "hallucinated_typical",
    "other_affirmed",
    "stress",
    "perception",
    "basic",
)
STRENGTHS = {method: float(number) for number, method in enumerate(METHODS)}


def figures(share: float, margin: float) -> dict[str, float]:
    found = {f"{name}_{side}": share for name in NAMES for side in SIDES}
    return (
        found
        | {f"trap_log_odds_{side}": margin for side in SIDES}
        | {"agreement": share, "readable": 1.0}
    )


def found(margin: float) -> dict[str, Any]:
    traps = [[clip, margin] for clip in range(CLIPS)]
    return {"traps": traps, "clear": figures(0.9, margin), "faint": figures(0.5, margin)}


@pytest.fixture(scope="module")
def record() -> Mapping[str, Any]:
    records: list[dict[str, Any]] = [{"base": seed, **found(-1.0)} for seed in BASES]
    records += [
        {
            "method": one.method,
            "base": one.base,
            "seed": one.seed,
            "balanced": one.balanced,
            "processor_seconds": 100.0,
            "tokens": 301_000,
            "text_gap": 2.0,
            # Seeds differ, and by how much they do is the same for all methods.
            **found(STRENGTHS[one.method] + one.seed / 10 + 10 * one.balanced),
        }
        for one in trials(BASES)
    ]
    found_again: dict[str, Any] = json.loads(json.dumps(summarise(records, CLIPS)))
    return found_again


def test_every_run_is_kept_with_its_mean_over_traps(record: Mapping[str, Any]) -> None:
    assert len(record["runs"]) == 3 + 72
    assert {run["traps"] for run in record["runs"]} == {CLIPS}
    (one,) = (
        run
        for run in record["runs"]
        if (run.get("method"), run["base"], run.get("seed"), run.get("balanced"))
        == ("sign turned", 1, 2, False)
    )
    assert one["trap_log_odds"] == pytest.approx(STRENGTHS["sign turned"] + 0.2)


def test_a_difference_is_that_of_the_methods_whatever_seeds_and_balanced_pairs_do(
    record: Mapping[str, Any],
) -> None:
    for one, (first, second) in zip(record["contrasts"], CONTRASTS, strict=True):
        expected = STRENGTHS[first] - STRENGTHS[second]
        assert (one["one"], one["other"]) == (first, second)
        assert one["difference"] == pytest.approx(expected)
        assert one["low"] == pytest.approx(expected) == one["high"]


def test_the_tables_name_each_method_once_and_its_means(record: Mapping[str, Any]) -> None:
    lines = as_methods(record).splitlines()
    rows = {line.split(" | ")[0].strip("| "): line for line in lines[2:]}
    assert len(rows) == len(lines) - 2 == 1 + len(METHODS) + 3
    strength = STRENGTHS["counterfactual"]
    mean = strength + fmean((0.0, 0.1, 0.2))
    expected = f"| 9 | {mean:+.1f} ({strength:+.1f} to {strength + 0.2:+.1f}) | 90.0 |"
    assert expected in rows["counterfactual"]
    assert rows["counterfactual"].endswith("| 90.0 | 100.0 | +2.0 | 301 | 100 |")
    assert rows["base"].endswith("| 90.0 | 100.0 |  |  |  |")
    assert "| 50.0 |" in as_methods(record, "faint")
    assert len(as_contrasts(record).splitlines()) == 2 + len(CONTRASTS)


def test_the_figure_shows_every_run_on_biased_pairs(
    record: Mapping[str, Any], tmp_path: Path
) -> None:
    figure = draw_test(record)
    above, below = figure.axes
    shown = [line for line in above.lines if line.get_marker() != "None"]
    assert len(shown) == 3 + 9 * len(METHODS)
    assert [label.get_text() for label in above.get_yticklabels()][-1] == "base"
    assert len(below.get_yticklabels()) == len(CONTRASTS)
    figure.savefig(tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").read_text(encoding="utf-8").count("<svg") == 1

"""What a study says of a member is its mean over seeds, base by base."""

from __future__ import annotations

from dataclasses import replace

from recipes.tiny_omni.direct import Judged, ask, figures
from recipes.tiny_omni.family import Row, as_direct_table, as_summary
from recipes.tiny_omni.measuring import Measured
from recipes.tiny_omni.recipe import small_recipe

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

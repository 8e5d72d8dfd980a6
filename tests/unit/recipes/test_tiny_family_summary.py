"""What a study says of a member is its mean over seeds, base by base."""

from __future__ import annotations

from recipes.tiny_omni.family import Row, as_summary
from recipes.tiny_omni.measuring import Measured

NAMES = ("average", "perception_video", "perception_audio", "text_prior_video", "text_prior_audio")
PER_MODALITY = ("balanced_reasoning_stress", "hallucination_rate")


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

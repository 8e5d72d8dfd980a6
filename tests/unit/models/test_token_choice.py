"""How a local model draws its tokens."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from emoreal_bench.model_adapters.local.adapter import Sampling
from emoreal_bench.model_adapters.local.token_choice import write_tokens

LOGITS = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
NEVER_ENDS = torch.tensor([-1])


def draw(temperature: float, top_p: float, *seeds: int, tokens: int = 1) -> list[list[int]]:
    logits = LOGITS.repeat(len(seeds), 1)
    sampling = Sampling(temperature, top_p, seeds)
    return write_tokens(logits, lambda _: logits, NEVER_ENDS, tokens, sampling)


@pytest.mark.parametrize(
    ("temperature", "shares"), [(1.0, [0.5, 0.3, 0.15, 0.05]), (0.5, [0.685, 0.247, 0.062, 0.007])]
)
def test_tokens_are_drawn_by_their_probability(temperature: float, shares: list[float]) -> None:
    (row,) = draw(temperature, 1.0, 0, tokens=4_000)
    counts = Counter(row)
    assert [counts[token] / 4_000 for token in range(4)] == pytest.approx(shares, abs=0.03)


def test_only_the_likeliest_tokens_with_the_wanted_share_are_drawn() -> None:
    (row,) = draw(1.0, 0.6, 0, tokens=500)
    assert set(row) == {0, 1}
    assert draw(1.0, 0.1, 0, tokens=20) == [[0] * 20]


def test_a_reply_depends_on_its_seed_and_not_on_its_batch() -> None:
    together = draw(1.0, 1.0, 1, 2, tokens=50)
    assert together == [draw(1.0, 1.0, seed, tokens=50)[0] for seed in (1, 2)]
    assert together[0] != together[1]


def test_without_a_sampling_the_likeliest_token_is_taken() -> None:
    assert write_tokens(LOGITS[None], lambda _: LOGITS[None], NEVER_ENDS, 3) == [[0, 0, 0]]

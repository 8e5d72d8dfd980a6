"""Dealing: balanced at every moment, and never against what is allowed."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.synth.dealing import Dealer


@given(st.integers(1, 9), st.integers(0, 60), st.integers(0, 99))
def test_no_card_is_ever_more_than_one_ahead(cards: int, times: int, seed: int) -> None:
    dealer = Dealer(range(cards), np.random.default_rng(seed))
    dealt = Counter(dealer.deal() for _ in range(times))
    counts = [dealt[card] for card in range(cards)]
    assert max(counts) - min(counts) <= 1


def test_keys_are_balanced_apart() -> None:
    dealer = Dealer("ab", np.random.default_rng(0))
    assert {dealer.deal("yes"), dealer.deal("yes")} == {"a", "b"}
    assert {dealer.deal("no"), dealer.deal("no")} == {"a", "b"}


@given(st.integers(0, 99))
def test_only_allowed_cards_are_dealt_and_the_others_catch_up(seed: int) -> None:
    dealer = Dealer("abc", np.random.default_rng(seed))
    assert {dealer.deal(allowed=lambda card: card == "a") for _ in range(5)} == {"a"}
    assert Counter(dealer.deal() for _ in range(10)) == {"b": 5, "c": 5}


def test_the_order_depends_on_the_seed() -> None:
    orders = {
        tuple(dealer.deal() for _ in range(6))
        for dealer in (Dealer(range(6), np.random.default_rng(seed)) for seed in range(5))
    }
    assert len(orders) > 1

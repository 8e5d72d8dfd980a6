"""Flipping the signs of clips, against McNemar's test and against every flip."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.statistics.paired import detectable, mcnemar_exact
from emoreal_bench.statistics.sign_flips import REPLICATES, sign_flip_test

SPREAD = 4 * (0.25 / REPLICATES) ** 0.5
"""Four standard errors of a share of the draws."""


@pytest.mark.parametrize(("lost", "gained"), [(12, 3), (40, 25), (7, 7), (1, 0)])
def test_with_one_question_to_a_clip_it_is_the_exact_test_of_mcnemar(
    lost: int, gained: int
) -> None:
    changes = np.concatenate([-np.ones(lost), np.ones(gained), np.zeros(50)])
    found = sign_flip_test(changes, 1.0, seed=1, name="one")
    two_sided = min(1.0, 2 * min(found.p_worse, found.p_better))
    assert two_sided == pytest.approx(mcnemar_exact(lost, gained), abs=2 * SPREAD)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_it_agrees_with_trying_every_flip(changes: list[int]) -> None:
    flips = [
        sum(s * c for s, c in zip(signs, changes, strict=True))
        for signs in product((-1, 1), repeat=len(changes))
    ]
    exact = sum(flip <= sum(changes) for flip in flips) / len(flips)
    found = sign_flip_test(np.array(changes, np.float64) / 7, 1 / 7, seed=2, name="all")
    assert found.p_worse == pytest.approx(exact, abs=SPREAD + 1 / REPLICATES)


def test_clips_count_and_not_their_questions() -> None:
    by_clip = sign_flip_test(np.full(4, -5.0), 1.0, seed=3, name="clips")
    by_question = sign_flip_test(np.full(20, -1.0), 1.0, seed=3, name="questions")
    assert by_clip.p_worse == pytest.approx(1 / 16, abs=SPREAD)
    assert by_question.p_worse < 0.001


def test_no_p_value_is_0_and_no_change_is_no_evidence() -> None:
    lost = sign_flip_test(np.full(500, -1.0), 1.0, seed=4, name="lost")
    assert lost.p_worse == 1 / (REPLICATES + 1)
    same = sign_flip_test(np.zeros(500), 1.0, seed=4, name="same")
    assert same.p_worse == same.p_better == 1.0
    assert same.standard_error == 1.0


def test_a_stricter_test_finds_only_larger_drops() -> None:
    error = sign_flip_test(np.array([-1.0, 1.0, 1.0]), 1.0, seed=5, name="level").standard_error
    assert detectable(error, 0.01) > detectable(error, 0.05) > 0

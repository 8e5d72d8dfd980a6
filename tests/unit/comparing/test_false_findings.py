"""How often equal models are told apart, and how often a loss is found: on counts, seeded."""

from __future__ import annotations

import pytest

from benchmarks.paired import BOARDS, SETTINGS, Board, Setting, compare_often, rank_often
from tests.unit.comparing.test_check_drops import binomial_bound

TABLES = 200
EQUAL = [one for one in SETTINGS if one.is_quick and not one.loss]
SMALL = [board for board in BOARDS if board.clips <= 30]


@pytest.mark.parametrize("setting", EQUAL, ids=lambda one: one.name)
def test_of_two_equal_models_few_tables_find_anything(setting: Setting) -> None:
    found = compare_often(setting, TABLES)
    assert found["any"] * TABLES <= binomial_bound(TABLES, 0.05)
    assert found["contradictions"] == 0


def test_a_loss_of_3_points_in_every_subtask_is_found_by_the_average() -> None:
    (setting,) = (one for one in SETTINGS if one.loss and one.is_quick)
    found = compare_often(setting, TABLES)
    # At least 90 %, with the 99.9 % binomial bound.
    assert (1 - found["average"]) * TABLES <= binomial_bound(TABLES, 0.1)
    assert found["contradictions"] == 0


@pytest.mark.parametrize("board", SMALL, ids=lambda one: one.name)
def test_of_equal_models_few_leaderboards_tell_any_two_apart(board: Board) -> None:
    assert rank_often(board, TABLES) * TABLES <= binomial_bound(TABLES, 0.05)

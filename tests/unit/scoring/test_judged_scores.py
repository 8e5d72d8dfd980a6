"""From judgements to means, intervals, agreement and counts."""

from __future__ import annotations

import json
import random
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoreal_bench.contracts.scores import JudgedScores
from emoreal_bench.contracts.vocabulary import DeliveryStatus, JudgedDimension, Outcome
from emoreal_bench.scoring.collect import Reply
from emoreal_bench.scoring.score import results_json
from tests.unit.judging.judge_data import only_subtask, rated, score_ratings, score_replies

BROKEN = "nine"
OVERLAP = JudgedDimension.CUE_OVERLAP
RATING = st.none() | st.integers(1, 10)
JUDGED = st.lists(st.lists(RATING, min_size=3, max_size=3), min_size=1, max_size=6)


def own_clips(*names: str) -> dict[str, str]:
    return {name: f"clip-{name}" for name in names}


def test_each_dimension_has_the_mean_of_its_own_ratings() -> None:
    scores = score_ratings(
        {"a": [rated(1, 2, 3, 4)], "b": [rated(3, 5, 7, 9)]}, own_clips("a", "b")
    )
    means = [scores.scores[dimension].mean for dimension in JudgedDimension]
    assert means == [2.0, 3.5, 5.0, 6.5]


@settings(max_examples=50)
@given(JUDGED)
def test_judgements_of_an_item_are_averaged_before_the_items(
    ratings: list[list[int | None]],
) -> None:
    replies = {
        str(number): [BROKEN if rating is None else rated(rating) for rating in its_ratings]
        for number, its_ratings in enumerate(ratings)
    }
    scores = score_ratings(replies, own_clips(*replies))
    readable = [[rating for rating in row if rating is not None] for row in ratings]
    item_means = [Fraction(sum(row), len(row)) for row in readable if row]
    expected = float(sum(item_means) / len(item_means)) if item_means else None
    assert scores.scores[OVERLAP].mean == expected
    assert (scores.judged, scores.items) == (len(item_means), len(ratings))
    assert scores.coverage == scores.judged / scores.items


def test_a_judgement_that_cannot_be_read_is_counted_and_pulls_no_mean() -> None:
    ids = own_clips("a", "b", "c", "d", "e")
    replies = {
        "a#1": Reply("a#1", DeliveryStatus.OK, rated(8)),
        "b#1": Reply("b#1", DeliveryStatus.OK, BROKEN),
        "c#1": Reply("c#1", DeliveryStatus.LENGTH, rated(1)[:-3]),
        "d#1": Reply("d#1", DeliveryStatus.REFUSED, ""),
        "e#1": Reply("e#1", DeliveryStatus.OK, rated(11)),
    }
    scores = only_subtask(score_replies(replies, ids))
    assert scores.scores[OVERLAP].mean == 8.0
    assert {outcome: count for outcome, count in scores.judgements.items() if count} == {
        Outcome.ANSWERED: 1,
        Outcome.UNPARSABLE: 2,
        Outcome.TRUNCATED: 1,
        Outcome.REFUSED: 1,
    }
    assert scores.coverage == 0.2


def test_without_any_readable_judgement_nothing_is_made_up() -> None:
    scores = score_ratings({"a": [BROKEN]}, own_clips("a"))
    assert {score.mean for score in scores.scores.values()} == {None}
    assert "no judgement could be read" in scores.notes


def test_items_of_one_clip_are_one_cluster() -> None:
    ratings = {str(number): [rated(1 + number % 10)] for number in range(30)}
    twice = ratings | {f"{name}-again": texts for name, texts in ratings.items()}
    once = score_ratings(ratings, own_clips(*ratings)).scores[OVERLAP]
    same_clips = {name: name.removesuffix("-again") for name in twice}
    clustered = score_ratings(twice, same_clips).scores[OVERLAP]
    apart = score_ratings(twice, own_clips(*twice)).scores[OVERLAP]
    # The same clips asked twice hold no more evidence; other clips do.
    assert clustered.interval == once.interval
    assert once.interval is not None
    assert apart.interval is not None
    assert apart.interval[1] - apart.interval[0] < once.interval[1] - once.interval[0]


def test_the_interval_holds_the_mean_and_stays_on_the_scale() -> None:
    ratings = {str(number): [rated(9 + number % 2)] for number in range(12)}
    score = score_ratings(ratings, own_clips(*ratings)).scores[OVERLAP]
    assert score.interval is not None
    assert 9 <= score.interval[0] < 9.5 < score.interval[1] <= 10
    assert score.mean == 9.5


@settings(max_examples=20)
@given(JUDGED, st.randoms(use_true_random=False))
def test_the_order_of_the_log_never_matters(
    ratings: list[list[int | None]], chance: random.Random
) -> None:
    replies = {
        f"{item}#{number}": Reply(f"{item}#{number}", DeliveryStatus.OK, rated(rating or 5))
        for item, row in enumerate(ratings)
        for number, rating in enumerate(row, start=1)
    }
    clips = {str(item): f"clip-{item // 2}" for item in range(len(ratings))}
    shuffled = dict(chance.sample(list(replies.items()), len(replies)))
    assert results_json(score_replies(shuffled, clips)) == results_json(
        score_replies(replies, clips)
    )


def test_agreement_is_of_the_judgements_of_one_reply_among_themselves() -> None:
    agreed = score_ratings({"a": [rated(2), rated(2)], "b": [rated(9)] * 2}, own_clips("a", "b"))
    mixed = score_ratings(
        {"a": [rated(2), rated(9)], "b": [rated(9), rated(2)]}, own_clips("a", "b")
    )
    assert agreed.scores[OVERLAP].agreement == 1.0
    alpha = mixed.scores[OVERLAP].agreement
    assert alpha is not None
    assert alpha < 0


@pytest.mark.parametrize(
    ("texts", "why"),
    [([rated(5)], "judged once"), ([rated(5), rated(5)], "readable judgements that differ")],
)
def test_undefined_agreement_is_null_and_says_why(texts: list[str], why: str) -> None:
    scores = score_ratings({"a": texts}, own_clips("a"))
    assert scores.scores[OVERLAP].agreement is None
    assert any(why in note for note in scores.notes)


def test_the_documented_example_follows_the_schema_and_adds_up() -> None:
    page = Path(__file__).parents[3] / "docs" / "judging.md"
    blocks = re.findall(r"```json\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = [block for block in blocks if '"judged"' in block]
    record = json.loads(f"{{{example}}}")["judged"]["emer"]
    scores = JudgedScores.model_validate(record)
    assert scores.coverage == scores.judged / scores.items
    replies = scores.items - sum(scores.without_reply.values())
    assert sum(scores.judgements.values()) == scores.repeats * replies
    assert set(scores.judgements) == set(Outcome) - {Outcome.STATEMENT}
    assert list(scores.scores) == list(JudgedDimension)

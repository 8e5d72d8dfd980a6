"""Accuracy over pairs of items."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.scores import SubtaskScores
from emoreal_bench.scoring.score import results_json, score
from tests.unit.scoring.scoring_data import make_item, make_task, replies

STRESS = "reasoning_stress_audio"


def _pair(name: str, clip: str | None = None) -> list[Item]:
    return [
        make_item(f"{name}-{side}", answer, clip=clip or name, pair=name, side=side)
        for side, answer in (("basic", "A"), ("hallucinated", "B"))
    ]


def _score(items: list[Item], texts: dict[str, str], scoring: str = "strict") -> SubtaskScores:
    return score(make_task(), items, replies(texts.items())).scores[scoring].subtasks[STRESS]


def test_a_pair_is_right_if_every_item_of_it_is() -> None:
    items = [item for name in "pqrs" for item in _pair(name)]
    texts = {
        "p-basic": "Yes",
        "p-hallucinated": "No",
        "q-basic": "Yes",
        "q-hallucinated": "Yes",
        "r-basic": "Yes",
        "r-hallucinated": "A or B",
        "s-basic": "Yes",
    }
    scores = _score(items, texts)
    assert scores.accuracy == 5 / 8
    assert scores.pair_accuracy == 1 / 4
    low, high = scores.intervals["pair_accuracy"]
    assert 0 <= low < 0.25 < high <= 1


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("AB?"), st.sampled_from("AB?")), min_size=1, max_size=12))
def test_pairs_are_never_right_more_often_than_items_nor_wrong_more_than_twice_as_often(
    answers: list[tuple[str, str]],
) -> None:
    items = [item for index in range(len(answers)) for item in _pair(str(index))]
    said = [text for pair in answers for text in pair]
    scores = _score(items, dict(zip((item.id for item in items), said, strict=True)))
    assert scores.accuracy is not None
    assert scores.pair_accuracy is not None
    assert 2 * scores.accuracy - 1 - 1e-12 <= scores.pair_accuracy <= scores.accuracy + 1e-12


def test_without_pairs_the_number_is_absent() -> None:
    items = [make_item("1", "A"), make_item("2", "B", category="spurious")]
    assert "pair_accuracy" not in results_json(score(make_task(), items, replies([("1", "A")])))


def test_only_strict_has_the_number_and_no_slice_that_parts_the_pairs() -> None:
    items = [item for index in range(10) for item in _pair(str(index))]
    results = score(make_task(slices=["side"]), items, replies((i.id, i.answer) for i in items))
    written = json.loads(results_json(results))["scores"]
    assert written["strict"][STRESS]["pair_accuracy"] == 1.0
    assert "pair_accuracy" not in json.dumps(written["official"])
    assert "pair_accuracy" not in written["strict"]["slices"]["side"]["basic"]


def test_an_item_whose_partner_is_not_planned_is_left_out_and_noted() -> None:
    items = [*_pair("p"), *_pair("q"), _pair("r")[0]]
    scores = _score(items, {"p-basic": "A", "p-hallucinated": "B", "r-basic": "A"})
    assert scores.pair_accuracy == 1 / 2
    assert any(note.startswith("pair_accuracy: left out") for note in scores.notes)
    alone = _score([_pair("r")[0]], {"r-basic": "A"})
    assert alone.pair_accuracy is None
    assert "pair_accuracy" in alone.model_fields_set


@pytest.mark.parametrize(("clips", "has_interval"), [(("x", "x"), False), (("x", "y"), True)])
def test_a_pair_belongs_to_the_clip_of_its_first_item(
    clips: tuple[str, str], has_interval: bool
) -> None:
    items = []
    for name, clip in zip("pq", clips, strict=True):
        first, second = _pair(name, clip)
        items += [first, make_item(second.id, second.answer, clip="z", pair=name)]
    scores = _score(items, {"p-basic": "A", "p-hallucinated": "B"})
    assert scores.pair_accuracy == 1 / 2
    assert ("pair_accuracy" in scores.intervals) is has_interval

"""What counts as a judgement, and what becomes of everything else."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.contracts.vocabulary import DeliveryStatus, JudgedDimension, Outcome
from emoreal_bench.resources import package_folders
from emoreal_bench.scoring.judgement import HIGHEST, LOWEST, Judgement, read_judgement
from tests.unit.judging.judge_data import rated

GOOD = rated(3, 9, 8, 10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(st.sampled_from(list(JudgedDimension)) | st.text(max_size=5), values)
    ),
    max_leaves=8,
)


def rubric() -> str:
    folder = package_folders("emoreal_bench.tasks")[0]
    return (folder / "prompts/judge/descriptions.j2").read_text(encoding="utf-8")


@given(st.lists(st.integers(LOWEST, HIGHEST), min_size=4, max_size=4))
def test_four_ratings_on_the_scale_are_read_as_they_are(ratings: list[int]) -> None:
    outcome, judgement = read_judgement(DeliveryStatus.OK, rated(*ratings))
    assert outcome is Outcome.ANSWERED
    assert judgement is not None
    assert [judgement.rating(dimension) for dimension in JudgedDimension] == ratings


@pytest.mark.parametrize(
    "text",
    [
        f"\n {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}```",
        f"<think>\n{{9}}?\n</think>{GOOD}",
    ],
    ids=["space", "json fence", "fence", "reasoning"],
)
def test_space_a_fence_and_hidden_reasoning_around_the_object_do_not_matter(text: str) -> None:
    assert read_judgement(DeliveryStatus.OK, text) == read_judgement(DeliveryStatus.OK, GOOD)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nine out of ten.",
        f"Here it is: {GOOD}",
        f"{GOOD} Because she smiles.",
        f"{GOOD}{GOOD}",
        f"[{GOOD}]",
        GOOD[:-1],
        GOOD.replace("9", "9.0"),
        GOOD.replace("9", '"9"'),
        GOOD.replace("9", "true"),
        GOOD.replace("9", "null"),
        GOOD.replace("9", "NaN"),
        GOOD.replace("9", "0"),
        GOOD.replace("9", "11"),
        GOOD.replace("9", "9" * 5000),
        GOOD.replace('"label_consistency": 9, ', ""),
        GOOD.replace("}", ', "overall": 9}'),
        GOOD.replace("}", ', "cue_overlap": 9}'),
        "[" * 100_000,
    ],
    ids=lambda text: text[:24] or "blank",
)
def test_anything_else_is_unparsable_and_has_no_rating(text: str) -> None:
    assert read_judgement(DeliveryStatus.OK, text) == (Outcome.UNPARSABLE, None)


@given(JSON)
def test_no_json_value_is_an_error(value: object) -> None:
    outcome, judgement = read_judgement(DeliveryStatus.OK, json.dumps(value))
    assert (outcome is Outcome.ANSWERED) == (judgement is not None)


def test_a_judgement_cut_off_by_the_limit_is_truncated() -> None:
    assert read_judgement(DeliveryStatus.LENGTH, GOOD[:-5]) == (Outcome.TRUNCATED, None)


def test_a_whole_judgement_counts_even_if_the_limit_fell_behind_it() -> None:
    assert read_judgement(DeliveryStatus.LENGTH, GOOD)[0] is Outcome.ANSWERED


def test_a_refusal_in_words_is_a_refusal() -> None:
    text = "I'm sorry, I can't rate descriptions of people."
    assert read_judgement(DeliveryStatus.OK, text) == (Outcome.REFUSED, None)


@pytest.mark.parametrize(
    "status", [status for status in DeliveryStatus if status not in ("ok", "length")]
)
def test_without_a_reply_there_is_no_judgement_whatever_the_text(status: DeliveryStatus) -> None:
    assert read_judgement(status, GOOD) == (Outcome(status.value), None)


def test_the_rubric_asks_for_the_object_that_is_read() -> None:
    schema = json.loads(rubric()[rubric().index('{"type"') :])
    ours = Judgement.model_json_schema()
    assert schema["required"] == ours["required"] == [str(name) for name in JudgedDimension]
    assert schema["additionalProperties"] is ours["additionalProperties"] is False
    for name, wanted in schema["properties"].items():
        said = {key: ours["properties"][name][key] for key in wanted}
        assert wanted == said == {"type": "integer", "minimum": LOWEST, "maximum": HIGHEST}


def test_the_rubric_explains_every_dimension_once() -> None:
    explained = re.findall(r"^(\w+):", rubric(), flags=re.MULTILINE)
    assert explained == [str(name) for name in JudgedDimension]

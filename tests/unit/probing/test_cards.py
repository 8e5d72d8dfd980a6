"""Reproduction cards: what they state, and how a run is held against one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.probing.cards import Card, card_paths, find_card
from emoreal_bench.probing.published import ReportedRow, load_published_rows
from emoreal_bench.probing.reproduction import (
    ReproductionVerdict,
    check_reproduction,
    why_not_comparable,
)
from emoreal_bench.record.finished import FinishedRun
from tests.run_factory import MadeUpRun

AVERE = find_card("emorealm-avere")
AS_PUBLISHED = MadeUpRun(variant="paper", accuracy=0.8, gap=0.033)


def report_of(run: MadeUpRun) -> FinishedRun:
    return FinishedRun(run.manifest(), run.results(), run.timings())


def with_one_value(value: float, tolerance: float = 0.02) -> Card:
    """Make a card that expects an average and nothing else."""
    average = AVERE.expected[0].model_copy(update={"value": value, "tolerance": tolerance})
    return AVERE.model_copy(update={"expected": (average,)})


def published_value(row: ReportedRow, metric: str, subtask: str | None) -> Any:
    values = getattr(row, metric)
    return values if subtask is None else values[subtask]


@pytest.mark.parametrize("name", sorted(card_paths()))
def test_a_card_says_what_the_published_row_of_its_model_says(name: str) -> None:
    card = find_card(name)
    assert card.name == name
    (published,) = (rows for rows in load_published_rows() if rows.task == card.task)
    row = next(row for row in published.rows if row.model == card.model)
    for expected in card.expected:
        reported = published_value(row, expected.metric, expected.subtask)
        assert (expected.value, expected.confidence) == (reported.value, reported.confidence)
    assert card.items == published.items


@pytest.mark.parametrize("name", sorted(card_paths()))
def test_a_card_asks_a_task_and_variant_that_exist(name: str) -> None:
    card = find_card(name)
    task = find_task(card.task).task
    assert card.variant in task.variants
    assert {value.subtask for value in card.expected} - {None} <= task.subtasks.keys()


def _unpublished(card: Card) -> list[str]:
    known = card.conditions.model_dump() | {"items": card.items}
    return [name for name, value in known.items() if value is None]


def test_a_card_names_the_conditions_that_nobody_published() -> None:
    assert _unpublished(find_card("emorealm-avere")) == []
    assert _unpublished(find_card("emorealm-avere-base")) == ["checkpoint"]
    assert _unpublished(find_card("dfew-qwen2.5-omni")) == [
        "checkpoint",
        "inputs",
        "prompt",
        "decoding",
        "items",
    ]


@pytest.mark.parametrize(
    ("published", "verdict"),
    [
        (0.833, ReproductionVerdict.WITHIN),
        (0.813, ReproductionVerdict.WITHIN),
        (0.853, ReproductionVerdict.WITHIN),
        (0.8129, ReproductionVerdict.ABOVE),
        (0.8531, ReproductionVerdict.BELOW),
    ],
)
def test_the_verdict_is_where_the_measured_value_lies(
    published: float, verdict: ReproductionVerdict
) -> None:
    report = check_reproduction(with_one_value(published), report_of(AS_PUBLISHED))
    assert report.verdict is verdict
    assert report.values[0].measured == pytest.approx(0.833)


def test_the_scoring_of_the_card_is_the_one_that_counts() -> None:
    card = with_one_value(0.8).model_copy(update={"scoring": Scoring.STRICT})
    assert check_reproduction(card, report_of(AS_PUBLISHED)).verdict is ReproductionVerdict.WITHIN
    assert (
        check_reproduction(with_one_value(0.8), report_of(AS_PUBLISHED)).verdict
        is ReproductionVerdict.ABOVE
    )


def test_the_worst_of_several_values_is_the_verdict() -> None:
    first = AVERE.expected[0]
    expected = (
        first.model_copy(update={"value": 0.5}),
        first,
        first.model_copy(update={"value": 0.99}),
    )
    card = AVERE.model_copy(update={"expected": expected})
    report = check_reproduction(card, report_of(AS_PUBLISHED))
    assert [value.verdict for value in report.values] == [
        ReproductionVerdict.ABOVE,
        ReproductionVerdict.WITHIN,
        ReproductionVerdict.BELOW,
    ]
    assert report.verdict is ReproductionVerdict.BELOW


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (replace(AS_PUBLISHED, failed=7), "7 of 4000 items did not come back from the model"),
        (
            replace(AS_PUBLISHED, variant="answer-format"),
            "the card is about emorealm, variant paper",
        ),
        (replace(AS_PUBLISHED, task="emorealm-synth"), "the card is about emorealm, variant paper"),
    ],
)
def test_another_question_or_a_gap_cannot_be_compared(run: MadeUpRun, reason: str) -> None:
    report = check_reproduction(with_one_value(0.833), report_of(run))
    assert report.verdict is ReproductionVerdict.NOT_COMPARABLE
    assert any(found.startswith(reason) for found in report.reasons)


def test_a_part_of_the_questions_cannot_be_compared() -> None:
    card = AVERE.model_copy(update={"items": 4001})
    assert why_not_comparable(card, report_of(AS_PUBLISHED)) == [
        "the card speaks of 4001 items, the run of 4000"
    ]


def test_a_number_of_items_that_nobody_published_is_no_obstacle() -> None:
    card = AVERE.model_copy(update={"items": None})
    assert why_not_comparable(card, report_of(AS_PUBLISHED)) == []


def test_a_modality_that_never_reached_the_model_cannot_be_compared() -> None:
    report = report_of(AS_PUBLISHED)
    delivery = report.results.delivery
    assert delivery is not None
    deaf = delivery.model_copy(update={"items_with_audio": 0})
    silent = replace(report, results=report.results.model_copy(update={"delivery": deaf}))
    assert why_not_comparable(AVERE, silent) == ["no audio reached the model"]


def test_a_number_that_the_run_lacks_cannot_be_compared() -> None:
    expected = AVERE.expected[1].model_copy(update={"metric": "uar"})
    card = AVERE.model_copy(update={"expected": (expected,)})
    report = check_reproduction(card, report_of(AS_PUBLISHED))
    assert report.verdict is ReproductionVerdict.NOT_COMPARABLE
    assert report.values[0].measured is None


def test_a_card_of_ones_own_is_read_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(AVERE.model_dump(mode="json", by_alias=True)))
    assert find_card(str(path)) == AVERE


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"surprise": 1}, "surprise"),
        ({"expected": []}, "expected"),
        (
            {"expected": [{"metric": "uar", "value": 0.5, "tolerance": 0.1, "confidence": "high"}]},
            "subtask",
        ),
        ({"conditions": {"checkpoint": None}}, "conditions.inputs"),
    ],
)
def test_a_card_that_breaks_the_schema_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(yaml.safe_dump(AVERE.model_dump(mode="json", by_alias=True) | changes))
    with pytest.raises(DataError, match=problem) as caught:
        find_card(str(path))
    assert caught.value.where == str(path)


def test_a_wrong_name_is_answered_with_the_nearest_right_one() -> None:
    with pytest.raises(UsageError, match="emorealm-avere"):
        find_card("emorealm-aver")

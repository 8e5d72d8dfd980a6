"""Rows that publications report."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.vocabulary import Alteration, QuestionType
from emoreal_bench.probing.published import (
    Confidence,
    PublishedRows,
    load_published_rows,
    read_published_rows,
)
from emoreal_bench.reporting.leaderboard.columns import reported_numbers
from emoreal_bench.reporting.leaderboard.rows import reported_rows
from tests.run_factory import SUBTASK_ITEMS, MadeUpRun

BASIC = ("reasoning_basic_audio", "reasoning_basic_video")
STRESS = ("reasoning_stress_audio", "reasoning_stress_video")


@pytest.fixture(scope="module")
def emorealm() -> PublishedRows:
    return next(rows for rows in load_published_rows() if rows.task == "emorealm")


def test_the_published_rows_speak_of_the_subtasks_of_the_task(emorealm: PublishedRows) -> None:
    named = {subtask for row in emorealm.rows for subtask in (*row.accuracy, *row.f1)}
    assert named == set(SUBTASK_ITEMS)
    assert emorealm.items == sum(SUBTASK_ITEMS.values())


def test_a_published_average_is_the_mean_of_its_subtasks(emorealm: PublishedRows) -> None:
    complete = [row for row in emorealm.rows if len(row.accuracy) == len(SUBTASK_ITEMS)]
    assert len(complete) == 2
    for row in complete:
        assert row.average_accuracy is not None
        parts = [reported.value for reported in row.accuracy.values()]
        assert mean(parts) == pytest.approx(row.average_accuracy.value, abs=0.0006)


def test_a_published_question_type_is_the_mean_of_its_subtasks(emorealm: PublishedRows) -> None:
    """The paper rounds to a tenth of a percent, and its own two tables differ by as much."""
    checked = 0
    for row in emorealm.rows:
        for reported, values, subtasks in (
            (row.type_accuracy.get(QuestionType.REASONING_BASIC), row.accuracy, BASIC),
            (row.type_f1.get(QuestionType.STRESS_TEST), row.f1, STRESS),
        ):
            if reported is not None and set(subtasks) <= values.keys():
                parts = [values[name].value for name in subtasks]
                assert mean(parts) == pytest.approx(reported.value, abs=0.0011)
                checked += 1
    assert checked == 4


def test_every_task_of_the_paper_has_rows() -> None:
    rows = {published.task: published for published in load_published_rows()}
    assert set(rows) == {"emorealm", "dfew", "ravdess", "mer2023", "emer"}
    for published in rows.values():
        assert published.statement == "from digests, not checked against the paper"
    assert rows["ravdess"].items == find_task("ravdess").task.subtasks["ravdess"].size


@pytest.mark.parametrize("name", ["dfew", "ravdess", "mer2023", "emer"])
def test_preference_tuning_beats_its_base_in_every_reported_number(name: str) -> None:
    """As the paper claims; a swapped column or row would break it."""
    (published,) = (rows for rows in load_published_rows() if rows.task == name)
    by_model = {row.model: row for row in published.rows}
    base, tuned = by_model["AVERE base"], by_model["AVERE base + AVEm-DPO"]
    compared = 0
    for metric in ("uar", "war", "weighted_f1", "ratings"):
        before, after = getattr(base, metric), getattr(tuned, metric)
        assert before.keys() == after.keys()
        compared += len(before)
        assert all(after[key].value > before[key].value for key in before)
    assert compared > 0


def test_rates_and_weighted_recall_stand_in_the_columns_of_measured_rows(
    emorealm: PublishedRows,
) -> None:
    tuned = next(row for row in emorealm.rows if row.model == "AVERE base + AVEm-DPO")
    numbers = reported_numbers(tuned, Confidence.HIGH)
    assert numbers["hallucination_rate", ""].value == pytest.approx(1 - 0.976)
    dfew = next(rows for rows in load_published_rows() if rows.task == "dfew")
    numbers = reported_numbers(dfew.rows[0], Confidence.HIGH)
    assert numbers["war", "dfew"].value == dfew.rows[0].war["dfew"].value


def test_values_below_the_asked_confidence_are_left_out(emorealm: PublishedRows) -> None:
    high = {row.model: row for row in reported_rows(emorealm, Confidence.HIGH)}
    medium = {row.model: row for row in reported_rows(emorealm, Confidence.MEDIUM)}
    assert ("accuracy", "modality_agreement") not in high["AVERE base"].numbers
    assert ("accuracy", "modality_agreement") in medium["AVERE base"].numbers
    assert "Qwen 2.5 Omni" not in high
    assert "Qwen 2.5 Omni" in medium


def test_every_reported_row_names_its_sources_and_says_that_nobody_checked_it(
    emorealm: PublishedRows,
) -> None:
    for row in reported_rows(emorealm, Confidence.LOW):
        assert row.remarks[0].startswith("Sources: S")
        assert row.facts == ("from digests, not checked against the paper",)
        assert row.rank is None


@pytest.mark.parametrize(
    ("run", "fits"),
    [
        (MadeUpRun(variant="paper"), True),
        (MadeUpRun(variant="answer-format"), False),
        (MadeUpRun(variant="paper", task="emorealm-synth"), False),
        (MadeUpRun(variant="paper", media=MediaWanted(alteration=Alteration.MUTE)), False),
        (MadeUpRun(variant="paper", media=MediaWanted(modalities=())), False),
    ],
)
def test_reported_rows_stand_only_beside_the_same_questions_asked_the_same_way(
    emorealm: PublishedRows, run: MadeUpRun, fits: bool
) -> None:
    assert emorealm.speaks_of(run.manifest()) is fits


def test_a_run_of_some_items_does_not_stand_beside_reported_rows(emorealm: PublishedRows) -> None:
    manifest = MadeUpRun(variant="paper").manifest()
    part = manifest.model_copy(update={"data": manifest.data.model_copy(update={"items": 50})})
    assert not emorealm.speaks_of(part)


@pytest.mark.parametrize(
    "changes",
    [{"surprise": 1}, {"sources": {}}, {"schema": 2}, {"rows": [{"model": "m", "sources": []}]}],
)
def test_a_file_that_breaks_the_schema_is_refused_by_name(
    tmp_path: Path, emorealm: PublishedRows, changes: dict[str, Any]
) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(emorealm.model_dump(mode="json", by_alias=True) | changes))
    with pytest.raises(DataError) as caught:
        read_published_rows(path)
    assert caught.value.where == str(path)

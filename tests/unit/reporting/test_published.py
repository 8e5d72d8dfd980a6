"""Rows that publications report."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.vocabulary import Alteration
from emoreal_bench.reporting.leaderboard_rows import reported_rows
from emoreal_bench.reporting.published import (
    Confidence,
    PublishedRows,
    load_published_rows,
    read_published_rows,
)
from tests.run_factory import SUBTASK_ITEMS, MadeUpRun


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

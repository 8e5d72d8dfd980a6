"""Which questions all models fail, and on which they disagree."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench import api
from emoreal_bench.probing.published import Confidence
from emoreal_bench.reporting.leaderboard.groups import make_groups
from emoreal_bench.reporting.leaderboard.questions import QuestionTable, make_question_table
from emoreal_bench.running.results import load_report
from tests.small_emorealm import gold_answers, make_data, write_script

ITEMS = 20


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Make runs of which the first errs in every fourth question, the second in every second."""
    root = tmp_path_factory.mktemp("questions")
    data = make_data(root / "data", items=ITEMS)
    folders = []
    for every in (4, 2):
        model = write_script(root / f"{every}.json", gold_answers(data), wrong_every=every)
        api.evaluate(model, "emorealm", data, api.RunOptions(out=root / f"run-{every}"))
        folders.append(root / f"run-{every}")
    return folders


def _table(*folders: Path) -> QuestionTable | None:
    (group,) = make_groups([load_report(one) for one in folders], (), Confidence.HIGH)
    return make_question_table(group.tables[0])


def test_questions_are_those_that_all_fail_and_those_they_disagree_on(runs: list[Path]) -> None:
    table = _table(*runs)
    assert table is not None
    assert table.counts == (5, 5, 10)
    assert [row.id for row in table.failed] == [f"q{number}" for number in range(0, ITEMS, 4)]
    assert [row.id for row in table.disputed] == [f"q{number}" for number in range(2, ITEMS, 4)]
    # The better model stands first.
    assert {row.right for row in table.disputed} == {(True, False)}
    assert table.failed[1].question == "Is it so, number 4?"


def test_one_model_alone_agrees_with_itself(runs: list[Path]) -> None:
    assert _table(runs[0]) is None


def test_a_page_that_cannot_be_written_is_missed_aloud(
    runs: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api.build_leaderboard(runs[:1], tmp_path / "plain")
    assert not caplog.text
    api.build_leaderboard(runs[:1], tmp_path / "asked", questions=True)
    assert not (tmp_path / "asked/questions").exists()
    assert "No page of questions for" in caplog.text
    assert "two complete runs" in caplog.text


def test_the_page_is_written_and_linked_only_where_it_is_asked_for(
    runs: list[Path], tmp_path: Path
) -> None:
    plain = api.build_leaderboard(runs, tmp_path / "plain").read_text(encoding="utf-8")
    assert "questions/" not in plain
    assert "Is it so" not in plain
    asked = api.build_leaderboard(runs, tmp_path / "asked", questions=True)
    (page,) = (tmp_path / "asked" / "questions").iterdir()
    assert f"questions/{page.name}" in asked.read_text(encoding="utf-8")
    assert "Both models fail 5 of the 20 questions" in page.read_text(encoding="utf-8")

"""What stands behind a table: slices and tables of right and given answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.contracts.scores import ScoringReport, SubtaskScores
from emoreal_bench.contracts.vocabulary import Outcome
from emoreal_bench.probing.published import Confidence
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.leaderboard.breakdowns import Breakdown, make_breakdown
from emoreal_bench.reporting.leaderboard.build import build_leaderboard
from emoreal_bench.reporting.leaderboard.groups import make_groups
from emoreal_bench.reporting.leaderboard.rows import Badge, Row
from emoreal_bench.reporting.leaderboard.tables import Table
from emoreal_bench.running.results import load_report
from tests.label_run import make_label_run
from tests.run_factory import MadeUpRun, write_runs


@pytest.fixture(scope="module")
def label_runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("label")
    return [
        make_label_run(root, "better", {1: "sad"}),
        make_label_run(root, "worse", {1: "sad", 2: "Angry.", 7: "a mix of sadness and anger"}),
    ]


def _headline_table(*reports: FinishedRun) -> Table:
    (group,) = make_groups(reports, [], Confidence.HIGH)
    return group.tables[0]


def _breakdown(table: Table) -> Breakdown:
    assert table.breakdown is not None
    return table.breakdown


def _sliced_row(model: str, notes: tuple[str, ...] = (), **groups: int) -> Row:
    slices = {
        value: SubtaskScores(
            n=items,
            outcomes=dict.fromkeys(Outcome, 0) | {Outcome.ANSWERED: items},
            accuracy=0.5,
        )
        for value, items in groups.items()
    }
    report = ScoringReport(average_accuracy=0.5, slices={"emotion": slices}, notes=notes)
    return Row(model=model, badge=Badge.MEASURED, report=report)


def test_a_label_run_shows_where_its_wrong_answers_went(label_runs: list[Path]) -> None:
    breakdown = _breakdown(_headline_table(*map(load_report, label_runs)))
    worse = breakdown.models[1]
    assert worse.row.model.endswith("worse.json")
    (confusion,) = worse.confusions
    column = {answer: place for place, answer in enumerate(confusion.answers)}
    assert confusion.answers[-1] == "unmapped"
    cells = dict(confusion.rows)
    happiness, sadness = cells["happiness"], cells["sadness"]
    assert [happiness[column[name]].count for name in ("happiness", "sadness", "anger")] == [
        4,
        1,
        1,
    ]
    assert happiness[column["happiness"]].share == "66.7"
    assert happiness[column["happiness"]].is_right
    assert sadness[column["unmapped"]].count == 1
    assert sadness[column["unmapped"]].share == "25.0"


def test_a_class_without_items_has_no_shares(label_runs: list[Path]) -> None:
    breakdown = _breakdown(_headline_table(load_report(label_runs[0])))
    cells = dict(breakdown.models[0].confusions[0].rows)["fear"]
    assert {(cell.count, cell.share, cell.level) for cell in cells} == {(0, "\N{EN DASH}", 0)}


def test_the_page_of_a_label_task_holds_the_table_of_every_model(
    label_runs: list[Path], tmp_path: Path
) -> None:
    build_leaderboard(label_runs, tmp_path)
    (page,) = tmp_path.glob("breakdowns/dfew-*-strict.html")
    text = page.read_text(encoding="utf-8")
    assert text.count('<section class="answers"') == 2
    assert "4<small>66.7 %</small>" in text
    main = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert f'href="breakdowns/{page.name}"' in main


def test_label_tasks_show_war_and_uar_instead_of_accuracy(label_runs: list[Path]) -> None:
    table = _headline_table(*map(load_report, label_runs))
    keys = [column.key for column in table.columns]
    assert {"war.dfew", "uar.dfew", "weighted_f1.dfew"} <= set(keys)
    assert "accuracy.dfew" not in keys
    cells = table.bodies[0].rows[1].cells
    shown = {key: cells[keys.index(key)].text for key in ("war.dfew", "uar.dfew")}
    recalls = (4 / 6, 3 / 4, 1)
    assert shown == {"war.dfew": f"{100 * 9 / 12:.1f}", "uar.dfew": f"{100 * sum(recalls) / 3:.1f}"}


def test_always_giving_the_commonest_answer_is_in_the_band_that_needs_no_clip(
    label_runs: list[Path],
) -> None:
    assert _headline_table(load_report(label_runs[0])).blind_band == (0.5, 0.5)


def test_choices_show_whether_a_model_leans_to_a_letter() -> None:
    run = MadeUpRun(accuracy=0.6)
    breakdown = _breakdown(_headline_table(FinishedRun(run.manifest(), run.results())))
    confusions = {one.name: one for one in breakdown.models[0].confusions}
    assert confusions["reasoning basic audio"].answers == ("A", "B", "C", "D", "unmapped")
    assert confusions["modality agreement"].answers == ("yes", "no", "unmapped")


def test_slices_keep_the_order_of_the_rows_and_leave_out_what_a_model_has_not() -> None:
    breakdown = _breakdown_of(
        _sliced_row("one", happiness=20), _sliced_row("two", happiness=20, fear=12)
    )
    (slices,) = breakdown.slices
    assert slices.groups == (("happiness", 20), ("fear", 12))
    shown = [(row.model, [cell is not None for cell in cells]) for row, cells in slices.rows]
    assert shown == [("one", [True, False]), ("two", [True, True])]


def test_groups_that_are_too_small_are_named_and_not_shown() -> None:
    note = "emotion: groups under 10 items are not shown: disgust"
    breakdown = _breakdown_of(_sliced_row("one", (note, "no items of x"), happiness=20))
    (slices,) = breakdown.slices
    assert slices.notes == (note,)
    assert [value for value, _ in slices.groups] == ["happiness"]


def _breakdown_of(*rows: Row) -> Breakdown:
    breakdown = make_breakdown(rows)
    assert breakdown is not None
    return breakdown


def test_a_table_of_reported_rows_alone_has_nothing_behind_it() -> None:
    assert make_breakdown([Row(model="theirs", badge=Badge.REPORTED)]) is None


def test_a_slice_below_full_coverage_says_so(tmp_path: Path) -> None:
    build_leaderboard(write_runs(tmp_path / "runs", MadeUpRun("hf/partial", failed=40)), tmp_path)
    (page,) = tmp_path.glob("breakdowns/*-strict.html")
    text = page.read_text(encoding="utf-8")
    slices = text[text.index('id="slices-1"') : text.index('id="confusion"')]
    assert "at 99.0 % coverage" in slices


def test_what_others_wrote_is_text_on_the_page_too(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\"'"
    runs = write_runs(tmp_path / "runs", MadeUpRun(hostile, title=hostile, label=hostile))
    build_leaderboard(runs, tmp_path)
    for page in tmp_path.glob("breakdowns/*.html"):
        text = page.read_text(encoding="utf-8")
        assert text.count("<script>") == 1
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text

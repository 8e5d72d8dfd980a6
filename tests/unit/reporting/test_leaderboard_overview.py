"""Tasks side by side, and rows of one name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.probing.published import Confidence
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.leaderboard.build import build_leaderboard
from emoreal_bench.reporting.leaderboard.columns import Number, choose_columns, measured_numbers
from emoreal_bench.reporting.leaderboard.figures import make_overview
from emoreal_bench.reporting.leaderboard.groups import Group, make_groups
from emoreal_bench.reporting.leaderboard.rows import Badge, Row, tell_apart
from tests.run_factory import MadeUpRun, write_runs


def _row(model: str, average: float, key: str = "") -> Row:
    return Row(
        model=model, badge=Badge.MEASURED, average=Number(average), model_key=key or f"hash {model}"
    )


def _groups(*reports: FinishedRun) -> list[Group]:
    return make_groups(reports, [], Confidence.HIGH)


def _report(run: MadeUpRun) -> FinishedRun:
    return FinishedRun(run.manifest(), run.results(), run.timings())


def test_a_model_is_one_row_over_all_tasks_wherever_its_weights_lie() -> None:
    overview = make_overview(
        [
            ("first", [_row("hf/here", 0.8, "w"), _row("hf/other", 0.6)], 0.5),
            ("second", [_row("hf/there", 0.7, "w")], 0.5),
        ]
    )
    shown = [
        (row.model, [cell and cell.accuracy for cell in cells]) for row, cells in overview.rows
    ]
    assert shown == [("hf/here", [0.8, 0.7]), ("hf/other", [0.6, None])]


def test_of_several_runs_of_a_model_the_lowest_counts() -> None:
    overview = make_overview([("task", [_row("hf/one", 0.8, "w"), _row("hf/one", 0.7, "w")], 0.5)])
    ((_, (cell,)),) = overview.rows
    assert cell is not None
    assert cell.accuracy == 0.7


def test_one_task_alone_is_not_set_beside_anything(tmp_path: Path) -> None:
    def overview_of(*runs: MadeUpRun) -> bool:
        site = tmp_path / str(len(runs))
        page = build_leaderboard(write_runs(site / "runs", *runs), site)
        is_shown = 'id="overview"' in page.read_text(encoding="utf-8")
        assert (site / "tables" / "overview.csv").exists() == is_shown
        return is_shown

    assert not overview_of(MadeUpRun())
    assert overview_of(MadeUpRun(), MadeUpRun(task="another"))


def test_a_way_of_asking_that_departs_from_the_task_stands_behind_it_and_says_so() -> None:
    plain = MadeUpRun(request_hash="f" * 64)
    seeded = _report(MadeUpRun(request_hash="a" * 64))
    request = seeded.manifest.request
    generation = request.generation.model_copy(update={"seed": 7})
    manifest = seeded.manifest.model_copy(
        update={"request": request.model_copy(update={"generation": generation})}
    )
    first, second = _groups(_report(plain), replace(seeded, manifest=manifest))
    assert first.how_asked == "answer-format"
    assert second.how_asked == "answer-format, seed 7"


def test_rows_of_one_name_are_told_apart_by_what_they_do_not_share() -> None:
    rows = [
        Row(model="hf/one", badge=Badge.MEASURED, facts=("7.0 B parameters", f"weights {digit}"))
        for digit in "ab"
    ]
    alone = Row(model="hf/two", badge=Badge.MEASURED, facts=("weights c",))
    assert [row.distinction for row in tell_apart([*rows, alone])] == [
        "run 1 of 2, weights a",
        "run 2 of 2, weights b",
        "",
    ]


def test_accuracy_over_pairs_has_a_column_where_a_task_has_pairs() -> None:
    run = _report(MadeUpRun())
    strict = run.results.scores["strict"]
    paired = strict.subtasks["modality_agreement"].model_copy(
        update={"pair_accuracy": 0.25, "intervals": {"pair_accuracy": (0.2, 0.3)}}
    )
    scores = {"strict": strict.model_copy(update={"modality_agreement": paired})}
    results = run.results.model_copy(update={"scores": scores})
    numbers = measured_numbers(replace(run, results=results), Scoring.STRICT)
    assert numbers["pair_accuracy", "modality_agreement"] == Number(0.25, (0.2, 0.3))
    ((_, column),) = [
        found
        for found in choose_columns(list(strict.subtasks), [numbers])
        if found[0][0] == "pair_accuracy"
    ]
    assert (column.family, column.label) == ("Pair accuracy", "modality agreement")

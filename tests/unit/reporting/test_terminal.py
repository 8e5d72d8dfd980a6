"""Scores in the terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Literal

import pytest
from rich.console import Console
from rich.table import Table

from emoreal_bench.contracts.run_record import HeldUp
from emoreal_bench.contracts.scores import ScoringReport, SubtaskScores
from emoreal_bench.contracts.vocabulary import Outcome, Scoring
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.terminal.scores import (
    rate_table,
    report_lines,
    report_renderables,
    results_lines,
    results_renderables,
    score_table,
    summary_table,
)
from tests.run_factory import SUBTASK_ITEMS, MadeUpRun


def _report(run: MadeUpRun) -> FinishedRun:
    return FinishedRun(run.manifest(), run.results(), run.timings())


def _printed(report: FinishedRun, width: int = 100, *, colour: bool = False) -> str:
    file = io.StringIO()
    system: Literal["truecolor"] | None = "truecolor" if colour else None
    console = Console(width=width, file=file, force_terminal=colour, color_system=system)
    for renderable in report_renderables(report):
        console.print(renderable, highlight=False)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_every_number_is_whole_at_usual_widths(width: int) -> None:
    printed = _printed(_report(MadeUpRun()), width)
    assert "…" not in printed
    assert max(len(line) for line in printed.splitlines()) <= width
    for expected in (
        "972",
        "70.0 [67.1\N{EN DASH}72.9]",
        "25.0",
        "60.0 [58.5\N{EN DASH}61.5]",
        "+4.0",
    ):
        assert expected in printed


def test_coverage_comes_before_any_score() -> None:
    printed = _printed(_report(MadeUpRun(failed=40)))
    assert printed.index("Coverage 99.0 %: 3,960 of 4,000 items") < printed.index("accuracy")
    assert "40 failed" in printed


def test_a_score_below_full_coverage_is_printed_with_its_coverage() -> None:
    assert "[58.5\N{EN DASH}61.5] at 99.0 % coverage" in _printed(_report(MadeUpRun(failed=40)))
    assert "% coverage" not in _printed(_report(MadeUpRun(failed=0)))


def test_strict_comes_first_with_the_official_accuracy_and_the_gap_beside_it() -> None:
    lines = report_lines(_report(MadeUpRun(scorings=(Scoring.OFFICIAL, Scoring.STRICT))))
    titles = [line for line in lines if "average accuracy" in line]
    assert [title.split(":")[0] for title in titles] == ["strict", "official"]
    assert titles[0].endswith("official 64.0 (gap +4.0)")
    headings = [
        column.header for column in score_table(MadeUpRun().results(), Scoring.STRICT).columns
    ]
    assert headings[-2:] == ["official", "gap"]


def test_what_a_run_says_cannot_reach_the_terminal_as_commands() -> None:
    hostile = "evil\x1b[2J\x1b]0;title\x07\r\x08[bold red]name"
    report = _report(
        MadeUpRun(
            model=hostile,
            label=hostile,
            warnings=(hostile,),
            delivery_notes={hostile: 3},
        )
    )
    printed = _printed(report) + "\n".join(report_lines(report))
    assert not set("\x1b\r\x08\x07") & set(printed)
    assert printed.count("evil [bold red]name") == 8


def test_colour_is_never_the_only_signal() -> None:
    report = _report(MadeUpRun(failed=40, warnings=("Look here.",)))
    plain = _printed(report)
    assert "\x1b[" in _printed(report, colour=True)
    assert "Warning: Look here." in plain


def test_a_number_that_does_not_apply_is_blank_and_one_not_defined_is_a_dash() -> None:
    report = _report(MadeUpRun())
    stress = SubtaskScores(
        n=10,
        outcomes={Outcome.ANSWERED: 10},
        accuracy=0.5,
        hallucination_rate=None,
        yes_recall=0.25,
        notes=("no item names a category",),
    )
    basic = SubtaskScores(n=10, outcomes={Outcome.ANSWERED: 10}, accuracy=0.5)
    # Where no row has any, there is no such column.
    other = SubtaskScores(n=10, outcomes={}, accuracy=0.5, hallucination_rate=0.75)
    strict = ScoringReport(average_accuracy=0.5, basic=basic, stress=stress, other=other)
    results = report.results.model_copy(update={"scores": {"strict": strict}})
    printed = _printed(replace(report, results=results))
    row = next(line for line in printed.splitlines() if "25.0" in line)
    assert row.split() == ["stress", "25.0", "\N{EN DASH}"]
    assert "Note: stress: no item names a category" in results_lines(results)


def test_the_accuracy_of_pairs_has_a_column_where_there_are_pairs() -> None:
    results = MadeUpRun().results()
    for fields, is_shown in (({}, False), ({"pair_accuracy": 0.125}, True)):
        scores = SubtaskScores(n=16, outcomes={}, accuracy=0.5, yes_rate=0.5, **fields)
        strict = ScoringReport(average_accuracy=0.5, image=scores)
        table = rate_table(
            results.model_copy(update={"scores": {"strict": strict}}), Scoring.STRICT
        )
        assert table is not None
        assert ("pairs" in [column.header for column in table.columns]) is is_shown


def test_a_note_about_every_subtask_is_printed_once_without_their_names() -> None:
    scores = SubtaskScores(n=1, outcomes={}, accuracy=0.5, notes=("the intervals are rough",))
    strict = ScoringReport(average_accuracy=0.5, one=scores, two=scores)
    results = MadeUpRun().results().model_copy(update={"scores": {"strict": strict}})
    notes = [line for line in results_lines(results) if line.startswith("Note")]
    assert notes == ["Note: the intervals are rough"]


def test_a_run_is_summed_up_under_the_headline_and_scores_are_shown_under_all() -> None:
    report = _report(MadeUpRun())
    summary = [one for one in report_renderables(report) if isinstance(one, Table)]
    everything = [one for one in results_renderables(report.results) if isinstance(one, Table)]
    assert [str(table.title).split(":")[0] for table in summary] == ["strict", "strict"]
    assert [str(table.title).split(":")[0] for table in everything] == [
        "strict",
        "strict",
        "official",
        "official",
    ]
    assert "\nofficial: average accuracy 64.0" in _printed(report)


def test_plain_lines_name_every_number() -> None:
    lines = report_lines(_report(MadeUpRun()))
    rows = {line.strip().split(":")[0]: line for line in lines if line.startswith("  ")}
    assert set(SUBTASK_ITEMS) <= set(rows)
    assert "n 820" in rows["reasoning_stress_audio"]
    assert "yes_recall 59.0" in rows["reasoning_stress_audio"]


def test_results_without_any_scoring_still_show_coverage() -> None:
    results = MadeUpRun().results().model_copy(update={"scores": {}})
    report = replace(_report(MadeUpRun()), results=results)
    assert "Coverage 100.0 %" in _printed(report)


def test_several_runs_are_set_side_by_side_in_their_order() -> None:
    reports = [_report(MadeUpRun(model=name)) for name in ("b/second", "a/first")]
    text = io.StringIO()
    Console(file=text, width=120).print(summary_table(reports))
    rows = [line for line in text.getvalue().splitlines() if "100.0" in line]
    assert [row.split()[0] for row in rows] == ["b/second", "a/first"]


@pytest.mark.parametrize(
    ("seconds", "line"),
    [(95.0, "Took 95.0 s: model 51 %, decoding 25 %, loading 20 %, writing 3 %"), (0.2, None)],
)
def test_what_held_a_run_up_is_said_of_one_that_took_its_time(
    seconds: float, line: str | None
) -> None:
    run = MadeUpRun()
    shares = HeldUp(decoding=0.25, loading=0.2, model=0.514, service=0.0, writing=0.032, rest=0.004)
    timings = run.timings().model_copy(update={"wall_seconds": seconds, "held_up": shares})
    text = _printed(FinishedRun(run.manifest(), run.results(), timings))
    assert ("Took" in text) is (line is not None)
    assert line is None or line in text

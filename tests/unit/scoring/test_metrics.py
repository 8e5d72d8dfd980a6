"""The table of metrics, and everything that follows from it."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from sklearn.metrics import cohen_kappa_score

from emoreal_bench import api
from emoreal_bench.cli.application import run as run_command
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.task import DEFAULT_METRICS
from emoreal_bench.contracts.vocabulary import AnswerKind, Scoring
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.leaderboard.columns import (
    Number,
    choose_columns,
    measured_numbers,
    write_cell,
)
from emoreal_bench.reporting.terminal.scores import rate_table, results_renderables
from emoreal_bench.scoring import metrics
from emoreal_bench.scoring.counts import Counts, ratio
from emoreal_bench.scoring.metrics import METRICS, Metric, all_metrics
from emoreal_bench.scoring.score import results_json, score
from tests.run_factory import MadeUpRun
from tests.unit.scoring.scoring_data import (
    label_item,
    label_task,
    make_item,
    make_task,
    replies,
)

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
OTHER_NUMBERS = {"majority_baseline", "per_class", "confusion", "chance"}
SILENCE = Metric(
    name="silence",
    label="Silence",
    description="Share of questions without an answer.",
    better="lower",
    applies_to=(AnswerKind.YES_NO,),
    formula=lambda counts: ratio(counts.table[..., -1].sum(-1), counts.gold.sum(-1)),
)


def _label_results(seed: int, wanted: tuple[str, ...]) -> tuple[list[str], list[str], Results]:
    """Score random emotion words, some of which are none."""
    draw = random.Random(seed)
    classes = ("happiness", "sadness", "anger")
    gold = [draw.choice(classes) for _ in range(60)]
    said = [draw.choice((label, *classes, "hm")) for label in gold]
    task = label_task(classes).model_copy(update={"metrics": wanted})
    items = [label_item(str(number), label) for number, label in enumerate(gold)]
    given = replies((str(number), text) for number, text in enumerate(said))
    return gold, said, score(task, items, given, scorings=[Scoring.STRICT])


@pytest.mark.parametrize("seed", range(5))
def test_cohens_kappa_is_that_of_scikit_learn(seed: int) -> None:
    gold, said, results = _label_results(seed, ("cohen_kappa",))
    scores = results.scores["strict"].subtasks["dfew"]
    kappa = scores.number("cohen_kappa")
    assert kappa == pytest.approx(cohen_kappa_score(gold, said))
    low, high = scores.intervals["cohen_kappa"]
    assert low < cohen_kappa_score(gold, said) < high


def test_a_metric_that_no_task_asks_for_is_in_no_result() -> None:
    *_, usual = _label_results(0, DEFAULT_METRICS)
    *_, asked = _label_results(0, (*DEFAULT_METRICS, "cohen_kappa"))
    assert "kappa" not in results_json(usual)
    assert "cohen_kappa" in json.loads(results_json(asked))["scores"]["strict"]["dfew"]


def test_a_result_with_a_metric_of_another_package_is_read_without_that_package() -> None:
    *_, results = _label_results(0, ("cohen_kappa",))
    text = results_json(results).replace("cohen_kappa", "of_elsewhere")
    again = Results.model_validate_json(text)
    read, written = json.loads(results_json(again)), json.loads(text)
    assert {**read, "checksum": None} == {**written, "checksum": None}
    assert again.scores["strict"].subtasks["dfew"].number("of_elsewhere") is not None
    assert len(results_renderables(again)) == len(results_renderables(results))


def test_a_metric_in_the_table_is_in_results_tables_leaderboards_and_the_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(metrics, "METRICS", {**METRICS, "silence": SILENCE})
    task = make_task(metrics=["accuracy", "silence", "f1"])
    items = [make_item(str(number), "AB"[number % 2]) for number in range(20)]
    given = replies((str(number), "A" if number % 4 else "hm") for number in range(20))
    results = score(task, items, given)
    scores = results.scores["strict"].subtasks["reasoning_stress_audio"]
    assert scores.number("silence") == 0.25
    assert "silence" in scores.intervals
    assert results.scores["strict"].question_types["stress_test"].number("silence") == 0.25

    table = rate_table(results, Scoring.STRICT, task.metrics)
    assert table is not None
    assert [column.header for column in table.columns] == ["", "Silence", "F1"]

    manifest = MadeUpRun().manifest()
    definition = task.model_dump(mode="json", by_alias=True)
    manifest = manifest.model_copy(update={"task_definition": definition})
    numbers = measured_numbers(FinishedRun(manifest, results), Scoring.STRICT)
    key = ("silence", "reasoning_stress_audio")
    assert numbers[key] == Number(0.25, scores.intervals["silence"])
    (column,) = (one for of, one in choose_columns([key[1]], [numbers]) if of == key)
    assert (column.family, column.lower_is_better) == ("Silence", True)
    assert write_cell(key, numbers[key]).text == "25.0"

    assert run_command(["list", "metrics", "--json"]) == 0
    assert "silence" in [row["name"] for row in json.loads(capsys.readouterr().out)]


def test_list_metrics_names_every_metric() -> None:
    assert [row["name"] for row in api.list_metrics()] == list(all_metrics())


def test_every_metric_that_tables_show_by_default_exists() -> None:
    assert set(DEFAULT_METRICS) <= set(METRICS)


def test_the_page_has_a_row_for_every_metric_and_for_nothing_else() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("## Numbers of a subtask")[2].partition("`outcomes` counts")[0]
    first_cells = re.findall(r"^\| (`.+?`) \|", table, flags=re.MULTILINE)
    named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(METRICS) | OTHER_NUMBERS


def test_a_metric_of_several_kinds_of_answers_needs_only_counts_that_each_has() -> None:
    def classes_asked(counts: Counts) -> metrics.Numbers:
        asked: metrics.Numbers = (counts.gold > 0).sum(-1).astype(float)
        return asked

    metric = replace(
        SILENCE, applies_to=(AnswerKind.CHOICE, AnswerKind.YES_NO), formula=classes_asked
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "METRICS", {**METRICS, "silence": metric})
        items = [
            make_item("1", "A"),
            make_item("2", "B"),
            make_item("3", "A", "reasoning_basic_video", choices=("(A) a", "(B) b", "(C) c")),
        ]
        results = score(make_task(metrics=["silence"]), items, replies([]))
    subtasks = results.scores["strict"].subtasks
    assert subtasks["reasoning_stress_audio"].number("silence") == 2
    assert subtasks["reasoning_basic_video"].number("silence") == 1


def test_where_a_class_has_too_few_clips_tables_say_so_instead_of_an_interval() -> None:
    task = label_task(("happiness", "sadness"))
    gold = ["happiness"] * 30 + ["sadness"] * 4
    items = [label_item(str(number), label) for number, label in enumerate(gold)]
    given = replies((str(number), label) for number, label in enumerate(gold))
    results = score(task, items, given, scorings=[Scoring.STRICT])
    scores = results.scores["strict"].subtasks["dfew"]
    assert scores.uar == 1.0
    assert set(scores.intervals) == {"accuracy", "war"}
    assert any("uar" in note and "sadness has 4" in note for note in scores.notes)

    table = rate_table(results, Scoring.STRICT, ("uar", "war"))
    assert table is not None
    assert "\N{DAGGER} dfew" in str(next(iter(table.columns[0].cells)))
    assert str(table.caption) == "\N{DAGGER} too few clips of a class for intervals of uar"
    finished = FinishedRun(MadeUpRun().manifest(), results)
    numbers = measured_numbers(finished, Scoring.STRICT)
    cells = {key: write_cell(key, number) for key, number in numbers.items()}
    assert cells["uar", "dfew"].interval == "too few clips"
    assert cells["war", "dfew"].interval.endswith("100.0")

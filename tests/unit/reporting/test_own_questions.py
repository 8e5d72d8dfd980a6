"""What is said of runs of somebody's own questions, one of them open, and of imported replies."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from emoreal_bench import api
from emoreal_bench.cli.application import run as run_command
from emoreal_bench.contracts.errors import RunError, UsageError
from emoreal_bench.contracts.vocabulary import Outcome, PublishedForm, Scoring
from emoreal_bench.probing.published import Confidence
from emoreal_bench.record.finished import FinishedRun, read_report
from emoreal_bench.reporting.exports.hub import HubSource, write_eval_results, write_model_card
from emoreal_bench.reporting.exports.trackers import settings_of
from emoreal_bench.reporting.leaderboard.groups import make_groups
from emoreal_bench.reporting.runs_page import write_runs_page
from emoreal_bench.reporting.terminal.comparisons import comparison_renderables, too_few_clips
from emoreal_bench.reporting.terminal.scores import report_lines, results_lines
from emoreal_bench.running.results import load_report
from tests.own_questions import LABEL, OPEN, OwnQuestions

ITEMS, SCORED = 7, 6


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> OwnQuestions:
    return OwnQuestions(tmp_path_factory.mktemp("own questions"))


@pytest.fixture(scope="module")
def baseline(own: OwnQuestions) -> Path:
    return own.ask("baseline/first-choice")


@pytest.fixture(scope="module")
def whole(own: OwnQuestions) -> Path:
    return own.bring("whole")


@pytest.fixture(scope="module")
def no_description(own: OwnQuestions) -> Path:
    return own.bring("no-description", **{OPEN: None})


@pytest.fixture(scope="module")
def gap(own: OwnQuestions) -> Path:
    return own.bring("gap", q01=None, q03="")


# ---- Coverage is that of the items which a score counts ----


def test_an_open_question_takes_no_baseline_out_of_the_band(baseline: Path) -> None:
    (group,) = make_groups([load_report(baseline)], [], Confidence.HIGH)
    for table in group.tables:
        (row,) = table.rows
        assert row.is_blind
        assert row.coverage is not None
        assert (row.is_full, row.coverage.text, row.coverage.losses) == (True, "100.0 %", ())
        assert row.average is not None
        assert table.blind_band is not None
        # The band holds the baseline and the most frequent answer; guessing is known as well.
        assert table.blind_band[0] <= row.average.value <= table.blind_band[1]
        assert table.chance == pytest.approx((1 / 3 + 1 / 2 + 1 / 3) / 3)
    assert any("Open questions" in remark for remark in row.remarks)


def test_a_page_with_baselines_never_says_that_none_was_run(baseline: Path, tmp_path: Path) -> None:
    page = api.build_leaderboard([baseline], tmp_path).read_text(encoding="utf-8")
    assert "needs no clip" in page
    assert "no blind baseline was run here" not in page


def test_a_run_is_done_where_a_baseline_can_be_asked_nothing_more(
    own: OwnQuestions, baseline: Path
) -> None:
    assert read_report(baseline).has_asked_all
    command = ["run", "-m", "baseline/first-choice", "-t", own.task, "-d", str(own.clips)]
    assert run_command([*command, "--runs", str(own.runs)]) == 0


def test_a_run_of_open_questions_alone_is_not_done_without_a_reply(
    own: OwnQuestions, tmp_path: Path
) -> None:
    text = Path(own.task).read_text(encoding="utf-8")
    task = Path(own.task).with_name("open.yaml")
    task.write_text(
        text.replace("  columns:", "  filter: {subtask: [describe]}\n  columns:"), encoding="utf-8"
    )
    command = ["run", "-m", "baseline/first-choice", "-t", str(task), "-d", str(own.clips)]
    assert run_command([*command, "--out", str(tmp_path / "run")]) == 3


def test_a_missing_reply_to_an_open_question_costs_neither_rank_nor_export(
    whole: Path, no_description: Path, tmp_path: Path
) -> None:
    reports = [load_report(folder) for folder in (whole, no_description)]
    (group,) = make_groups(reports, [], Confidence.HIGH)
    assert len(group.headline) == 2
    assert len(group.heat_map.rows) == 2
    assert all(row.rank for row in group.tables[0].rows)
    write_eval_results(reports[1], tmp_path, HubSource(dataset="me/set"))
    assert api.save_baseline(no_description, tmp_path / "baseline.json")
    assert api.check(no_description, tmp_path / "baseline.json").passed
    compared = api.compare([whole, no_description]).others[0].run
    assert compared.coverage == 1
    # All the same it is said how many replies there are.
    (line, *_) = results_lines(reports[1].results)
    assert "6 of 7 items" in line
    assert "open questions" in line


def test_a_missing_reply_that_a_score_counts_still_costs_both(gap: Path, tmp_path: Path) -> None:
    (group,) = make_groups([load_report(gap)], [], Confidence.HIGH)
    (row,) = group.tables[0].rows
    assert (row.is_full, row.caveat) == (False, "at 83.3 % coverage")
    with pytest.raises(UsageError, match="complete"):
        write_eval_results(read_report(gap), tmp_path, HubSource(dataset="me/set"))


# ---- A baseline chooses among the classes ----


def test_a_baseline_answers_a_question_with_classes(baseline: Path) -> None:
    emotion = read_report(baseline).results.scores["strict"].subtasks["emotion"]
    assert emotion.outcomes[Outcome.ANSWERED] == 1
    assert emotion.accuracy == 0  # The first class is not the right one.


# ---- Exports ----


def _published(folder: Path, out: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    path = api.publish_run(folder, PublishedForm.EVERY_EVAL_EVER, out)
    record = json.loads(path.read_text(encoding="utf-8"))
    samples = out / record["detailed_evaluation_results"]["file_path"]
    lines = samples.read_text(encoding="utf-8").splitlines()
    return record, [json.loads(line) for line in lines]


def test_what_has_no_score_is_not_published_as_wrong(whole: Path, tmp_path: Path) -> None:
    record, samples = _published(whole, tmp_path)
    results = {one["evaluation_result_id"]: one for one in record["evaluation_results"]}
    assert OPEN not in {sample["sample_id"] for sample in samples}
    assert {sample["evaluation_result_id"] for sample in samples} <= results.keys()
    details = record["detailed_evaluation_results"]
    assert details["total_rows"] == len(samples) == SCORED
    assert details["additional_details"] == {"items_without_a_score": "1"}
    average = results["average_accuracy"]["score_details"]
    assert average["uncertainty"]["num_samples"] == SCORED
    # The counts are those of the tables: a reply that declines is refused.
    assert (average["details"]["refused"], average["details"]["coverage"]) == ("1", "1.0")
    assert results["agreement.accuracy"]["score_details"]["details"]["refused"] == "1"
    assert results["audio cue.accuracy"]["score_details"]["details"]["refused"] == "0"


def test_nothing_is_told_of_how_imported_replies_were_made(
    whole: Path, baseline: Path, tmp_path: Path
) -> None:
    unknown = ("frames", "audio_seconds", "attempts", "seconds")
    for ending in ("jsonl", "csv"):
        api.export_run(whole, tmp_path / f"items.{ending}")
    rows = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text().splitlines()]
    assert all(row[name] is None for row in rows for name in unknown)
    with (tmp_path / "items.csv").open(encoding="utf-8", newline="") as file:
        assert all(row[name] == "" for row in csv.DictReader(file) for name in unknown)
    assert all("performance" not in one for one in _published(whole, tmp_path / "eee")[1])
    told = settings_of(read_report(whole))
    assert not {"answer_method", "modalities", "alteration", "shots"} & told.keys()
    api.export_run(whole, tmp_path / "log.eval")
    with zipfile.ZipFile(tmp_path / "log.eval") as archive:
        summaries = json.loads(archive.read("summaries.json"))
    assert not any({"total_time", "model_usage"} & one.keys() for one in summaries)
    # Of a measured run it is known, and nothing is a number too.
    api.export_run(baseline, tmp_path / "measured.jsonl")
    first = json.loads((tmp_path / "measured.jsonl").read_text().splitlines()[0])
    assert (first["frames"], first["attempts"]) == (0, 1)


def test_the_pages_of_imported_runs_say_what_is_not_known(
    whole: Path, baseline: Path, own: OwnQuestions, tmp_path: Path
) -> None:
    page = api.view_run(whole, tmp_path / "one", stills=0)
    item = (page.parent / "items" / "000000.js").read_text(encoding="utf-8")
    assert '"delivered": null' in item or '"delivered":null' in item
    assert '"prompt": null' in item or '"prompt":null' in item
    assert "Not known: the replies were imported" in page.read_text(encoding="utf-8")
    listed = write_runs_page(own.runs, [whole, baseline], tmp_path / "all")
    text = listed.read_text(encoding="utf-8")
    assert "imported from" in text
    assert text.count("in full") >= 1
    assert f"Runs in <bdi>{own.home.name}/runs</bdi>" in text


def test_a_page_without_clips_says_why(whole: Path, tmp_path: Path) -> None:
    left_out = api.view_run(whole, tmp_path / "a", clips=False).read_text(encoding="utf-8")
    assert "This page leads to no clips: they were left out." in left_out


# ---- What to do ----


def test_advice_for_imported_replies_is_about_their_file(gap: Path, tmp_path: Path) -> None:
    report = load_report(gap)
    with pytest.raises(UsageError) as raised:
        write_model_card(report, tmp_path / "README.md")
    with pytest.raises(RunError) as refused:
        api.save_baseline(gap, tmp_path / "baseline.json")
    for error in (raised.value, refused.value):
        assert "import it again" in str(error)
        assert "where it stopped" not in str(error)
    (empty,) = [line for line in report.results.warnings if "is empty" in line]
    assert "more tokens" not in empty
    assert "leave its line out" in empty


def test_what_is_missing_is_the_reply_and_not_the_clip(
    own: OwnQuestions, gap: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["score", str(gap)]) == 0
    shown = capsys.readouterr().out
    assert "1 item has no reply in what was imported." in shown
    assert "data check" not in shown


def test_an_import_keeps_the_scorings_that_a_run_keeps(whole: Path, baseline: Path) -> None:
    kept = [read_report(folder).results.scores.keys() for folder in (whole, baseline)]
    assert kept[0] == kept[1] == {scoring.value for scoring in Scoring}


# ---- Model cards ----


def test_a_card_tells_the_average_with_its_interval_and_f1_as_the_hub_means_it(
    whole: Path, tmp_path: Path
) -> None:
    report = load_report(whole)
    write_model_card(report, tmp_path / "README.md")
    card = ModelCard.load(tmp_path / "README.md")
    entries = {(one.dataset_config, one.metric_type): one for one in card.data.eval_results}
    scores = report.results.scores["strict"]
    average = entries[None, "accuracy"]
    assert average.metric_value == pytest.approx(scores.average_accuracy, abs=1e-6)
    assert average.metric_args["items"] == SCORED
    assert average.metric_args["interval_95"] == pytest.approx(
        list(scores.average_accuracy_interval or ()), abs=1e-6
    )
    assert average.metric_args["replies"] == "made elsewhere and imported"
    agreement = scores.subtasks["agreement"]
    assert agreement.f1 != agreement.standard_f1  # The mean of two recalls is another number.
    assert entries["agreement", "f1"].metric_value == pytest.approx(agreement.standard_f1, abs=1e-6)
    assert "| average | 6 |" in card.text
    assert "imported" in card.text
    assert "describe" not in card.text


# ---- Less noise ----


def _lines(report: FinishedRun) -> str:
    return "\n".join(report_lines(report))


def test_rates_of_cues_are_not_shown_where_the_data_have_none(whole: Path, tmp_path: Path) -> None:
    text = _lines(load_report(whole))
    page = api.view_run(whole, tmp_path, clips=False).read_text(encoding="utf-8")
    for shown in (text, page):
        assert "hallucination" not in shown.lower()
        assert "spurious" not in shown.lower()
    assert "matthews" not in text  # Nor is there a note on a number that no table has.
    assert "balanced_accuracy" not in text
    assert "yes_recall" in text


def test_a_comparison_says_first_that_so_few_clips_can_show_nothing(
    whole: Path, own: OwnQuestions
) -> None:
    other = own.bring("other", q01="(B)", q05="(B)", **{LABEL: "anger"})
    report = api.compare([whole, other])
    first = str(comparison_renderables(report)[0])
    assert first.startswith("4 clips can show no difference")
    assert "From 6 clips on" in first
    assert too_few_clips(api.compare([whole, whole]).others[0]) == ""

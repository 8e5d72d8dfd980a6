"""Imported replies are runs that can be looked at, compared and listed, and never measured ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from emoreal_bench import api
from emoreal_bench.cli.application import run as run_command
from emoreal_bench.contracts.errors import DataError, NotComparableError, UsageError
from emoreal_bench.contracts.run_record import MANIFEST_FILE, RESULTS_FILE, Manifest
from emoreal_bench.preferences.building.sampled import load_samples
from emoreal_bench.probing.published import Confidence
from emoreal_bench.record.finished import read_report
from emoreal_bench.reporting.leaderboard.groups import make_groups
from emoreal_bench.reporting.leaderboard.rows import Badge
from emoreal_bench.reporting.leaderboard.submission import RefusedEntryError
from tests.small_emorealm import gold_answers, make_data, write_script
from tests.unit.readers.test_question_tables import write_rows

ITEMS = 24


class Place:
    """A data set, and replies to it that were measured, imported, and imported with errors."""

    def __init__(self, home: Path):
        self.home, self.runs = home, home / "runs"
        self.data = make_data(home / "data", ITEMS)
        self.annotations = self.data / "emorealm_v1.json"
        self.gold = gold_answers(self.data)
        self.good = self.add("good", {name: f"({gold})" for name, gold in self.gold.items()})
        wrong = dict.fromkeys(list(self.gold)[: ITEMS - 4], "(A)")
        self.poor = self.add("poor", wrong)
        self.measured = self.runs / "measured"
        script = write_script(home / "script.json", self.gold, 4)
        api.evaluate(script, "emorealm", self.data, api.RunOptions(out=self.measured))

    def add(self, name: str, replies: dict[str, str], data: Path | None = None) -> Path:
        path = self.home / f"{name}.json"
        path.write_text(json.dumps(replies), encoding="utf-8")
        annotations = self.annotations if data is None else None
        report = api.import_predictions(
            "emorealm", path, self.runs, annotations=annotations, data=data
        )
        assert report.folder is not None
        return report.folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("imported"))


def manifest_of(folder: Path) -> Manifest:
    return read_report(folder).manifest


def test_the_manifest_says_where_the_replies_come_from_and_nothing_of_a_request(
    place: Place,
) -> None:
    written = json.loads((place.good / MANIFEST_FILE).read_text(encoding="utf-8"))
    assert written["request"]["hash"] is None
    assert written["imported"]["origin"] == "predictions"
    assert written["imported"]["source"].endswith("good.json")
    assert len(written["imported"]["source_hash"]) == 64
    assert manifest_of(place.measured).imported is None
    results = api.load_run(place.good).results
    assert results.request_hash is None
    # Nobody knows what reached the model, not even that nothing did.
    assert results.delivery is None
    assert any("imported" in warning for warning in results.warnings)


def test_predictions_in_parquet_score_as_those_in_json(place: Place, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    replies = json.loads((place.home / "poor.json").read_text(encoding="utf-8"))
    table = pandas.DataFrame({"id": list(replies), "prediction": list(replies.values())})
    table.to_parquet(tmp_path / "poor.parquet")
    table.rename(columns={"id": "item"}).to_parquet(tmp_path / "unnamed.parquet")
    pandas.concat([table, table[:1]]).to_parquet(tmp_path / "twice.parquet")

    def scored(path: Path) -> object:
        return api.score_predictions("emorealm", place.annotations, path).scores

    assert scored(tmp_path / "poor.parquet") == scored(place.home / "poor.json")
    with pytest.raises(DataError, match=r"There is no .id.; there are: item, prediction"):
        scored(tmp_path / "unnamed.parquet")
    with pytest.raises(DataError, match=f"row {len(table) + 1}: The id .* occurs twice"):
        scored(tmp_path / "twice.parquet")


def test_the_scores_are_those_of_the_predictions_and_what_is_not_there_is_missing(
    place: Place,
) -> None:
    alone = api.score_predictions("emorealm", place.annotations, place.home / "poor.json")
    kept = api.load_run(place.poor).results
    assert kept.scores["strict"] == alone.scores["strict"]
    assert kept.coverage == alone.coverage
    assert kept.coverage.statuses["missing"] == 4


def test_the_same_replies_make_the_same_run(place: Place) -> None:
    before = (place.good / "items.jsonl").read_bytes()
    again = place.add("good", {name: f"({gold})" for name, gold in place.gold.items()})
    assert again == place.good
    assert (place.good / "items.jsonl").read_bytes() == before


def test_a_corrected_file_points_to_the_import_that_it_may_replace(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folders: list[Path | None] = []
    for answer in "AB":
        file = tmp_path / "replies.json"
        file.write_text(json.dumps(dict.fromkeys(place.gold, answer)), encoding="utf-8")
        report = api.import_predictions(
            "emorealm", file, tmp_path, annotations=place.annotations, model="my-lab/model"
        )
        assert not folders or str(folders[0]) in caplog.text
        assert bool(folders) == ("were imported before" in caplog.text)
        folders.append(report.folder)
    assert folders[0] != folders[1]


@pytest.mark.parametrize("name", ["replies.csv", "replies.jsonl", "replies.json"])
def test_columns_with_other_names_are_named_or_say_what_is_there(
    name: str, place: Place, tmp_path: Path
) -> None:
    rows = [{"item": one, "answer": f"({gold})"} for one, gold in place.gold.items()]
    write_rows(tmp_path, name, rows)
    with pytest.raises(DataError, match="item, answer") as caught:
        api.score_predictions("emorealm", place.annotations, tmp_path / name)
    assert "--id COLUMN --reply COLUMN" in str(caught.value)
    assert "owner" not in str(caught.value)
    named = api.ReplyTable(tmp_path / name, "item", "answer")
    scores = api.score_predictions("emorealm", place.annotations, named)
    assert scores.scores["strict"].average_accuracy == 1.0
    with pytest.raises(DataError, match="reply"):
        api.score_predictions(
            "emorealm", place.annotations, api.ReplyTable(tmp_path / name, "item", "reply")
        )


def test_the_nearest_id_is_offered(place: Place, tmp_path: Path) -> None:
    (tmp_path / "replies.json").write_text('{"Q01": "(A)", "q1": "(B)"}', encoding="utf-8")
    with pytest.raises(DataError, match=r"'Q01'[^?]*Did you mean q"):
        api.score_predictions("emorealm", place.annotations, tmp_path / "replies.json")


def test_an_import_that_was_broken_off_is_finished_by_the_same_command(
    place: Place, tmp_path: Path
) -> None:
    copy = tmp_path / place.good.name
    shutil.copytree(place.good, copy)
    (copy / RESULTS_FILE).unlink()
    log = copy / "items.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) // 2])
    report = api.import_predictions(
        "emorealm", place.home / "good.json", tmp_path, annotations=place.annotations
    )
    assert report.folder == copy
    assert log.read_bytes() == whole
    assert (copy / RESULTS_FILE).read_bytes() == (place.good / RESULTS_FILE).read_bytes()


def test_the_files_are_whole_and_the_runs_are_listed(place: Place) -> None:
    assert all(state.is_whole for state in api.verify_runs([place.runs]))
    listed = {row["model"]: row["variant"] for row in api.list_runs(place.runs)}
    assert listed["imported/good"] == "imported"


def test_imported_runs_are_compared_with_each_other(place: Place) -> None:
    report = api.compare([place.good, place.poor])
    assert report.others[0].run.model == "imported/poor"


def test_imported_and_measured_are_compared_only_if_that_is_wanted(place: Place) -> None:
    with pytest.raises(NotComparableError, match="imported") as raised:
        api.compare([place.measured, place.good])
    assert "--across imported" in str(raised.value)
    report = api.compare([place.measured, place.good], across=[api.Factor.IMPORTED])
    strict = report.others[0].scorings[api.Scoring.STRICT]
    assert strict.average is not None


def test_other_items_are_never_compared(place: Place, tmp_path: Path) -> None:
    other = make_data(tmp_path / "data", ITEMS - 2)
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"q0": "(A)"}), encoding="utf-8")
    report = api.import_predictions("emorealm", path, tmp_path / "runs", data=other)
    assert report.folder is not None
    for folder in (place.good, place.measured):
        with pytest.raises(NotComparableError, match="items"):
            api.compare([folder, report.folder], across=[api.Factor.IMPORTED])


def test_with_its_data_folder_an_import_knows_its_clips(place: Place) -> None:
    replies = dict.fromkeys(place.gold, "(B)")
    with_clips = place.add("clips", replies, data=place.data)
    assert manifest_of(with_clips).data.hash == manifest_of(place.measured).data.hash
    assert manifest_of(with_clips).data.hash != manifest_of(place.good).data.hash
    # The items are the same, whether their clips are known or not.
    api.compare([with_clips, place.good])
    page = api.view_run(with_clips, place.home / "page", other=place.good, stills=0)
    assert "how the model was asked is not known" in page.read_text(encoding="utf-8")


def test_a_check_holds_imported_runs_against_each_other(place: Place, tmp_path: Path) -> None:
    baseline = tmp_path / "made" / "anew" / "baseline.json"
    api.save_baseline(place.good, baseline)
    assert api.check(place.good, baseline).passed
    with pytest.raises(NotComparableError, match="--across imported"):
        api.check(place.measured, baseline)
    report = api.check(place.measured, baseline, across=[api.Factor.IMPORTED])
    assert report.request_hash is None
    with pytest.raises(UsageError, match="prompt"):
        api.check(place.good, baseline, across=[api.Factor.PROMPT])
    other = tmp_path / "measured.json"
    api.save_baseline(place.measured, other)
    command = ["check", str(place.good), "--baseline", str(other)]
    assert run_command(command) == api.ExitCode.NOT_COMPARABLE
    assert run_command([*command, "--across", "imported"]) in (0, 10)


def test_a_leaderboard_gives_imported_runs_a_section_of_their_own(place: Place) -> None:
    runs = [read_report(folder) for folder in (place.good, place.poor, place.measured)]
    measured, imported = make_groups(runs, (), Confidence.HIGH)
    assert [group.is_imported for group in (measured, imported)] == [False, True]
    names = [
        {row.model for table in one.tables for row in table.rows} for one in (measured, imported)
    ]
    assert names[1] == {"imported/good", "imported/poor"}
    assert not any(name.startswith("imported/") for name in names[0])
    badges = {row.badge for table in imported.tables for row in table.rows}
    assert badges == {Badge.IMPORTED}
    # Replies that stood in a file before were not measured either.
    assert {row.badge for table in measured.tables for row in table.rows} == {Badge.SCRIPTED}


def test_the_overview_and_the_mark_of_reproduction_are_for_measured_runs(
    place: Place, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(place.good, own)
    page = api.build_leaderboard([place.good, place.measured], tmp_path / "site", own=[own])
    text = page.read_text(encoding="utf-8")
    assert '<span class="badge reproduced">' not in text
    assert "Task by model" not in text


def test_an_imported_run_is_no_entry_of_a_leaderboard(place: Place, tmp_path: Path) -> None:
    from emoreal_bench.api import add_leaderboard_entry

    with pytest.raises(RefusedEntryError, match="imported"):
        add_leaderboard_entry(place.good, tmp_path / "entries")


def test_a_run_goes_not_on_in_an_imported_folder(place: Place) -> None:
    with pytest.raises(NotComparableError, match="replies come from"):
        api.evaluate(
            f"scripted/{place.home / 'script.json'}",
            "emorealm",
            place.data,
            api.RunOptions(out=place.poor),
        )


@pytest.mark.parametrize("name", ["items.csv", "items.jsonl", "log.eval"])
def test_an_imported_run_is_exported_into_folders_that_are_made(
    place: Place, tmp_path: Path, name: str
) -> None:
    api.export_run(place.good, tmp_path / "made" / "anew" / name)
    assert (tmp_path / "made" / "anew" / name).stat().st_size


def test_the_command_keeps_the_run_and_says_where(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "p.csv"
    table.write_text("id,prediction\nq0,(A)\n", encoding="utf-8")
    command = ["score", "--task", "emorealm", "--predictions", str(table)]
    command += ["--data", str(place.data), "--runs", str(tmp_path / "runs"), "--model", "my/model"]
    assert run_command(command) == 0
    (made,) = (tmp_path / "runs").iterdir()
    assert str(made) in capsys.readouterr().out.replace("\n", "")
    assert manifest_of(made).model.name == "imported/my/model"
    assert run_command([*command, "--annotations", str(place.annotations)]) == 2
    assert run_command(["score", str(place.measured), "--model", "x"]) == 2


@pytest.mark.parametrize("what", ["predictions", "scores"])
def test_a_script_that_is_none_has_one_clear_error(place: Place, tmp_path: Path, what: str) -> None:
    path = place.home / "good.json"
    if what == "scores":
        path = tmp_path / "scores.json"
        api.write_json(path, api.report_json(api.load_run(place.good).results))
    with pytest.raises(UsageError) as raised:
        api.describe_model(f"scripted/{path}")
    told = str(raised.value)
    assert len(told) < 700
    assert "emoreal-bench score --predictions" in told
    assert "Extra inputs" not in told
    if what == "scores":
        with pytest.raises(api.DataError, match="holds scores"):
            api.score_predictions("emorealm", place.annotations, path)


def test_imported_answers_make_no_preference_pairs(place: Place) -> None:
    with pytest.raises(UsageError, match="imported"):
        load_samples([place.good, place.poor])


def test_folders_of_every_output_are_made(place: Place, tmp_path: Path) -> None:
    made = tmp_path / "made"
    run, baseline = str(place.good), str(made / "a" / "baseline.json")
    assert run_command(["check", run, "--save-baseline", baseline]) == 0
    files = ["--junit", str(made / "b" / "c.xml"), "--markdown", str(made / "c" / "c.md")]
    assert run_command(["check", run, "--baseline", baseline, *files]) == 0
    assert run_command(["score", run, "--json", str(made / "d" / "e" / "scores.json")]) == 0
    assert run_command(["runs", "card", run, "--out", str(made / "f" / "README.md")]) == 0
    assert {path.parent.name for path in made.rglob("*") if path.is_file()} == set("abcef")

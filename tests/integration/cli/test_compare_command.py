"""``emoreal-bench compare``."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from urllib.parse import unquote

import pytest

from emoreal_bench.cli.application import run
from tests.small_emorealm import gold_answers, make_data, write_script


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("compare")
    data = make_data(home / "data", 120)
    folders = {}
    for name, period, options in (
        ("good", 10, []),
        ("poor", 2, []),
        ("blind", 2, ["--modalities", "t"]),
    ):
        model = write_script(home / f"{name}.json", gold_answers(data), period)
        folders[name] = str(home / name)
        arguments = ["-m", model, "-t", "emorealm", "-d", str(data), "--out", folders[name]]
        assert run(["run", *arguments, "--quiet", *options]) == 0
    return folders


def test_the_table_names_the_verdict_and_both_scorings(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["compare", runs["poor"], runs["good"]]) == 0
    text = capsys.readouterr().out
    assert "strict: better on average" in text
    assert "official: better on average" in text
    assert "reasoning stress audio" in text
    assert "average accuracy" in text


@pytest.mark.parametrize(
    ("wanted", "page", "items"),
    [
        ("a report.html", "a report.html", "a report-items-2"),
        ("R.HTM", "R.HTM", "R-items-2"),
        ("report", "report/index.html", "report/items-2"),
        ("old.html/", "old.html/index.html", "old.html/items-2"),
    ],
    ids=["a page", "in capitals", "a folder", "a folder that is there"],
)
def test_html_names_the_page_or_its_folder(
    wanted: str,
    page: str,
    items: str,
    runs: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if wanted.endswith("/"):
        (tmp_path / wanted).mkdir()
    assert run(["compare", runs["poor"], runs["good"], "--html", str(tmp_path / wanted)]) == 0
    assert f"Wrote {tmp_path / page}." in capsys.readouterr().err
    (link,) = re.findall(r'<a href="(.*?)"', (tmp_path / page).read_text(encoding="utf-8"))
    led_to = (tmp_path / page).parent / unquote(link)
    assert led_to == tmp_path / items / "index.html"
    assert led_to.is_file()


@pytest.mark.parametrize("command", ["view", "leaderboard build"])
def test_what_writes_a_folder_of_pages_refuses_the_name_of_one(
    command: str, runs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = tmp_path / "report.html"
    assert run([*command.split(), runs["good"], "--out", str(wanted)]) == 2
    assert f"Name a folder, such as {tmp_path / 'report'};" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken_is_told_before_a_page_is_written(
    runs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        out = tmp_path / "page"
        assert run(["view", runs["good"], "--out", str(out), "--serve", "--port", port]) == 2
    assert "--port 0" in capsys.readouterr().err
    assert not out.exists()


def test_json_holds_every_number_of_the_table(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["compare", runs["good"], runs["poor"], "--json", "--seed", "3"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == 1
    assert report["seed"] == 3
    average = report["others"][0]["scorings"]["strict"]["average"]
    assert average["verdict"] == "worse"
    assert average["difference"] == pytest.approx(average["second"] - average["first"])
    assert average["interval"][0] < average["difference"] < average["interval"][1]


def test_runs_that_were_asked_differently_end_with_exit_code_4_and_the_difference(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", runs["good"], runs["blind"]]) == 4
    assert "media.modalities" in capsys.readouterr().err
    assert run(["compare", runs["good"], runs["blind"], "--across", "modalities"]) == 0


def test_one_run_alone_is_a_wrong_use(runs: dict[str, str]) -> None:
    assert run(["compare", runs["good"]]) == 2


def test_a_page_shows_the_second_run_beside_the_first(
    runs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", runs["poor"], runs["good"], "--html", str(tmp_path / "page")]) == 0
    items = tmp_path / "page" / "items-2"
    assert '"right only here"' in (items / "items" / "index.js").read_text(encoding="ascii")
    report = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert 'href="items-2/index.html"' in report
    assert "is better than run 1" in report


def test_a_page_of_three_runs_leads_to_the_items_of_each(
    runs: dict[str, str], tmp_path: Path
) -> None:
    three = [runs["poor"], runs["good"], runs["poor"]]
    assert run(["compare", *three, "--html", str(tmp_path / "page")]) == 0
    report = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert "answers every item as run 1" in report
    for number in (2, 3):
        assert (tmp_path / "page" / f"items-{number}" / "index.html").is_file()


def test_runs_list_takes_its_folder_as_run_names_it(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    home = str(Path(runs["good"]).parent)
    capsys.readouterr()
    assert run(["runs", "list", home, "--json"]) == 0
    listed = capsys.readouterr().out
    assert len(json.loads(listed)) == len(runs)
    assert run(["runs", "list", "--runs", home, "--json"]) == 0
    assert capsys.readouterr().out == listed
    assert run(["runs", "list", home, "--runs", home]) == 2

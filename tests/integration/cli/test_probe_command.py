"""``emoreal-bench probe``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from tests.small_emorealm import gold_answers, make_data, write_script


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    home = tmp_path_factory.mktemp("probe")
    data = make_data(home / "data", 60)
    model = write_script(home / "script.json", gold_answers(data))
    arguments = ["-m", model, "-t", "emorealm", "-d", str(data), "--runs", str(home / "runs")]
    return ["probe", *arguments, "--quiet"]


def test_one_table_holds_the_conditions_and_what_they_take_away(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 0
    text = capsys.readouterr().out
    for name in ("full", "shuffled-letters", "chance", "baseline/first-choice"):
        assert f"\n {name} " in text
    assert "Left out: sound-only, since in full the model is given no clip already." in text
    assert "shuffled-letters against full: worse on average" in text
    # A long path may break the line anywhere.
    assert "".join(text.split()).count("accuracyunderstrict") == 1


def test_json_holds_the_paired_changes(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run([*command, "--json", "--seed", "5"]) == 0
    report = json.loads(capsys.readouterr().out)
    change = report["conditions"]["shuffled-letters"]["change"]["average"]
    assert change["first"] == report["conditions"]["full"]["accuracy"]["average"] == 1.0
    assert change["interval"][0] < change["difference"] < change["interval"][1] < 0
    assert Path(report["conditions"]["full"]["folder"], "results.json").is_file()


def test_gaps_in_a_condition_end_with_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_data(tmp_path / "data", 12)
    (data / "clips" / "0.mp4").unlink()
    model = write_script(tmp_path / "script.json", gold_answers(data))
    arguments = ["-m", model, "-t", "emorealm", "-d", str(data), "--runs", str(tmp_path / "runs")]
    assert run(["probe", *arguments, "--quiet"]) == 3
    assert "Warning: full covers 83.3 % of the items." in capsys.readouterr().out


def test_a_model_that_scores_choices_shows_its_log_likelihood_shifts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["probe", "-m", "tiny/omni", "--answer", "score-choices", "--limit", "6"]
    assert run([*command, "--runs", str(tmp_path), "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shifted = [line.split(":")[0] for line in lines if "Log-likelihood shift" in line]
    assert shifted == ["sound-only", "picture-only", "text-only", "swapped-clips"]

"""``emoreal-bench check``: files and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from tests.small_emorealm import gold_answers, make_data, write_script


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the runs good, poor and blind, and the baseline of good."""
    home = tmp_path_factory.mktemp("check")
    data = make_data(home / "data", 120)
    for name, period, options in (
        ("good", 10, []),
        ("poor", 2, []),
        ("blind", 10, ["--modalities", "t"]),
    ):
        model = write_script(home / f"{name}.json", gold_answers(data), period)
        arguments = ["-m", model, "-t", "emorealm", "-d", str(data), "--out", str(home / name)]
        assert run(["run", *arguments, "--quiet", *options]) == 0
    saved = ["--save-baseline", str(home / "baseline.json")]
    assert run(["check", str(home / "good"), *saved]) == 0
    return home


def check(home: Path, name: str, *options: str) -> int:
    return run(["check", str(home / name), "--baseline", str(home / "baseline.json"), *options])


def test_an_unchanged_model_ends_with_0_and_a_worse_one_with_10(home: Path) -> None:
    assert check(home, "good") == 0
    assert check(home, "poor") == 10


def test_a_run_that_was_asked_otherwise_ends_with_4(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(home, "blind") == 4
    assert "media.modalities" in capsys.readouterr().err


def test_a_run_with_gaps_ends_with_3(home: Path, tmp_path: Path) -> None:
    gaps = tmp_path / "gaps"
    gaps.mkdir()
    for name in ("manifest.json", "plan.jsonl"):
        (gaps / name).write_bytes((home / "good" / name).read_bytes())
    assert run(["check", str(gaps), "--baseline", str(home / "baseline.json")]) == 3


def test_reports_are_written_and_json_is_printed(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    files = ["--junit", str(tmp_path / "check.xml"), "--markdown", str(tmp_path / "check.md")]
    assert check(home, "poor", "--json", "--seed", "3", *files) == 10
    report = json.loads(capsys.readouterr().out)
    assert report["outcome"] == "failed"
    assert report["seed"] == 3
    assert "<failure" in (tmp_path / "check.xml").read_text(encoding="utf-8")
    assert "| FAIL |" in (tmp_path / "check.md").read_text(encoding="utf-8")


def test_a_plan_says_how_many_items_a_drop_needs(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    needed = {}
    for drop in ("0.1", "0.05"):
        assert check(home, "poor", "--plan", "--drop", drop, "--json") == 0
        plan = json.loads(capsys.readouterr().out)
        tests = {test["about"]: test for test in plan["tests"]}
        average = tests["average accuracy"]
        assert (average["n"], average["clips"], average["drop"]) == (120, 60, float(drop))
        assert average["items_needed"] == 2 * average["clips_needed"]
        assert average["discordant"] == pytest.approx(0.4)
        needed[drop] = average["items_needed"]
    # Half the drop takes four times the items.
    assert needed["0.05"] == pytest.approx(4 * needed["0.1"], rel=0.02)
    assert check(home, "poor", "--plan") == 0
    assert "items needed" in capsys.readouterr().out


def test_a_plan_needs_no_baseline_yet(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["check", str(home / "good"), "--plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert "counts as independent" in plan["assumption"]
    assert all(test["discordant"] is None for test in plan["tests"])
    assert all(test["items_needed"] > 120 for test in plan["tests"])


def test_a_drop_belongs_to_a_plan(home: Path) -> None:
    assert check(home, "good", "--drop", "0.1") == 2
    assert check(home, "good", "--plan", "--drop", "0") == 2


@pytest.mark.parametrize("options", [[], ["--baseline", "a", "--save-baseline", "b"]])
def test_it_either_checks_or_saves(home: Path, options: list[str]) -> None:
    assert run(["check", str(home / "good"), *options]) == 2

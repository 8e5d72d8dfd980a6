"""``emoreal-bench prefs``: from known cues to a checked, even file of pairs, by exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.cli.application import run
from emoreal_bench.preferences.reading import hash_pairs, read_pairs
from tests.small_emorealm import gold_answers, make_data
from tests.unit.preferences.scripted_models import write_script

RELEASED = [
    {
        "prompt": "<video>\n<audio>\nWhich cue is it?",
        "chosen": "a smile",
        "rejected": "raised arms",
        "rejected_2": "a balloon",
        "video": "7.mp4",
        "audio": "7.wav",
    }
]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    out = tmp_path / "pairs.jsonl"
    made = ["prefs", "build", "cues", "--items", "300", "--correlation", "0.8", "--out", str(out)]
    assert run(made) == 0
    return out


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_building_checking_and_balancing_follow_each_other(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    even = tmp_path / "even.jsonl"
    capsys.readouterr()
    assert run(["prefs", "check", str(pairs), "--json"]) == 0
    before = printed(capsys)
    assert run(["prefs", "balance", str(pairs), "--out", str(even), "--json"]) == 0
    written = printed(capsys)
    assert run(["prefs", "check", str(even), "--json"]) == 0
    after = printed(capsys)
    assert before["cue_bias"]["association"] > 0.6
    assert after["cue_bias"]["association"] < 0.05
    assert written["pairs"] == after["pairs"] < before["pairs"]
    assert written["hash"] == after["hash"] == hash_pairs(read_pairs(even))


def test_the_report_says_in_words_what_to_do(
    pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["prefs", "check", str(pairs)]) == 0
    text = capsys.readouterr().out
    assert "Cramér's V 0." in text
    assert "`prefs balance` evens it out" in text
    assert "not looked for; name them with --against" in text


def test_pairs_of_a_folder_are_those_of_its_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "synth"
    assert run(["data", "synth", "--out", str(data), "--items", "10", "--split", "train"]) == 0
    capsys.readouterr()
    assert (
        run(["prefs", "build", "cues", "-d", str(data), "--out", str(tmp_path / "a"), "--json"])
        == 0
    )
    of_folder = printed(capsys)
    made = ["--items", "10", "--out", str(tmp_path / "b"), "--json"]
    assert run(["prefs", "build", "cues", *made]) == 0
    assert printed(capsys)["hash"] == of_folder["hash"]
    clips = ["--clips", str(data / "videos")]
    assert run(["prefs", "check", str(tmp_path / "a"), *clips, "--json"]) == 0
    assert printed(capsys)["missing_clips"] == []


def test_a_clip_of_an_evaluation_set_ends_with_3_unless_forced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_data(tmp_path / "data", items=10, per_clip=5, real=True)
    clips = tmp_path / "clips"
    clips.mkdir()
    shutil.copy(next(data.rglob("*.mp4")), clips / "copy.mp4")
    record = {"id": "1", "clip": "copy.mp4", "question": "Which?", "chosen": "a", "spurious": "b"}
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(record), encoding="utf-8")
    check = ["prefs", "check", str(path), "--clips", str(clips), "--against", f"emorealm={data}"]
    capsys.readouterr()
    assert run([*check, "--json"]) == 3
    (overlap,) = printed(capsys)["overlaps"]
    assert overlap["kind"] == "content"
    assert run([*check, "--force"]) == 0
    assert "copy.mp4 has the bytes of" in capsys.readouterr().out


def test_a_model_without_the_clips_is_measured_against_guessing(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    runs = ["--runs", str(tmp_path / "runs")]
    assert run(["prefs", "check", str(pairs), "-m", "baseline/random", *runs, "--json"]) == 0
    blind = printed(capsys)["blind"]
    assert blind["asked"] + blind["not_asked"] == len(read_pairs(pairs))
    assert blind["interval"][0] < blind["chance"] < blind["interval"][1]


def test_the_authors_file_is_converted(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.json"
    theirs.write_text(json.dumps(RELEASED), encoding="utf-8")
    out = tmp_path / "pairs.jsonl"
    assert run(["prefs", "convert", str(theirs), "--out", str(out)]) == 0
    assert read_pairs(out)[0].rejected == ("raised arms", "a balloon")


def test_a_broken_file_ends_with_3_and_names_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n{\n", encoding="utf-8")
    assert run(["prefs", "check", str(path)]) == 3
    assert "line 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["build", "cues", "--out", "x"],
        ["build", "cues", "--out", "x", "--items", "10", "--data", "y"],
        ["build", "sampled", "--out", "x"],
        ["build", "sampled", "run", "--model", "m", "--out", "x"],
        ["build", "sampled", "--model", "tiny/omni", "--out", "x"],
        ["audit", "PAIRS"],
    ],
)
def test_what_does_not_fit_together_is_wrong_use(
    arguments: list[str], pairs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["prefs", *(str(pairs) if one == "PAIRS" else one for one in arguments)]) == 2


def test_answers_of_two_runs_become_pairs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_data(tmp_path / "data", items=10, per_clip=5, real=True)
    gold = gold_answers(data)
    folders = []
    for name, replies in (("right", gold), ("wrong", dict.fromkeys(gold, "A red balloon."))):
        model = write_script(tmp_path / f"{name}.json", replies)
        out = str(tmp_path / name)
        assert run(["run", "-m", model, "-t", "emorealm", "-d", str(data), "--out", out, "-q"]) == 0
        folders.append(out)
    verdicts = {f"{item}#2": '{"kind": "spurious"}' for item in gold}
    judge = write_script(tmp_path / "judge.json", verdicts)
    out = str(tmp_path / "pairs.jsonl")
    capsys.readouterr()
    options = ["--judge", judge, "--runs", str(tmp_path / "runs"), "--out", out, "--json"]
    assert run(["prefs", "build", "sampled", *folders, *options]) == 0
    told = printed(capsys)
    assert told["counts"] == {"right": 10, "spurious": 10, "unsorted": 0, "questions": 10}
    assert {pair.spurious for pair in read_pairs(Path(out))} == {"A red balloon."}


def test_a_page_is_written_and_its_verdicts_are_read_back(
    pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = ["--clips", str(tmp_path), "--out", str(tmp_path / "audit"), "--sample", "3"]
    assert run(["prefs", "audit", str(pairs), *page]) == 0
    html = (tmp_path / "audit" / "index.html").read_text(encoding="utf-8")
    assert html.count('class="pair"') == 3
    pair = read_pairs(pairs)[0]
    verdicts = {
        "schema": 1,
        "pairs_hash": hash_pairs(read_pairs(pairs)),
        "verdicts": {pair.id: dict.fromkeys(("chosen", "hallucination", "spurious"), "yes")},
    }
    saved = tmp_path / "verdicts.json"
    saved.write_text(json.dumps(verdicts), encoding="utf-8")
    capsys.readouterr()
    assert run(["prefs", "audit", str(pairs), "--read", str(saved), "--json"]) == 0
    report = printed(capsys)
    assert (report["audited"], report["sound"]["share"]) == (1, 1.0)
    assert run(["prefs", "audit", str(pairs), "--read", str(saved)]) == 0
    assert "1 of 1, 100.0 percent" in capsys.readouterr().out

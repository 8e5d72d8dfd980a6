"""``emoreal-bench run`` with less than the whole clip, or with other letters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.api import load_run
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.run_record import ITEMS_FILE
from emoreal_bench.record.log import read_log
from tests.small_emorealm import gold_answers, make_data, write_script

SEEING_AND_HEARING = ("video", "audio", "text")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data") / "set", items=6, real=True)


def deliveries(folder: Path) -> list[Any]:
    return [record["delivery"] for record in read_log(folder / ITEMS_FILE)]


def ask(data: Path, home: Path, *options: str) -> Path:
    model = write_script(home / "script.json", gold_answers(data), modalities=SEEING_AND_HEARING)
    folder = home / "run"
    arguments = ["run", "-m", model, "-t", "emorealm", "-d", str(data), "--out", str(folder)]
    assert run([*arguments, "--quiet", *options]) == 0
    return folder


@pytest.mark.parametrize(
    ("given", "seen", "heard"),
    [("av", True, True), ("a", False, True), ("v", True, False), ("t", False, False)],
)
def test_the_log_proves_that_only_the_chosen_modalities_were_given(
    tmp_path: Path, data: Path, given: str, seen: bool, heard: bool
) -> None:
    folder = ask(data, tmp_path, "--modalities", given)
    found = {(part["frames"] > 0, part["audio_seconds"] > 0) for part in deliveries(folder)}
    assert found == {(seen, heard)}


def test_an_altered_clip_gives_the_model_something_else(tmp_path: Path, data: Path) -> None:
    inputs = []
    for alteration in ("none", "mute", "blank", "swap", "noise"):
        home = tmp_path / alteration
        home.mkdir()
        inputs.append(
            {part["input_hash"] for part in deliveries(ask(data, home, "--alter", alteration))}
        )
    # Words differ from item to item, so equal hashes could only come from equal clips.
    assert len(set.union(*inputs)) == sum(map(len, inputs)) == 5 * 6


def test_letters_dealt_anew_are_scored_by_the_letters_that_the_model_saw(
    tmp_path: Path, data: Path
) -> None:
    folder = ask(data, tmp_path, "--shuffle-choices", "1")
    report = load_run(folder)
    assert report.manifest.request.choice_shuffle_seed == 1
    plan = [json.loads(line) for line in (folder / "plan.jsonl").read_text().splitlines()]
    followed = [item["answer"] == gold_answers(data)[item["id"]] for item in plan]
    assert 0 < sum(followed) < len(plan)
    scores = report.results.scores["strict"].subtasks.values()
    right = sum(round((scores.accuracy or 0.0) * scores.n) for scores in scores)
    assert right == sum(followed)


def test_altering_what_is_not_given_is_a_wrong_use(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--modalities", "v", "--alter", "mute", "--runs", str(tmp_path)]
    assert run(["run", "-m", "baseline/random", "-t", "emorealm", "-d", str(data), *options]) == 2
    assert "mute changes audio" in capsys.readouterr().err


def test_worked_examples_come_from_clips_that_are_not_scored(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", items=12, per_clip=3, real=True)
    folder = ask(data, tmp_path, "--shots", "1", "--shots-seed", "2")
    examples = load_run(folder).manifest.request.examples
    assert examples is not None
    assert examples.seed == 2
    scored = {json.loads(line)["id"] for line in (folder / "plan.jsonl").read_text().splitlines()}
    shown = {item for group in examples.items.values() for item in group}
    # One clip of three questions, one of each subtask, is set aside.
    assert len(scored) == 9
    assert not shown & scored
    frames = [part["frames"] for part in deliveries(folder)]
    assert frames == [frames[0]] * 9
    plain = tmp_path / "plain"
    plain.mkdir()
    assert frames[0] == 2 * deliveries(ask(data, plain))[0]["frames"]

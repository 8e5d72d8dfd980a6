"""The first commands of docs/preferences.md do what the page says, as they stand there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from emoreal_bench.preferences.building.asking import replies_of

PAGE = Path(__file__).resolve().parents[3] / "docs" / "preferences.md"


def test_the_commands_of_the_page_follow_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = PAGE.read_text(encoding="utf-8").split("```")[1]
    commands = [shlex.split(line) for line in block.strip().splitlines()]
    assert len(commands) == 5
    monkeypatch.chdir(tmp_path)
    for program, *arguments in commands:
        assert program == "emoreal-bench"
        assert run(arguments) == 0, arguments
    assert (tmp_path / "audit" / "index.html").is_file()


@pytest.mark.long
def test_a_local_model_draws_answers_of_its_own_to_make_pairs_of(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    data, runs = tmp_path / "synth", tmp_path / "runs"
    synth = ["data", "synth", "--split", "train", "--items", "20", "--seed", "3"]
    assert run([*synth, "--out", str(data)]) == 0
    sampled = ["prefs", "build", "sampled", "--model", "tiny/omni", "--data", str(data)]
    places = ["--out", str(tmp_path / "pairs.jsonl"), "--runs", str(runs)]
    assert run([*sampled, "--samples", "3", *places]) == 0
    replies = [replies_of(folder) for folder in sorted(runs.iterdir())]
    assert len(replies) == 3
    assert all(len(one) == 20 for one in replies)
    assert replies[0] != replies[1] != replies[2]
    assert (tmp_path / "pairs.jsonl").read_text(encoding="utf-8").count("\n") >= 1

"""Other harnesses get the questions that ours asks, and no ratio for anything else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from benchmarks.overhead import START_UP_ITEMS
from benchmarks.peers.__main__ import Subject, describe
from benchmarks.peers.environments import NotRunError
from benchmarks.peers.process import Taken
from benchmarks.peers.questions import LM_EVAL_TASKS, check_same, make_questions
from docs.write_performance import Row, _peer_rows


def test_every_harness_reads_the_questions_of_our_plan(tmp_path: Path) -> None:
    questions = make_questions(tmp_path / "made", 20)
    (plan,) = tmp_path.glob("made/first/*/plan.jsonl")
    planned = [json.loads(line) for line in plan.read_text(encoding="utf-8").splitlines()]
    handed = [json.loads(line) for line in questions.lines.read_text("utf-8").splitlines()]
    assert len(handed) == 20
    for item, question in zip(planned, handed, strict=True):
        assert [item["id"], item["question"], item["answer"]] == [
            question["id"],
            question["question"],
            question["answer"],
        ]
        lettered = zip("ABCD", question["choices"], strict=False)
        assert item["choices"] == [f"({letter}) {text}" for letter, text in lettered]
    for name in LM_EVAL_TASKS:
        task = yaml.safe_load((questions.tasks / f"{name}.yaml").read_text(encoding="utf-8"))
        assert task["dataset_kwargs"]["data_files"]["test"] == str(questions.lines)
    firsts = [item["answer"] == "A" for item in planned]
    assert questions.expected.items == 20
    assert questions.expected.accuracy == pytest.approx(sum(firsts) / 20)
    with pytest.raises(NotRunError, match="scored 19 items"):
        check_same(questions.expected, replace(questions.expected, items=19))


def subject(cpu: tuple[float, float], against: Subject | None = None) -> Subject:
    few, many = (Taken(seconds, seconds, "") for seconds in cpu)
    made = Subject("some", "as it comes", lambda: few, lambda: many, against)
    made.measure()
    return made


def refuse() -> Taken:
    raise NotRunError("ended with 1")


def test_start_up_is_told_apart() -> None:
    ours = subject((1.0, 3.0))
    said = describe(subject((2.0, 12.0), ours), START_UP_ITEMS, START_UP_ITEMS + 1000)
    assert said["start_up_cpu_seconds"] == 2.0
    assert said["cpu_milliseconds_per_further"] == 10.0
    assert said["times_ours"]["cpu_seconds"] == 4.0
    assert said["times_ours"]["cpu_milliseconds_per_further"] == 5.0


def test_a_side_that_fails_is_recorded_with_the_reason() -> None:
    ours = subject((1.0, 3.0))
    failed = Subject("some", "as it comes", refuse, refuse, ours)
    failed.measure()
    said = describe(failed, START_UP_ITEMS, 1000)
    assert said["not_run"] == "ended with 1"
    assert "times_ours" not in said
    assert list(_peer_rows("1,000 questions", "question", [said])) == [
        Row("1,000 questions: some (as it comes)", "not run: ended with 1")
    ]


def test_a_loss_is_shown_as_one() -> None:
    said = describe(subject((1.0, 2.0), subject((1.0, 4.0))), 0, 100)
    met = {row.met for row in _peer_rows("100 clips", "clip", [said]) if "CPU" in row.what}
    assert met == {False}

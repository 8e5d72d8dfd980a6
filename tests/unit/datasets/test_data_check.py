"""What ``data check`` finds in a data folder."""

from __future__ import annotations

import json
import os
import wave
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from emoreal_bench.catalog import TaskFile, load_task
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.datasets.check import ClipCheck, DataReport, check_dataset
from emoreal_bench.readers import Dataset
from emoreal_bench.running.plan import PlanOptions, make_plan
from tests.media_files import Picture, Sound, cut_bytes, make_clip

TASK = """
schema: 1
name: mine
version: "1"
title: Mine
description: A task of a user.
data: {reader: emorealm}
subtasks:
  seen: {answer: open, size: 2, chance: 0}
  heard: {answer: open, chance: 0}
variants: {answer-format: {description: Plain., prompt: ask.j2}}
"""
PICTURE = Picture(frames=5, size=(32, 32))
SOUND = Sound(seconds=0.2)


@pytest.fixture
def task_file(tmp_path: Path) -> TaskFile:
    (tmp_path / "ask.j2").write_text("{{ question }}", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(TASK, encoding="utf-8")
    return load_task(tmp_path / "mine.yaml")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "whole.mp4", PICTURE, SOUND)


def ask(clips: Mapping[str, Path], subtasks: Mapping[str, int]) -> Dataset:
    """Ask as many questions about the first clip as wanted, and one about each other."""
    first, *others = clips
    items = [
        Item(f"{subtask}{number}", subtask, f"{number}?", (), "x", first)
        for subtask, count in subtasks.items()
        for number in range(count)
    ]
    items += [Item(key, "heard", "what?", (), "x", key) for key in others]
    files = {key: Clip(key, path) for key, path in clips.items()}
    return Dataset(items, files, (Path("list.json"),), ("a note",))


def check(task_file: TaskFile, dataset: Dataset) -> DataReport:
    return check_dataset(task_file.task, dataset)


def printed(report: DataReport) -> str:
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        for line in report.lines():
            console.print(line)
    return capture.get()


def test_a_whole_data_set_is_complete(task_file: TaskFile, whole: Path) -> None:
    report = check(task_file, ask({"a": whole}, {"seen": 2, "heard": 1}))
    assert report.complete
    assert report.seconds == pytest.approx(0.2, abs=0.05)
    assert (report.missing.count, report.unreadable.count, report.without_sound.count) == (0, 0, 0)
    assert "The data is complete." in printed(report)


def test_counts_are_compared_with_the_published_ones(task_file: TaskFile, whole: Path) -> None:
    report = check(task_file, ask({"a": whole}, {"seen": 3, "heard": 1}))
    assert not report.complete
    assert report.subtasks["seen"].agrees is False
    assert report.subtasks["heard"].agrees is None
    assert "DIFFERS" in printed(report)


def test_a_missing_clip_is_named(task_file: TaskFile, whole: Path, tmp_path: Path) -> None:
    report = check(task_file, ask({"a": whole, "b": tmp_path / "b.mp4"}, {"seen": 2}))
    assert not report.complete
    assert report.missing.first == ("b",)


def test_a_clip_without_its_own_sound_file_is_missing(
    task_file: TaskFile, whole: Path, tmp_path: Path
) -> None:
    dataset = ask({"a": whole}, {"seen": 2})
    clips = {"a": Clip("a", whole, tmp_path / "a.wav")}
    report = check(task_file, Dataset(dataset.items, clips, ()))
    assert report.missing.first == ("a",)


def test_only_the_first_twenty_are_named(task_file: TaskFile, whole: Path, tmp_path: Path) -> None:
    absent = {f"{number}": tmp_path / f"{number}.mp4" for number in range(25)}
    report = check(task_file, ask({"a": whole, **absent}, {"seen": 2}))
    assert report.missing.count == 25
    assert len(report.missing.first) == 20
    assert "and 5 more" in printed(report)


def test_a_damaged_clip_is_named_with_what_is_wrong(
    task_file: TaskFile, whole: Path, tmp_path: Path
) -> None:
    damaged = cut_bytes(whole, tmp_path / "b.mp4", 0.5)
    report = check(task_file, ask({"a": whole, "b": damaged}, {"seen": 2}))
    assert not report.complete
    assert report.unreadable.count == 1
    assert report.unreadable.first[0].startswith("b: ends early")


def test_clips_without_sound_or_picture_are_told_and_complete(
    task_file: TaskFile, tmp_path: Path
) -> None:
    silent = make_clip(tmp_path / "silent.mp4", PICTURE, None)
    blind = make_clip(tmp_path / "blind.m4a", None, SOUND)
    report = check(task_file, ask({"silent": silent, "blind": blind}, {"seen": 2}))
    assert report.complete
    assert report.without_sound.first == ("silent",)
    assert report.without_picture.first == ("blind",)


def test_a_question_asked_twice_is_named(task_file: TaskFile, whole: Path) -> None:
    dataset = ask({"a": whole}, {"seen": 2})
    twice = Item("again", "heard", "1?", (), "y", "a")
    report = check(task_file, Dataset([*dataset.items, twice], dataset.clips, ()))
    assert report.duplicate_questions.first == ("again",)


def test_the_data_hash_is_that_of_a_run(task_file: TaskFile, whole: Path, tmp_path: Path) -> None:
    dataset = ask({"a": whole, "b": tmp_path / "missing.mp4"}, {"seen": 2})
    plan = make_plan(task_file, dataset, tmp_path, PlanOptions())
    assert check(task_file, dataset).data_hash == plan.data.hash


def test_progress_counts_clips(task_file: TaskFile, whole: Path) -> None:
    seen: list[tuple[int, int]] = []
    dataset = ask({"a": whole, "b": whole}, {"seen": 2})
    check_dataset(task_file.task, dataset, lambda done, of: seen.append((done, of)))
    assert seen == [(1, 2), (2, 2)]


def test_names_from_the_data_cannot_colour_or_command_a_terminal(
    task_file: TaskFile, whole: Path, tmp_path: Path
) -> None:
    name = "[bold]x\x1b[2J"
    text = printed(check(task_file, ask({"a": whole, name: tmp_path / "x.mp4"}, {"seen": 2})))
    assert "[bold]x" in text
    assert "\x1b" not in text


def test_the_report_is_plain_json(task_file: TaskFile, whole: Path) -> None:
    record = check(task_file, ask({"a": whole}, {"seen": 2})).model_dump(mode="json")
    assert json.loads(json.dumps(record)) == record
    assert record["notes"] == ["a note"]


def test_known_errata_of_the_task_are_printed(task_file: TaskFile, whole: Path) -> None:
    task_file = replace(
        task_file, task=task_file.task.model_copy(update={"errata": ("seen0 is asked twice",)})
    )
    report = check(task_file, ask({"a": whole}, {"seen": 2}))
    console = Console(width=100)
    with console.capture() as capture:
        console.print(*report.lines(), sep="\n")
    assert "known erratum: seen0 is asked twice" in capture.get()


def test_decoding_finds_what_a_run_would_find(
    task_file: TaskFile, whole: Path, tmp_path: Path
) -> None:
    content = bytearray(
        make_clip(tmp_path / "clip.mkv", Picture(size=(320, 240)), None).read_bytes()
    )
    content[len(content) // 3 : 2 * len(content) // 3] = bytes(len(content) // 3)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(content)
    late = make_clip(
        tmp_path / "late.mkv", Picture(frames=50, size=(32, 32)), Sound(1.0, start=1.0)
    )
    dataset = ask({"a": whole, "b": broken, "c": late, "d": tmp_path / "d.mp4"}, {"seen": 2})
    seen: list[tuple[int, int]] = []
    report = check_dataset(
        task_file.task, dataset, lambda done, of: seen.append((done, of)), ClipCheck(decode=True)
    )
    assert not check(task_file, dataset).decoded
    assert report.decoded
    assert seen == [(done, 4) for done in (1, 2, 3, 4)]
    assert report.missing.first == ("d",)
    assert report.unreadable.first[0].startswith("b: ")
    assert report.without_sound.count == 0
    assert [note.split(" starts")[0] for note in report.media_notes] == [
        "clip has fewer frames (5) than wanted (8); they repeat",
        "sound",
    ]
    assert report.noted.first[1].startswith("c: sound starts ")
    assert "sound starts" in printed(report)
    assert report.data_hash == check(task_file, dataset).data_hash


def test_a_clip_beyond_the_limit_is_found_and_the_limit_can_be_raised(
    task_file: TaskFile, whole: Path
) -> None:
    dataset = ask({"a": whole}, {"seen": 2})
    for decode in (False, True):
        tight = ClipCheck(decode, max_clip_seconds=0.1)
        report = check_dataset(task_file.task, dataset, check=tight)
        assert "the limit is 0.1 s" in report.unreadable.first[0]
        assert check_dataset(task_file.task, dataset, check=ClipCheck(decode)).complete


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("decode", [False, True])
def test_a_pipe_among_the_clips_is_named_and_hangs_nothing(
    task_file: TaskFile, whole: Path, tmp_path: Path, decode: bool
) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    dataset = ask({"a": whole, "b": pipe}, {"seen": 2})
    report = check_dataset(task_file.task, dataset, check=ClipCheck(decode))
    assert report.unreadable.first == ("b: is a named pipe, not a plain file",)


def test_a_clip_in_which_nothing_can_be_read_is_unreadable_without_decoding(
    task_file: TaskFile, whole: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.wav"
    with wave.open(str(empty), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
    report = check(task_file, ask({"a": whole, "b": empty}, {"seen": 2}))
    assert not report.complete
    assert report.unreadable.first == ("b: holds no picture and no sound that can be read",)


def test_a_clip_under_a_name_in_another_case_is_named(
    task_file: TaskFile, whole: Path, tmp_path: Path
) -> None:
    (tmp_path / "B.MP4").write_bytes(whole.read_bytes())
    report = check(task_file, ask({"a": whole, "b": tmp_path / "b.mp4"}, {"seen": 2}))
    assert report.missing.first[0].startswith("b: is not there, but ")
    assert report.missing.first[0].endswith("B.MP4 is: only the case differs")

"""The EmoReAlM reader: what it reads, and how it refuses what it cannot read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import DataError, EmorealError, UsageError
from emoreal_bench.contracts.task import Task
from emoreal_bench.readers import Dataset, load_items

Record = dict[str, Any]


@pytest.fixture
def task() -> Task:
    return find_task("emorealm").task


def records() -> list[Record]:
    return [
        {
            "id": "q1",
            "video": "part_1/7.mp4",
            "task": "reasoning_basic_video",
            "question": "Which cue goes with her anger?",
            "choices": ["(A) a frown", "(B) a smile", "(C) tears", "(D) a hat"],
            "answer": "A",
        },
        {
            "id": "q2",
            "video": "part_2/9.mp4",
            "task": "reasoning_stress_audio",
            "question": "Does the shout show anger?",
            "choices": ["(A) Yes", "(B) No"],
            "answer": "(B)",
            "category": "hallucination",
        },
    ]


def write(folder: Path, content: list[Record] | str, *, clips: bool = True) -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    folder.mkdir(exist_ok=True)
    (folder / "emorealm_v1.json").write_text(text, encoding="utf-8")
    if clips:
        for name in ("part_1/7", "part_2/9"):
            for tree, suffix in (("dfew_24fps", ".mp4"), ("dfew_16k", ".wav")):
                path = folder / "media" / tree / f"{name}{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"clip")
    return folder


def read(task: Task, root: Path, **options: str) -> Dataset:
    return load_items(task, root, options)


def test_items_are_read_in_the_order_of_the_file(task: Task, tmp_path: Path) -> None:
    dataset = read(task, write(tmp_path / "data", records()))
    assert [item.id for item in dataset.items] == ["q1", "q2"]
    assert dataset.items[0].choices[3] == "(D) a hat"


def test_the_gold_letter_is_read_with_and_without_brackets(task: Task, tmp_path: Path) -> None:
    dataset = read(task, write(tmp_path / "data", records()))
    assert [item.answer for item in dataset.items] == ["A", "B"]


def test_further_keys_become_metadata(task: Task, tmp_path: Path) -> None:
    dataset = read(task, write(tmp_path / "data", records()))
    assert dataset.items[1].metadata == {"category": "hallucination"}
    assert dataset.items[0].metadata is None


def test_the_picture_and_sound_trees_are_found_below_the_folder(task: Task, tmp_path: Path) -> None:
    root = write(tmp_path / "data", records())
    clip = read(task, root).clips["part_1/7.mp4"]
    assert clip.video == root / "media/dfew_24fps/part_1/7.mp4"
    assert clip.audio == root / "media/dfew_16k/part_1/7.wav"


def test_without_a_wav_tree_the_sound_is_in_the_mp4(task: Task, tmp_path: Path) -> None:
    root = write(tmp_path / "data", records())
    for path in root.rglob("*.wav"):
        path.unlink()
    assert read(task, root).clips["part_1/7.mp4"].audio is None


def test_the_prepared_tree_goes_before_an_original_of_the_same_paths(
    task: Task, tmp_path: Path
) -> None:
    root = write(tmp_path / "data", records())
    original = root / "media" / "a_original"
    for name in ("part_1/7.mp4", "part_2/9.mp4"):
        (original / name).parent.mkdir(parents=True, exist_ok=True)
        (original / name).write_bytes(b"original")
    assert "dfew_24fps" in str(read(task, root).clips["part_1/7.mp4"].video)


def test_trees_can_be_named(task: Task, tmp_path: Path) -> None:
    root = write(tmp_path / "data", records())
    clip = read(task, root, videos="media/dfew_24fps", audios="media/dfew_16k").clips[
        "part_2/9.mp4"
    ]
    assert clip.video.is_file()
    assert clip.audio is not None
    assert clip.audio.is_file()


def test_a_clip_that_is_not_there_is_kept_as_an_item(task: Task, tmp_path: Path) -> None:
    root = write(tmp_path / "data", records())
    (root / "media/dfew_24fps/part_2/9.mp4").unlink()
    dataset = read(task, root)
    assert len(dataset.items) == 2
    assert not dataset.clips["part_2/9.mp4"].video.exists()


def test_a_file_larger_than_the_read_buffer_is_read_whole(task: Task, tmp_path: Path) -> None:
    many = [{**records()[0], "id": f"q{i}", "question": "why? " * 400} for i in range(500)]
    root = write(tmp_path / "data", many)
    assert len(read(task, root).items) == 500


def test_equal_options_share_their_memory(task: Task, tmp_path: Path) -> None:
    many = [{**records()[1], "id": f"q{i}"} for i in range(3)]
    items = read(task, write(tmp_path / "data", many)).items
    assert items[0].choices is items[2].choices
    assert items[0].metadata is items[2].metadata


def changed(**change: object) -> Callable[[], list[Record]]:
    return lambda: [records()[0], {**records()[1], **change}]


BROKEN: dict[str, tuple[Callable[[], list[Record] | str], str, str]] = {
    "a duplicate id": (changed(id="q1"), "item q1", "appears twice"),
    "a lacking key": (
        lambda: [{key: value for key, value in records()[0].items() if key != "answer"}],
        "item q1",
        "lacks answer",
    ),
    "an unknown subtask": (changed(task="guessing"), "item q2", "modality_agreement"),
    "an empty question": (changed(question=" "), "item q2", "question is not a text"),
    "choices that are no list": (changed(choices="(A) Yes"), "item q2", "list of two or more"),
    "a choice without a letter": (changed(choices=["Yes", "No"]), "item q2", "such as (A)"),
    "a letter that appears twice": (
        changed(choices=["(A) Yes", "(A) No"]),
        "item q2",
        "two of its choices",
    ),
    "an answer that is no choice": (changed(answer="E"), "item q2", "choices are A, B"),
    "an answer that is no text": (changed(answer=1), "item q2", "answer is 1"),
    "a gold that says neither yes nor no": (
        changed(choices=["(A) True", "(B) False"]),
        "item q2",
        "neither yes nor no",
    ),
    "a clip above the folder": (changed(video="../../etc/x.mp4"), "item q2", "leaves the data"),
    "an absolute clip path": (changed(video="/etc/x.mp4"), "item q2", "leaves the data folder"),
    "a Windows clip path": (changed(video="C:\\x.mp4"), "item q2", "leaves the data folder"),
    "a clip that is no path": (changed(video=None), "item q2", "not a path"),
    "an item that is no object": (lambda: '[{"id": 1}, 5]', "number 2", "not an object"),
    "no list": (lambda: '{"id": 1}', "emorealm_v1.json", "must begin with '['"),
    "a cut-off file": (lambda: json.dumps(records())[:-40], "emorealm_v1.json", "line 1"),
    "text behind the list": (lambda: json.dumps(records()) + "x", "emorealm_v1.json", "after the"),
    "an empty list": (lambda: "[]", "emorealm_v1.json", "no items"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_input_is_refused_with_file_and_item(kind: str, task: Task, tmp_path: Path) -> None:
    make, place, problem = BROKEN[kind]
    root = write(tmp_path / "data", make())
    with pytest.raises(DataError) as caught:
        read(task, root)
    assert "emorealm_v1.json" in str(caught.value)
    assert place in str(caught.value)
    assert problem in str(caught.value)


def test_every_problem_is_told_at_once(task: Task, tmp_path: Path) -> None:
    wrong = [{**record, "answer": "Z"} for record in records()]
    with pytest.raises(DataError, match="2 problems") as caught:
        read(task, write(tmp_path / "data", wrong))
    assert "item q1" in str(caught.value)
    assert "item q2" in str(caught.value)


def test_a_file_that_is_not_utf8_is_refused(task: Task, tmp_path: Path) -> None:
    root = write(tmp_path / "data", records())
    (root / "emorealm_v1.json").write_bytes(b'[{"id": "\xff"}]')
    with pytest.raises(DataError, match="not UTF-8"):
        read(task, root)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda root: root, "no such data folder"),
        (lambda root: root.mkdir(), "no emorealm_v1.json"),
        (lambda root: write(root, records(), clips=False), "None of the clips"),
    ],
)
def test_a_folder_that_lacks_something_says_what_to_do(
    prepare: Callable[[Path], object], message: str, task: Task, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    prepare(root)
    with pytest.raises(DataError, match=message) as caught:
        read(task, root)
    assert str(root) in str(caught.value)
    assert caught.value.remedy


def test_an_unknown_option_is_refused_with_the_known_ones(task: Task, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="annotations, videos, audios"):
        read(task, write(tmp_path / "data", records()), video="x")


@pytest.mark.parametrize("option", ["videos", "audios", "annotations"])
def test_a_named_place_that_is_not_there_is_refused(
    option: str, task: Task, tmp_path: Path
) -> None:
    with pytest.raises(EmorealError, match="There is no such"):
        read(task, write(tmp_path / "data", records()), **{option: "nowhere"})

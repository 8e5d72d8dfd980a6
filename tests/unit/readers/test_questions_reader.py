"""Questions of a user's own, from a table, JSON lines or a JSON list."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.catalog import load_task
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.task import Task
from emoreal_bench.readers import Dataset, load_items
from tests.unit.readers import broken_readers
from tests.unit.readers.layouts import put, write_json, write_text, write_workbook

Row = dict[str, str]
ROWS: list[Row] = [
    {
        "id": "q1",
        "subtask": "choose",
        "clip": "clips/1.mp4",
        "question": "Which?",
        "options": "(A) a frown|(B) a smile",
        "answer": "(B)",
        "cue": "mouth",
    },
    {
        "id": "q2",
        "subtask": "agree",
        "clip": "clips/2.mp4",
        "question": "Is it?",
        "options": "",
        "answer": "no",
        "cue": "",
    },
]


@pytest.fixture
def task(tmp_path: Path) -> Task:
    path = broken_readers.write_task(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("reader: toy", "reader: questions"))
    return load_task(path).task


def write_csv(root: Path, rows: Sequence[Row]) -> None:
    with (root / "questions.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(ROWS[0]))
        table.writeheader()
        table.writerows(rows)


def write_lines(root: Path, rows: Sequence[Row]) -> None:
    write_text(root, "questions.jsonl", "\n\n".join(json.dumps(row) for row in rows))


def write_list(root: Path, rows: Sequence[Row]) -> None:
    listed = [{**row, "options": [x for x in row["options"].split("|") if x]} for row in rows]
    write_json(root, "questions.json", listed)


FORMATS = {"csv": write_csv, "jsonl": write_lines, "json": write_list}


def read(task: Task, root: Path, rows: Sequence[Row], write: Callable[..., None]) -> Dataset:
    root.mkdir(exist_ok=True)
    put(root, ["clips/1.mp4", "clips/2.mp4"])
    write(root, rows)
    return load_items(task, root, {})


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_gives_the_same_items(form: str, task: Task, tmp_path: Path) -> None:
    dataset = read(task, tmp_path / "data", ROWS, FORMATS[form])
    first, second = dataset.items
    assert (first.choices, first.answer) == (("(A) a frown", "(B) a smile"), "B")
    assert (first.metadata, second.metadata) == ({"cue": "mouth"}, None)
    assert (second.choices, second.answer) == (("(A) Yes", "(B) No"), "B")
    assert dataset.clips["clips/1.mp4"].video == tmp_path / "data/clips/1.mp4"


def test_a_workbook_is_read_where_it_is_named(task: Task, tmp_path: Path) -> None:
    put(tmp_path, ["clips/1.mp4", "clips/2.mp4"])
    rows: list[list[object]] = [[*ROWS[0]], [*ROWS[0].values()], [*ROWS[1].values()]]
    write_workbook(tmp_path, "mine.xlsx", rows)
    items = load_items(task, tmp_path, {"annotations": "mine.xlsx"}).items
    assert [item.id for item in items] == ["q1", "q2"]


@pytest.mark.parametrize(
    ("options", "answer", "choices", "letter"),
    [
        ("a frown|a smile", "a smile", ("(A) a frown", "(B) a smile"), "B"),
        ("a frown | a smile", "A Smile", ("(A) a frown", "(B) a smile"), "B"),
        ("B|A", "A", ("(A) B", "(B) A"), "A"),
        ("B. a frown|A. a smile", "b", ("B. a frown", "A. a smile"), "B"),
    ],
)
def test_letters_are_added_and_an_answer_is_a_letter_or_a_text(
    options: str, answer: str, choices: Sequence[str], letter: str, task: Task, tmp_path: Path
) -> None:
    (item,) = read(
        task, tmp_path, [{**ROWS[0], "options": options, "answer": answer}], write_csv
    ).items
    assert (item.choices, item.answer) == (choices, letter)


def test_labels_and_reference_texts_need_no_options(task: Task, tmp_path: Path) -> None:
    label = {**ROWS[1], "id": "q3", "subtask": "name", "answer": "joy"}
    text = {**ROWS[1], "id": "q4", "subtask": "tell", "answer": "She smiles."}
    items = read(task, tmp_path, [label, text], write_csv).items
    assert [(item.choices, item.answer) for item in items] == [((), "joy"), ((), "She smiles.")]


def test_the_only_subtask_need_not_be_named(task: Task, tmp_path: Path) -> None:
    alone = task.model_copy(update={"subtasks": {"choose": task.subtasks["choose"]}})
    (item,) = read(alone, tmp_path, [{**ROWS[0], "subtask": ""}], write_csv).items
    assert item.subtask == "choose"
    # Of several, the kind of answer tells, as where the table has no such column.
    (item,) = read(task, tmp_path, [{**ROWS[0], "subtask": ""}], write_csv).items
    assert item.subtask == "choose"


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "some options without a letter": ({"options": "(A) a|b"}, "begin with a letter such as (A)"),
    "an answer that is no option": ({"answer": "a hat"}, "answer is 'a hat'"),
    "an unknown subtask": ({"subtask": "nosuch"}, "must be one of choose, agree, name, tell"),
    "a clip above the folder": ({"clip": "../1.mp4"}, "leaves the data folder"),
    "no question": ({"question": ""}, "question is empty"),
    "no options": ({"options": ""}, "two or more"),
    "an id twice": ({"id": "q2"}, "appears twice"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("form", FORMATS)
def test_a_broken_question_is_refused_with_its_file(
    form: str, kind: str, task: Task, tmp_path: Path
) -> None:
    change, told = BROKEN[kind]
    with pytest.raises(DataError) as caught:
        read(task, tmp_path, [{**ROWS[0], **change}, ROWS[1]], FORMATS[form])
    assert told in str(caught.value)
    assert f"questions.{form}" in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("questions.csv", "id,clip\nq1,1.mp4\n", "no column answer, question"),
        ("questions.jsonl", '{"id": 1}\n{"id"', "not valid at line 2"),
        ("questions.jsonl", "[1]", "questions.jsonl, line 1: it is not an object"),
        (
            "questions.json",
            '[{"id": true, "clip": "1.mp4", "question": "?", "answer": "A"}]',
            "number 1: its id is wrong",
        ),
        ("questions.json", "[]", "holds no items"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(
    name: str, text: str, told: str, task: Task, tmp_path: Path
) -> None:
    write_text(tmp_path, name, text)
    with pytest.raises(DataError, match=name) as caught:
        load_items(task, tmp_path, {})
    assert told in str(caught.value)


def test_a_folder_of_two_files_needs_the_name_of_one(task: Task, tmp_path: Path) -> None:
    write_csv(tmp_path, ROWS)
    with pytest.raises(DataError, match="several files"):
        read(task, tmp_path, ROWS, write_list)


def test_an_unknown_option_is_refused(task: Task, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="annotations, videos"):
        load_items(task, tmp_path, {"file": "x"})


def fifo(path: Path) -> None:
    os.mkfifo(path)


STANDING: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (fifo, "which is a named pipe, not a plain file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "which is a device"),
    "a folder": (Path.mkdir, "which is a folder"),
    "a loop": (lambda path: path.symlink_to(path.name), "which is a link that leads back to"),
    "a link to nothing": (lambda path: path.symlink_to("gone.mp4"), "which is a link to gone.mp4"),
    "another case": (lambda path: path.with_name("1.MP4").touch(), "only the case differs"),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("kind", STANDING)
def test_what_stands_in_the_place_of_the_only_clip_is_named(
    kind: str, task: Task, tmp_path: Path
) -> None:
    make, words = STANDING[kind]
    root = tmp_path / "data"
    (root / "clips").mkdir(parents=True)
    make(root / "clips/1.mp4")
    write_csv(root, ROWS[:1])
    with pytest.raises(DataError, match=re.escape(words)):
        load_items(task, root, {})


def test_the_case_of_a_folder_counts_too(task: Task, tmp_path: Path) -> None:
    root = tmp_path / "data"
    put(root, ["Clips/1.mp4"])
    write_csv(root, ROWS[:1])
    with pytest.raises(DataError, match=r"Clips.1\.mp4 is: only the case differs"):
        load_items(task, root, {})


def test_a_path_of_windows_is_named_by_its_backslash(task: Task, tmp_path: Path) -> None:
    put(tmp_path / "data", ["clips/1.mp4"])
    write_csv(tmp_path / "data", [ROWS[0] | {"clip": "clips\\1.mp4"}])
    with pytest.raises(DataError, match="parts folders by a backslash; write / instead"):
        load_items(task, tmp_path / "data", {})

"""Tables of a user's own: every format, every way to write options and answers, every fault."""

from __future__ import annotations

import csv
import importlib.util
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.errors import DataError, MissingExtraError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.readers import load_items
from emoreal_bench.readers.annotations import load_annotations
from tests.unit.readers.layouts import put, write_json, write_text

HAS_PARQUET = importlib.util.find_spec("pyarrow") is not None
KINDS: dict[str, Any] = {
    "choose": {"answer": "choice"},
    "agree": {"answer": "yes_no"},
    "name": {"answer": "label", "labels": ["Joy", "Fear"]},
    "tell": {"answer": "open"},
}
ROW: dict[str, Any] = {
    "id": "q1",
    "clip": "1.mp4",
    "question": "Which?",
    "options": "a frown|a smile",
    "answer": "B",
}


def task_of(
    *kinds: str, columns: Mapping[str, Any] | None = None, options: Mapping[str, Any] | None = None
) -> Task:
    data = {"reader": "questions", "columns": columns or {}, "options": options or {}}
    return Task.model_validate(
        {
            "name": "own",
            "version": "1",
            "title": "Own",
            "description": "Own.",
            "data": data,
            "subtasks": {kind: KINDS[kind] for kind in kinds or ("choose",)},
            "variants": {"answer-format": {"description": "Plain.", "prompt": "ask.j2"}},
        }
    )


def write_rows(root: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    match Path(name).suffix:
        case ".json":
            write_json(root, name, rows)
        case ".jsonl":
            write_text(root, name, "\n".join(json.dumps(row) for row in rows))
        case ".parquet":
            from pyarrow import Table, parquet

            parquet.write_table(Table.from_pylist(list(rows)), root / name)
        case suffix:
            with (root / name).open("w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(
                    file, list(rows[0]), delimiter="\t" if suffix == ".tsv" else ","
                )
                table.writeheader()
                table.writerows(rows)


def read(
    root: Path, task: Task, *rows: Mapping[str, Any], name: str = "questions.json"
) -> Sequence[Item]:
    put(root, ["1.mp4"])
    write_rows(root, name, rows)
    return load_items(task, root, {}).items


FORMATS = ["csv", "tsv", "json", "jsonl", *(["parquet"] if HAS_PARQUET else [])]
IN_LISTS = ("json", "jsonl")
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1
).filter(lambda text: text == text.strip() != "" and not is_lettered(text))


def is_lettered(text: str) -> bool:
    try:
        return bool(split_choice(text))
    except ValueError:
        return False


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    options = draw(st.lists(TEXTS, min_size=2, max_size=4, unique_by=str.casefold))
    place = draw(st.integers(0, len(options) - 1))
    letter = "ABCD"[place]
    answers = [letter, f"({letter})", letter.lower(), f"{letter}. {options[place]}"]
    return {
        "question": draw(TEXTS),
        "options": options,
        "answer": draw(st.sampled_from(answers)),
        "place": letter,
        "scene": draw(st.one_of(st.just(""), TEXTS)),
    }


@settings(max_examples=25, deadline=None)
@given(st.lists(questions(), min_size=1, max_size=4))
def test_a_table_is_the_same_in_every_format(drawn: list[dict[str, Any]]) -> None:
    read_items = {}
    for form in FORMATS:
        rows = []
        for number, one in enumerate(drawn):
            row = {"id": number, "clip": "1", "question": one["question"], "answer": one["answer"]}
            if form in IN_LISTS:
                row["options"] = one["options"]
            else:
                padded = [*one["options"], *[""] * 4]
                row |= {f"option_{letter}": padded[at] for at, letter in enumerate("abcd")}
            rows.append(row | {"scene": one["scene"]})
        with tempfile.TemporaryDirectory() as folder:
            name = f"questions.{form}"
            read_items[form] = list(read(Path(folder), task_of(), *rows, name=name))
    first = read_items["json"]
    assert all(items == first for items in read_items.values())
    assert [item.answer for item in first] == [one["place"] for one in drawn]
    for item, one in zip(first, drawn, strict=True):
        assert [split_choice(choice)[1] for choice in item.choices] == one["options"]
        assert (item.metadata or {}).get("scene", "") == one["scene"]


def test_parquet_without_its_library_names_the_extra(tmp_path: Path) -> None:
    put(tmp_path, ["1.mp4"])
    (tmp_path / "questions.parquet").write_bytes(b"PAR1")
    error = DataError if HAS_PARQUET else MissingExtraError
    with pytest.raises(error, match="not a Parquet table" if HAS_PARQUET else "parquet"):
        load_items(task_of(), tmp_path, {})


@pytest.mark.skipif(not HAS_PARQUET, reason="needs pyarrow, as the other formats do not")
def test_null_and_nan_of_parquet_are_empty_cells(tmp_path: Path) -> None:
    rows = [
        ROW | {"options": ["a", "b", None], "age": float("nan"), "cue": None},
        ROW | {"id": "q2", "options": ["a", "b"], "age": 3.0, "cue": "x"},
    ]
    first, second = read(tmp_path, task_of(), *rows, name="questions.parquet")
    assert (first.choices, first.metadata) == (("(A) a", "(B) b"), None)
    assert second.metadata == {"age": "3", "cue": "x"}


OPTIONS: dict[str, tuple[Any, Sequence[str]]] = {
    "a list": (["a, b", "c"], ["(A) a, b", "(B) c"]),
    "a list of JSON in a cell": ('["a, b", "c"]', ["(A) a, b", "(B) c"]),
    "a list of Python in a cell": ("['a, b', \"it's\"]", ["(A) a, b", "(B) it's"]),
    "a mapping of letters": ({"b": "x", "a": "y"}, ["(A) y", "(B) x"]),
    "labels and texts": ({"label": ["A", "B"], "text": ["y", "x"]}, ["(A) y", "(B) x"]),
    "bars": ("a, b | c; d", ["(A) a, b", "(B) c; d"]),
    "lines": ("a, b\nc\n", ["(A) a, b", "(B) c"]),
    "letters": (
        "A. a smile B. a nod, or C. x D. y",
        ["A. a smile", "B. a nod, or", "C. x", "D. y"],
    ),
    "letters in brackets": ("(A) a smile, (B) a nod", ["(A) a smile", "(B) a nod"]),
    "letters on lines": ("a) a smile\nb) a nod", ["a) a smile", "b) a nod"]),
    "the last ones empty": ("a|b||", ["(A) a", "(B) b"]),
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_options_in_one_cell(kind: str, tmp_path: Path) -> None:
    value, choices = OPTIONS[kind]
    (item,) = read(tmp_path, task_of(), ROW | {"options": value})
    assert (list(item.choices), item.answer) == (choices, "B")


@pytest.mark.parametrize("names", [("option_a", "option_b", "option_c"), ("A", "B", "C")])
def test_options_in_a_column_each_are_found(names: Sequence[str], tmp_path: Path) -> None:
    row = {key: value for key, value in ROW.items() if key != "options"}
    texts = dict(zip(names, ("x", "A. Lincoln", None), strict=True))
    (item,) = read(tmp_path, task_of(), {**row, **texts, "answer": names[1]})
    assert (item.choices, item.answer) == (("(A) x", "(B) A. Lincoln"), "B")


def test_there_may_be_as_many_options_as_letters(tmp_path: Path) -> None:
    options = [f"cue {number}" for number in range(26)]
    (item,) = read(tmp_path, task_of(), ROW | {"options": options, "answer": "CUE  25"})
    assert (item.choices[-1], item.answer) == ("(Z) cue 25", "Z")


ANSWERS = {
    "a letter": "B",
    "a letter in brackets": "(b)",
    "a letter with a full stop": "B.",
    "the text": "a smile",
    "the text in another case": "  A   SMILE",
    "both": "B) a smile",
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_ways_to_write_an_answer(kind: str, tmp_path: Path) -> None:
    (item,) = read(tmp_path, task_of(), ROW | {"answer": ANSWERS[kind]})
    assert item.answer == "B"


def test_texts_are_equal_in_any_unicode_form(tmp_path: Path) -> None:
    (item,) = read(tmp_path, task_of(), ROW | {"options": "x|caf\u00e9", "answer": "cafe\u0301"})
    assert item.answer == "B"


@pytest.mark.parametrize(("first", "number"), [(0, 1), (1, 2), ("0", "1.0")])
def test_answers_are_numbers_where_the_task_says_so(
    first: object, number: object, tmp_path: Path
) -> None:
    task = task_of(options={"first_index": first})
    (item,) = read(tmp_path, task, ROW | {"answer": number})
    assert item.answer == "B"


def test_what_parts_the_options_may_be_said(tmp_path: Path) -> None:
    task = task_of(options={"parted_by": ";"})
    (item,) = read(tmp_path, task, ROW | {"options": "a, b; c"})
    assert item.choices == ("(A) a, b", "(B) c")


@pytest.mark.parametrize(
    ("answer", "letter"), [("yes", "A"), ("No", "B"), (True, "A"), ("n", "B"), ("是", "A")]
)
def test_yes_and_no_need_no_options(answer: object, letter: str, tmp_path: Path) -> None:
    (item,) = read(tmp_path, task_of("agree"), ROW | {"options": None, "answer": answer})
    assert (item.choices, item.answer) == (("(A) Yes", "(B) No"), letter)


@pytest.mark.parametrize("subtask", [{}, {"subtask": ""}, {"subtask": None}])
def test_kinds_in_one_table_find_their_subtasks(tmp_path: Path, subtask: dict[str, Any]) -> None:
    rows = [
        ROW,
        ROW | {"id": 2, "options": "Yes|No", "answer": "no"},
        ROW | {"id": 3, "options": None, "answer": "yes"},
        ROW | {"id": 4, "options": None, "answer": "JOY "},
        ROW | {"id": 0, "options": None, "answer": "She smiles."},
    ]
    rows = [row | subtask for row in rows]
    items = read(tmp_path, task_of("choose", "agree", "name", "tell"), *rows)
    assert [(item.subtask, item.answer) for item in items] == [
        ("choose", "B"),
        ("agree", "B"),
        ("agree", "A"),
        ("name", "Joy"),
        ("tell", "She smiles."),
    ]
    assert [item.id for item in items] == ["q1", "2", "3", "4", "0"]


def test_columns_are_those_that_the_task_names(tmp_path: Path) -> None:
    columns = {
        "id": "Nr",
        "clip": "Video",
        "question": "Frage",
        "options": ["o1", "o2"],
        "answer": "richtig",
        "category": "Art",
        "group": "Sprecher",
    }
    row = {"Nr": 0, "Video": "1", "Frage": "?", "o1": "x", "o2": "y", "richtig": "o2"}
    row |= {"Art": "Hallucination", "Sprecher": "S1", "Alter": 30}
    (item,) = read(tmp_path, task_of(columns=columns), row, name="questions.tsv")
    assert (item.id, item.clip, item.question, item.answer) == ("0", "1", "?", "B")
    assert item.metadata == {"category": "hallucination", "group": "S1", "Alter": "30"}


def test_without_ids_and_questions_rows_are_numbered_and_asked_the_same(tmp_path: Path) -> None:
    asked = "What is felt? " + "Look and listen. " * 30 + "Say it."
    task = task_of("name", columns={"answer": "label"}, options={"question": asked})
    rows = [{"clip": "1.mp4", "label": "joy"}, {"clip": "1", "label": "Fear"}]
    items = read(tmp_path, task, *rows, name="questions.csv")
    assert [(item.id, item.question, item.answer) for item in items] == [
        ("1", asked, "Joy"),
        ("2", asked, "Fear"),
    ]
    assert load_annotations(task, tmp_path / "questions.csv") == items


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no answer": ({"answer": ""}, "its answer is empty; fill it in, or take the row out"),
    "an answer that is no option": (
        {"answer": "a hat"},
        "its answer is 'a hat', which is none of its options (A) a frown, (B) a smile; "
        "write the letter or the text of one",
    ),
    "a number": ({"answer": 1}, "if it is a number of an option, say first_index: 0 or 1"),
    "a letter and another text": ({"answer": "B. a frown"}, "none of its options"),
    "the text of two options": (
        {"options": "x|x", "answer": "x"},
        "its answer is the text of the options A and B; write the letter",
    ),
    "one option": ({"options": ["x"]}, "not a list of two or more; write them"),
    "one text": ({"options": "x, y"}, "one text, 'x, y'; part them with |, or say parted_by"),
    "an option left out": ({"options": "x||y"}, "its option 2 is empty, and a later one is not;"),
    "too many options": ({"options": ["x"] * 27}, "27 options, and there are 26 letters; leave"),
    "options in options": ({"options": [["x"], ["y"]]}, "write them as a list of texts"),
    "some letters": ({"options": "(A) x|y"}, "begin with a letter such as (A); give all of them"),
    "letters with a gap": ({"options": "(A) x|(C) y", "answer": "C"}, "left out; correct the row"),
    "no question": ({"question": " "}, "its question is empty; fill it in"),
    "no clip": ({"clip": None}, "its clip is empty; write the name of its file"),
    "a clip elsewhere": ({"clip": "/a/1.mp4"}, "leaves the data folder; write its path below"),
    "an id that is none": ({"id": ""}, "its id is wrong: write a text or a whole number"),
    "an id twice": ({"id": "q9"}, "its id q9 appears twice, in number 1 before; give each"),
    "an unknown subtask": ({"subtask": "x"}, "its subtask is 'x'; it must be one of choose"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_one_line_with_file_row_and_remedy(kind: str, tmp_path: Path) -> None:
    change, told = FAULTS[kind]
    with pytest.raises(DataError) as caught:
        read(tmp_path, task_of(), ROW | {"id": "q9"}, ROW | change)
    first, line, _ = str(caught.value).splitlines()
    assert first == f"{tmp_path / 'questions.json'}: 1 problem found."
    assert line.startswith("  questions.json, number 2: ")
    assert told in line


def test_a_label_that_the_task_lacks_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="number 1: its answer is 'joyful'; it must be one of Joy"):
        read(tmp_path, task_of("name"), ROW | {"options": None, "answer": "joyful"})


def test_all_faults_are_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    rows = [ROW | {"id": number, "answer": ""} for number in range(30)]
    with pytest.raises(DataError) as caught:
        read(tmp_path, task_of(), *rows, name="questions.csv")
    told = str(caught.value).splitlines()
    assert "30 problems found" in told[0]
    assert told[1].startswith("  questions.csv, line 2: ")
    assert (len(told), told[-2]) == (13, "  and 20 more")


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({}, "It has no column clip, answer.\n  It has id, question, options, video, gold."),
        ({"clip": "video", "answer": "god"}, "It has no column god (answer)."),
    ],
)
def test_a_column_that_is_not_there_is_named_with_those_that_are(
    columns: Mapping[str, str], told: str, tmp_path: Path
) -> None:
    row = {"id": 1, "question": "?", "options": "x|y", "video": "1.mp4", "gold": "A"}
    with pytest.raises(DataError) as caught:
        read(tmp_path, task_of(columns=columns), row)
    assert told in str(caught.value)
    assert "data: {columns: {" in str(caught.value)


CLIPS: dict[str, tuple[str, str]] = {
    "a path": ("a/1.mp4", "a/1.mp4"),
    "without its extension": ("a/1", "a/1.mp4"),
    "the end of a path": ("2.mp4", "b/deep/2.mp4"),
    "the end of one without its extension": ("deep/2", "b/deep/2.mp4"),
    "a name with points": ("S01.E02", "b/S01.E02.mkv"),
    "another Unicode form": ("Zo\u00eb", "b/Zoe\u0308.mp4"),
    "the picture, not the sound": ("3", "b/3.mp4"),
    "a sound": ("4", "b/4.wav"),
    "the folder's own name": ("data/a/1", "a/1.mp4"),
}


def many_clips(root: Path) -> None:
    put(root, ["a/1.mp4", "c/1.mp4", "b/deep/2.mp4", "b/S01.E02.mkv", "b/Zoe\u0308.mp4"])
    put(root, ["b/3.mp4", "b/3.wav", "b/4.wav", "b/.hidden.mp4"])


@pytest.mark.parametrize("kind", CLIPS)
def test_a_clip_is_found_below_the_folder(kind: str, tmp_path: Path) -> None:
    name, file = CLIPS[kind]
    root = tmp_path / "data"
    many_clips(root)
    write_rows(root, "questions.jsonl", [ROW | {"clip": name}])
    clips = load_items(task_of(), root, {}).clips
    assert clips[name].video == root / file


@pytest.mark.parametrize("name", ["c/2", "x/1.mp4", ".hidden", "5"])
def test_no_other_clip_takes_the_place_of_a_missing_one(name: str, tmp_path: Path) -> None:
    many_clips(tmp_path)
    write_rows(tmp_path, "questions.jsonl", [ROW | {"clip": name}, ROW | {"id": 2, "clip": "4"}])
    assert not load_items(task_of(), tmp_path, {}).clips[name].video.exists()


def test_a_name_of_two_clips_is_refused_with_both(tmp_path: Path) -> None:
    many_clips(tmp_path)
    write_rows(tmp_path, "questions.jsonl", [ROW | {"clip": "1"}])
    with pytest.raises(DataError, match=r"several files: 1 is a/1\.mp4 and c/1\.mp4"):
        load_items(task_of(), tmp_path, {})


TABLES: dict[str, tuple[bytes, str | None]] = {
    "semicolons": (b"id;clip;question;options;answer\n1;1.mp4;a, b?;x|y;B\n", None),
    "semicolons and a comma": (b"id;clip;question;options;answer;a, b\n1;1;?;x|y;B;c\n", None),
    "UTF-16": ("id,clip,question,options,answer\n1,1.mp4,中?,x|y,B\n".encode("utf-16"), None),
    "a mark": (b"\xef\xbb\xbfid,clip,question,options,answer\n1,1.mp4,?,x|y,B\n", None),
    "GBK": ("id,clip,question,options,answer\n1,1.mp4,很好,x|y,B\n".encode("gbk"), "GB18030"),
    "nothing": (b"", "has no rows"),
    "a header alone": (b"id,clip,question,options,answer\n", "has no rows"),
    "a column twice": (b"id,answer,answer\n1,A,B\n", "names the column answer twice"),
    "rows of other lengths": (b"id,answer\n1\n2,A\n3\n4\n", "Other lines are wrong too (2): 4, 5."),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_as_people_save_them(kind: str, tmp_path: Path) -> None:
    content, told = TABLES[kind]
    put(tmp_path, ["1.mp4"])
    (tmp_path / "questions.csv").write_bytes(content)
    load: Callable[[], Any] = lambda: load_items(task_of(), tmp_path, {}).items  # noqa: E731
    if told is None:
        assert [item.answer for item in load()] == ["B"]
        return
    with pytest.raises(DataError, match=r"questions\.csv") as caught:
        load()
    assert told in str(caught.value)

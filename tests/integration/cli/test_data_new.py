"""``data new``: from a table and a folder of clips to scores, without a line of Python."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.table import Table

from emoreal_bench import api
from emoreal_bench.catalog import find_task
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import DataError, ExitCode, RunError, UsageError
from emoreal_bench.readers import _BUILT_IN
from tests.media_files import Picture, Sound, make_clip
from tests.unit.readers.layouts import put
from tests.unit.readers.test_question_tables import FORMATS, write_rows

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs/own-questions.md"
ROW: dict[str, Any] = {"video": "1", "q": "Which?", "opt1": "x", "opt2": "y", "gold": "Y"}


def write_clips(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True)
    for name in names or ("1.mp4", "2.mp4"):
        make_clip(folder / name, Picture(frames=5, size=(32, 32)), Sound(seconds=0.2))


def make(
    root: Path,
    rows: Sequence[Mapping[str, Any]],
    name: str = "table.jsonl",
    **more: Any,
) -> api.TaskDraft:
    put(root, ["clips/1.mp4", "clips/2.mp4"])
    write_rows(root, name, rows)
    return api.make_task(api.NewTask(root / name, root / "clips", root / "own", **more))


def test_the_page_works_as_it_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_clips(Path("my-clips"))
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    (table,) = (block for language, block in blocks if language == "csv")
    (commands,) = (block for language, block in blocks if language == "")
    told, fault = (block for language, block in blocks if language == "text")
    Path("questions.csv").write_text(table, encoding="utf-8")
    for line in commands.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "emoreal-bench"
        assert run(arguments) == ExitCode.DONE, line
    output = capsys.readouterr().out
    assert all(line in output for line in told.splitlines())
    assert commands.splitlines()[-1] in output
    (results,) = Path("runs").glob("*/results.json")
    scores = json.loads(results.read_text(encoding="utf-8"))["scores"]["strict"]
    assert scores["choice"]["chance"] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert scores["yes_no"]["accuracy"] == 1.0
    front = yaml.safe_load(Path("my-task/README.md").read_text("utf-8").split("---")[1])
    assert front["license"] == "unknown"

    Path("questions.csv").write_text(table.replace(",b,", ",a grin,"), encoding="utf-8")
    assert run(shlex.split(commands.splitlines()[1])[1:]) == ExitCode.INCOMPLETE
    assert fault.strip() in capsys.readouterr().err
    columns = yaml.safe_load(next(block for language, block in blocks if language == "yaml"))
    task = yaml.safe_load(Path("my-task/my-task.yaml").read_text("utf-8"))
    assert task["data"]["columns"] == columns["data"]["columns"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_of_each_format_leads_to_results(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path / "my clips" / "part_1", "1.mp4")
    answers = ["joy", "fear"] * 2
    rows = [ROW | {"nr": n, "gold": "xy"[n % 2], "felt": answers[n]} for n in range(4)]
    write_rows(tmp_path, f"t.{form}", rows)
    out = tmp_path / "Öwn täsk"
    arguments = ["data", "new", str(tmp_path / f"t.{form}"), "--clips", str(tmp_path / "my clips")]
    assert run([*arguments, "--out", str(out), "--question", "q", "--json"]) == ExitCode.DONE
    draft = json.loads(capsys.readouterr().out)
    program, *command = shlex.split(draft["command"])
    assert (program, draft["clips"], draft["missing"]["count"]) == ("emoreal-bench", 1, 0)
    assert run([*command, "--out", str(tmp_path / "run"), "--quiet"]) == ExitCode.DONE
    results = json.loads((tmp_path / "run/results.json").read_text(encoding="utf-8"))
    (name,) = draft["subtasks"]
    assert results["coverage"]["fraction"] == 1.0
    assert results["scores"]["strict"][name]["accuracy"] == 0.5
    assert results["scores"]["strict"][name]["chance"] == 0.5


def test_what_was_understood_is_said(tmp_path: Path) -> None:
    rows = [
        ROW | {"type": "cue", "gold": 1, "page": 3},
        ROW | {"type": "sound", "gold": 2, "video": "3"},
        ROW | {"type": "sound", "gold": 2},
    ]
    draft = make(tmp_path, rows, settled=api.Settled(api.Columns(question="q")))
    assert draft.columns == {
        "id": (),
        "clip": ("video",),
        "question": ("q",),
        "options": ("opt1", "opt2"),
        "answer": ("gold",),
        "subtask": ("type",),
    }
    assert (draft.metadata, draft.first_index) == (("page",), 1)
    assert draft.subtasks["sound"].answers == {"B": 2}
    assert draft.subtasks["sound"].chance == 0.5
    assert (draft.clips, draft.missing.first) == (2, ("3",))


KINDS: dict[str, tuple[Sequence[str], str, Sequence[str]]] = {
    "classes": (["joy", "Joy ", "fear", "fear"], "label", ["fear", "joy"]),
    "texts": ([f"She does this and that, number {n}." for n in range(4)], "open", []),
    "yes and no": (["yes", "No", "yes", "no"], "yes_no", []),
    "classes with yes among them": (["yes", "no", "maybe"] * 2, "label", ["maybe", "no", "yes"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_questions_without_options_are_told_apart_by_their_answers(
    kind: str, tmp_path: Path
) -> None:
    answers, answer, labels = KINDS[kind]
    rows = [{"clip": "1.mp4", "question": "?", "label": text} for text in answers]
    draft = make(tmp_path, rows)
    (name,) = draft.subtasks
    task = yaml.safe_load((tmp_path / "own/own.yaml").read_text(encoding="utf-8"))
    assert task["subtasks"][name].get("labels", []) == labels
    assert draft.subtasks[name].answer == answer
    assert (draft.subtasks[name].chance is None) == (answer == "open")


def test_a_few_short_answers_are_texts_until_the_user_says_classes(tmp_path: Path) -> None:
    rows = [{"clip": "1", "question": "?", "answer": text} for text in ("a cup", "a hat")]
    draft = make(tmp_path, rows)
    assert draft.subtasks["own"].answer == "open"
    assert any("--kind label" in note for note in draft.notes)
    settled = make(tmp_path / "again", rows, kind=api.AnswerKind.LABEL)
    assert settled.subtasks["own"].answer == "label"


MIXED: Sequence[Mapping[str, Any]] = [
    {"clip": "1", "subtask": kind, "question": "?", "opt1": one, "opt2": other, "answer": answer}
    for kind, one, other, answer in (
        ("cue", "a shout", "a laugh", "a laugh"),
        ("describe", "", "", "She seems sad: her voice is low and she looks down."),
        ("emotion", "", "", "Sadness"),
    )
]
"""The kinds of questions of one table that somebody brought."""


@pytest.mark.parametrize("said", [[], ["--kind", "label"], ["--kind", "emotion=label"]])
def test_label_and_open_questions_of_one_table_are_told_apart(
    said: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, ["clips/1.mp4"])
    write_rows(tmp_path, "t.csv", MIXED)
    command = ["data", "new", str(tmp_path / "t.csv"), "--clips", str(tmp_path / "clips")]
    assert run([*command, "--out", str(tmp_path / "own"), *said, "--json"]) == ExitCode.DONE
    draft = json.loads(capsys.readouterr().out)
    kinds = {name: found["answer"] for name, found in draft["subtasks"].items()}
    assert kinds == {"cue": "choice", "describe": "open", "emotion": "label"}
    # One class alone would be right always, and the prompt would name it.
    assert draft["subtasks"]["emotion"]["chance"] == pytest.approx(1 / 7)
    notes = " ".join(draft["notes"])
    assert "'describe=label'" in notes
    assert "the table has one class, Sadness" in notes


def test_the_user_says_what_the_answers_of_one_subtask_are(tmp_path: Path) -> None:
    kinds = {"describe": api.AnswerKind.LABEL, "emotion": api.AnswerKind.OPEN}
    draft = make(tmp_path, MIXED, kinds=kinds)
    assert draft.subtasks["describe"].answer == "label"
    assert draft.subtasks["emotion"].answer == "open"
    assert any("is a sentence" in note and "describe=open" in note for note in draft.notes)
    with pytest.raises(UsageError, match="'cue', which has no questions without options"):
        make(tmp_path / "again", MIXED, kinds={"cue": api.AnswerKind.LABEL})


@pytest.mark.parametrize("wrong", ["lable", "emotion=choice", "emotion="])
def test_a_kind_that_is_none_is_named(
    wrong: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path, "t.csv", MIXED)
    command = ["data", "new", str(tmp_path / "t.csv"), "--clips", str(tmp_path)]
    assert run([*command, "--out", str(tmp_path / "own"), "--kind", wrong]) == ExitCode.USAGE
    assert "There are: yes_no, label, open." in capsys.readouterr().err


ONCE: dict[str, tuple[Sequence[str], str, str]] = {
    "a class that occurs once": (
        ["a cup", "a hat", "a cup", "a hat", "a cup", "a dog"],
        "label",
        "a dog",
    ),
    "emotions": (["joy", "fear", "joy"], "label", "fear"),
    "words that only hint at one": (["laughing", "crying"], "open", "laughing"),
    "sentences without blanks": (["她看起来很难过。", "他在笑。"] * 2, "open", "她看起来很难过"),
}


@pytest.mark.parametrize("kind", ONCE)
def test_what_was_taken_for_what_is_said_with_an_answer(kind: str, tmp_path: Path) -> None:
    answers, answer, named = ONCE[kind]
    rows = [{"clip": "1", "question": "?", "answer": text} for text in answers]
    draft = make(tmp_path, rows)
    assert draft.subtasks["own"].answer == answer
    assert any(named in note for note in draft.notes)


def test_a_corrected_table_is_read_without_a_new_task(tmp_path: Path) -> None:
    make(tmp_path, [without("q")])
    file = tmp_path / "own/own.yaml"
    edited = file.read_text("utf-8").replace("The terms are not stated yet.", "CC-BY-4.0")
    file.write_text(edited, encoding="utf-8")
    with pytest.raises(RunError, match="a corrected one needs no new task") as caught:
        make(tmp_path, [without("q")] * 2)
    assert f"data check --task {file}" in str(caught.value)
    assert file.read_text(encoding="utf-8") == edited
    report = api.check_data(str(file), tmp_path / "clips")
    assert report.items == 2
    assert report.sources == (str(tmp_path / "table.jsonl"),)


def test_own_data_have_no_column_for_a_published_number(tmp_path: Path) -> None:
    make(tmp_path, [without("q")])
    report = api.check_data(str(tmp_path / "own/own.yaml"), tmp_path / "clips")
    assert report.notes == ("README.md beside the task says FILL IN in 4 places",)
    table = next(iter(report.lines()))
    assert isinstance(table, Table)
    assert [column.header for column in table.columns] == ["subtask", "items"]


def test_the_task_ids_of_own_questions_are_written_for_the_hub(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path, MIXED)
    (written,) = api.write_data_card(tmp_path / "own")
    ids = [task["id"] for task in yaml.safe_load(written.read_text(encoding="utf-8"))["tasks"]]
    assert (written.name, ids) == ("eval.yaml", ["own", "cue", "describe", "emotion"])
    assert api.write_data_card(tmp_path / "own/own.yaml") == (written,)
    # It is no task, so that the folder still stands for its one task.
    assert api.write_data_card(tmp_path / "own") == (written,)
    assert find_task(str(tmp_path / "own")).path == tmp_path / "own/own.yaml"
    with pytest.raises(DataError, match="It holds no benchmark"):
        api.write_data_card(tmp_path / "clips")


def test_the_nearest_column_is_offered(tmp_path: Path) -> None:
    settled = api.Settled(api.Columns(answer="Glod"))
    with pytest.raises(UsageError, match="Did you mean gold\\? The columns are video, q"):
        make(tmp_path, [ROW], settled=settled)


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in ROW.items() if name not in names} | {"question": "?"}


UNCLEAR: dict[str, tuple[dict[str, Any], str]] = {
    "two answers": (without("q") | {"target": "x"}, "columns gold, target looks like the answers"),
    "no answers": (without("q", "gold"), "--answer COLUMN; the columns are"),
    "no questions": (without("q") | {"question": None, "Question": 1}, "--question 'question'"),
    "numbers": (without("q", "opt1", "opt2") | {"choices": "x|y|z", "gold": 1}, "--first-index 0"),
    "one text": (
        without("q", "opt1", "opt2") | {"choices": "x; y, z"},
        "--parted-by ';' makes 2 options",
    ),
    "two clips": (without("q", "video") | {"one": "1", "two": "1"}, "--clip 'one'"),
    "no clips": (without("q", "video"), "No column names clips in"),
    "a subtask that results name": (without("q") | {"type": "notes"}, "named 'notes'"),
}


@pytest.mark.parametrize("kind", UNCLEAR)
def test_what_cannot_be_told_is_said_with_what_settles_it(kind: str, tmp_path: Path) -> None:
    row, told = UNCLEAR[kind]
    with pytest.raises(UsageError) as caught:
        make(tmp_path, [row, row | ({"type": "cue"} if "type" in row else {})])
    assert told in str(caught.value)
    assert str(tmp_path / "table.jsonl") in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "table.jsonl"]


def test_the_answers_are_found_among_columns_by_the_options(tmp_path: Path) -> None:
    rows = [without("q") | {"emotion": "joy"}, without("q") | {"emotion": "fear"}]
    assert make(tmp_path, rows).columns["answer"] == ("gold",)


def test_numbers_of_questions_do_not_pass_for_clips(tmp_path: Path) -> None:
    rows = [without("q") | {"id": number, "video": f"/home/me/{number}.mp4"} for number in (1, 2)]
    with pytest.raises(DataError, match=r"table\.jsonl, line 1: its clip '/home/me/1\.mp4' leaves"):
        make(tmp_path, rows)


def test_the_command_names_a_model_that_answers_such_questions(tmp_path: Path) -> None:
    rows = [{"clip": "1", "question": "?", "label": text} for text in ("joy", "fear") * 2]
    assert " --model tiny/omni " in make(tmp_path / "labels", rows).command
    assert " --model baseline/first-choice " in make(tmp_path / "options", [without("q")]).command


def test_faulty_rows_are_listed_and_nothing_is_written(tmp_path: Path) -> None:
    rows = [without("q"), without("q") | {"gold": ""}, without("q") | {"gold": "z"}]
    with pytest.raises(DataError) as caught:
        make(tmp_path, rows)
    first, second, third, _ = str(caught.value).splitlines()
    assert first == f"{tmp_path / 'table.jsonl'}: 2 problems found."
    assert second.startswith("  table.jsonl, line 2: its answer is empty; fill")
    assert third.startswith("  table.jsonl, line 3: its answer is 'z', which is none of")
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "It is a folder; name the table in it.\n  Name one of empty.csv, table.jsonl."),
        ("empty.csv", "The file is empty."),
        ("gone.csv", "There is no such file."),
        ("clips/1.mp4", "Nothing is known of files that end in '.mp4'."),
    ],
)
def test_what_is_no_table_is_named(name: str, told: str, tmp_path: Path) -> None:
    put(tmp_path, ["clips/1.mp4", "table.jsonl"])
    (tmp_path / "empty.csv").touch()
    with pytest.raises((DataError, UsageError)) as caught:
        api.make_task(api.NewTask(tmp_path / name, tmp_path / "clips", tmp_path / "own"))
    assert told in str(caught.value)
    assert not (tmp_path / "own").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    put(tmp_path, ["own/README.md"])
    with pytest.raises(RunError, match="Name a new folder"):
        make(tmp_path, [without("q")])
    assert (tmp_path / "own/README.md").read_text(encoding="utf-8") == "own/README.md"


def test_the_table_is_found_again_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, ["disk/deep/clips/1.mp4"])
    (tmp_path / "clips").symlink_to("disk/deep/clips")
    write_rows(tmp_path, "table.csv", [without("q")])
    monkeypatch.chdir(tmp_path)
    draft = api.make_task(api.NewTask(Path("table.csv"), Path("clips"), Path("own")))
    assert api.check_data("own/own.yaml", Path("clips")).items == draft.questions == 1


def test_readers_are_listed_in_the_terminal_and_on_the_page(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["list", "readers", "--json"]) == ExitCode.DONE
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    page = (ROOT / "docs/tasks.md").read_text(encoding="utf-8").split("\n## Readers\n")[1]
    for name in _BUILT_IN:
        assert rows[name]["reads"]
        assert rows[name]["from"] == "emoreal-bench"
        assert f"`{name}`" in page

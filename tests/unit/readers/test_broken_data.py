"""Every reader refuses what is broken, and says in which file and item, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.readers import load_items
from tests.unit.readers import layouts
from tests.unit.readers.layouts import LAYOUTS, write_json, write_text


@dataclass(frozen=True)
class Broken:
    """One kind of broken input.

    Attributes:
        task: The task that is to read it.
        kind: What is wrong, in words.
        spoil: Breaks a data set that was whole.
        place: The file or folder that the message names.
        told: What else it says: the item, the problem.
    """

    task: str
    kind: str
    spoil: Callable[[Path], object]
    place: str
    told: tuple[str, ...]


def broken_tables(task: str, file: str, good: str, clips: str) -> Iterator[Broken]:
    """Break a CSV table of two columns.

    Args:
        task: The task that reads it.
        file: The table.
        good: Its text; the first row names the columns.
        clips: The folder of its clips.
    """
    header, first, *_ = good.splitlines()
    name_column, value_column = header.split(",")
    name, value = first.split(",", 1)
    place = Path(file).name

    def text(text: str) -> Callable[[Path], object]:
        return lambda root: write_text(root, file, text)

    def twice(root: Path) -> None:
        (found,) = (root / clips).glob(f"{name}.*")
        layouts.put(root, [f"copy/{found.name}"])

    def no_clips(root: Path) -> None:
        for path in (root / clips).iterdir():
            path.unlink()

    yield Broken(task, "no table", lambda root: (root / file).unlink(), "", ("There is no", place))
    yield Broken(task, "an empty file", text(""), place, (name_column, value_column))
    yield Broken(task, "no rows", text(header), place, ("no rows",))
    yield Broken(
        task, "a lacking column", text(good.replace(value_column, "x")), place, (value_column,)
    )
    yield Broken(
        task, "a cell too many", text(f"{good}{name}9,{value},1\n"), place, ("Line", "3 cells")
    )
    yield Broken(task, "a cut-off row", text(f"{good}{name}9\n"), place, ("Line", "1 cells"))
    yield Broken(task, "an open quote", text(f'{good}"x'), place, ("not a CSV",))
    yield Broken(
        task,
        "another encoding",
        lambda root: (root / file).write_bytes(good.encode() + b"\xff\xfe"),
        place,
        ("not UTF-8",),
    )
    yield Broken(
        task,
        "a clip twice",
        text(f"{good}{first}\n"),
        place,
        (f"'{name}' (line", "appears twice"),
    )
    yield Broken(
        task,
        "no name",
        text(f"{good} ,{value}\n"),
        place,
        ("'' (line", "name of its clip is empty"),
    )
    yield Broken(
        task,
        "a path as a name",
        text(f"{good}../../x,{value}\n"),
        place,
        ("'../../x' (line", "is a path"),
    )
    yield Broken(task, "no clips", no_clips, "", ("None of the clips", name))
    yield Broken(task, "two files for a clip", twice, "", ("more than one file", f"{name}: "))


DFEW = "video_name,label\n1,1\n2,7\n"
MER2023 = "name,discrete\nsample_1,happy\nsample_2,angry\n"
EMER = "name,reason\ns_1,She smiles.\ns_2,He sobs.\n"
OV_MERD = "name,openset\ns_1,[happy]\ns_2,[sad]\n"


def wrong_rows(task: str, file: str, rows: dict[str, tuple[str, str]]) -> Iterator[Broken]:
    """Put one wrong row behind a table: its kind to the row and what is told."""
    good = {"dfew": DFEW, "mer2023": MER2023, "emer": EMER, "ov-merd": OV_MERD}[task]

    def add(row: str) -> Callable[[Path], object]:
        return lambda root: write_text(root, file, f"{good}{row}\n")

    for kind, (row, told) in rows.items():
        name = row.split(",", maxsplit=1)[0]
        yield Broken(task, kind, add(row), Path(file).name, (f"'{name}' (line 4)", told))


def broken_workbooks() -> Iterator[Broken]:
    file, place, good = layouts.MAFW_LIST, "single-set.xlsx", layouts.MAFW_ROWS

    def rows(rows: list[list[object]]) -> Callable[[Path], object]:
        return lambda root: layouts.write_workbook(root, file, rows)

    def content(content: bytes) -> Callable[[Path], object]:
        return lambda root: (root / file).write_bytes(content)

    def half(root: Path) -> None:
        path = root / file
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def twice(root: Path) -> None:
        layouts.put(root, ["copy/00001.mp4"])

    def no_clips(root: Path) -> None:
        for path in (root / "clips").iterdir():
            path.unlink()

    cases: dict[str, tuple[Callable[[Path], object], str, tuple[str, ...]]] = {
        "no workbook": (lambda root: (root / file).unlink(), "", ("no single-set.xlsx",)),
        "text in place of a workbook": (content(b"clip,single_label"), place, ("not an Excel",)),
        "an empty file": (content(b""), place, ("not an Excel",)),
        "half a workbook": (half, place, ("not an Excel",)),
        "no rows": (rows(good[:1]), place, ("no rows",)),
        "a lacking column": (rows([["clip", "x", "y"], *good[1:]]), place, ("single_label",)),
        "a clip twice": (rows([*good, good[1]]), place, ("'00001.mp4' (line 5)", "twice")),
        "an unknown class": (
            rows([*good, ["00009.mp4", 0, 12]]),
            place,
            ("'00009.mp4' (line 5)", "single_label is '12'"),
        ),
        "no class": (rows([*good, ["00009.mp4", 0, None]]), place, ("(line 5)", "label is ''")),
        "no clip": (rows([*good, [None, 0, 1]]), place, ("(line 5)", "name of its clip is empty")),
        "a name of another set": (rows([*good, ["x.mp4", 0, 1]]), place, ("'x.mp4'", "not named")),
        "no clips": (no_clips, "", ("None of the clips", "00001")),
        "two files for a clip": (twice, "", ("more than one file", "00001: ")),
    }
    for kind, (spoil, where, told) in cases.items():
        yield Broken("mafw", kind, spoil, where, told)


def broken_names() -> Iterator[Broken]:
    def extra(*files: str) -> Callable[[Path], object]:
        return lambda root: layouts.put(root, files)

    def empty(root: Path) -> None:
        for path in [path for path in root.rglob("*") if path.is_file()]:
            path.unlink()

    def only_songs(root: Path) -> None:
        empty(root)
        layouts.put(root, ["Actor_01/01-02-03-01-01-01-01.mp4"])

    wrong = {
        "a name that is none": ("holiday", "not seven numbers"),
        "a name of six numbers": ("01-01-01-01-01-01", "not seven numbers"),
        "an unknown modality": ("04-01-01-01-01-01-01", "modality is 04"),
        "an unknown channel": ("01-03-01-01-01-01-01", "vocal channel is 03"),
        "an unknown emotion": ("01-01-09-01-01-01-01", "emotion is 09"),
        "an unknown intensity": ("01-01-03-03-01-01-01", "intensity is 03"),
        "an unknown statement": ("01-01-03-01-03-01-01", "statement is 03"),
        "an unknown repetition": ("01-01-03-01-01-00-01", "repetition is 00"),
        "an unknown actor": ("01-01-03-01-01-01-25", "actor is 25"),
        "a strong neutral": ("01-01-01-02-01-01-01", "neutral of strong intensity"),
    }
    for kind, (name, told) in wrong.items():
        yield Broken("ravdess", kind, extra(f"Actor_01/{name}.mp4"), "", (f"item {name}", told))
    yield Broken("ravdess", "no clips", empty, "", ("no clips in this folder",))
    yield Broken("ravdess", "songs only", only_songs, "", ("no clip of a class",))
    double = "copy/01-01-01-01-01-01-01.mp4"
    yield Broken("ravdess", "two files for a clip", extra(double), "", ("more than one file",))


def broken_lists(
    task: str, file: str, good: list[dict[str, Any]], rows: dict[str, tuple[dict[str, Any], str]]
) -> Iterator[Broken]:
    """Break a JSON list.

    Args:
        task: The task that reads it.
        file: The list.
        good: What it holds.
        rows: Kind to what is changed in the second item, and what is told.
    """

    def text(text: str) -> Callable[[Path], object]:
        return lambda root: write_text(root, file, text)

    def value(value: object) -> Callable[[Path], object]:
        return lambda root: write_json(root, file, value)

    def no_clips(root: Path) -> None:
        for path in [path for path in root.rglob("*") if path.is_file() and path.name != file]:
            path.unlink()

    lacking = list(good[0])[1]
    yield Broken(task, "no list at all", lambda root: (root / file).unlink(), "", (f"no {file}",))
    yield Broken(task, "an object in place of a list", value({"a": 1}), file, ("not a JSON list",))
    yield Broken(task, "a cut-off list", text('[{"a": 1},'), file, ("line 1",))
    yield Broken(task, "an empty list", value([]), file, ("no items",))
    yield Broken(
        task, "an item that is none", value([good[0], 5]), file, ("item number 2", "not an object")
    )
    yield Broken(task, "no clips", no_clips, "", ("None of the clips",))
    changed = {key: change for key, change in good[1].items() if key != lacking}
    yield Broken(
        task, "a lacking key", value([good[0], changed]), file, ("number 2", f"lacks {lacking}")
    )
    for kind, (change, told) in rows.items():
        wrong = [good[0], {**good[1], **change}]
        yield Broken(task, kind, value(wrong), file, ("item number 2", told))


AVHBENCH_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "a number as a clip": ({"video_id": 191}, "video_id is wrong"),
    "an unknown kind": ({"task": "Guessing"}, "task is 'Guessing'"),
    "an empty question": ({"text": " "}, "question is empty"),
    "an answer that is neither yes nor no": ({"label": "maybe"}, "answer is 'maybe'"),
    "an empty caption": ({"task": "AV Captioning", "label": " "}, "caption, is empty"),
    "a clip above the folder": ({"video_id": "../x"}, "is a path"),
    "no clip": ({"video_id": ""}, "name of its clip is empty"),
}
CMM_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown sub-category": ({"sub_category": "x"}, "sub_category is 'x'"),
    "neither picture nor sound": ({"video_path": "None", "audio_path": None}, "neither a video"),
    "a picture above the folder": ({"video_path": "../x.mp4"}, "leaves the data folder"),
    "a sound elsewhere": ({"audio_path": "/x.wav"}, "leaves the data folder"),
    "an empty question": ({"question": "Answer with yes or no."}, "question is empty"),
    "an answer that is neither yes nor no": ({"answer": "A"}, "answer is 'A'"),
    "a number as an answer": ({"answer": 1}, "answer is wrong"),
}
EMOTIONHALLUCER_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "an id twice": ({"id": "p0"}, "id 'p0' appears twice"),
    "an empty id": ({"id": " "}, "id is empty"),
    "an unknown subtask": ({"subtask": "text"}, "subtask is 'text'"),
    "media above the folder": ({"media": "../1.jpg"}, "leaves the data folder"),
    "media that are the folder": ({"media": "."}, "leaves the data folder"),
    "half a pair": ({"basic": {"question": "Does she smile?"}}, "lacks basic.answer"),
    "an answer that is neither yes nor no": (
        {"basic": {"question": "Does she smile?", "answer": "so-so"}},
        "answer is 'so-so'",
    ),
    "an empty question": ({"hallucinated": {"question": "", "answer": "no"}}, "question is empty"),
}

BROKEN = [
    *broken_tables("dfew", layouts.DFEW_SPLIT, DFEW, "Clip/original/part_1"),
    *wrong_rows(
        "dfew",
        layouts.DFEW_SPLIT,
        {
            "an unknown class": ("9,8", "label is '8'"),
            "a class in words": ("9,happy", "label is 'happy'"),
            "a name that is no number": ("x,1", "not named like one"),
        },
    ),
    *broken_tables("mer2023", layouts.MER2023_LABELS, MER2023, "test3"),
    *wrong_rows(
        "mer2023",
        layouts.MER2023_LABELS,
        {
            "an unknown class": ("sample_9,jolly", "discrete is 'jolly'"),
            "no class": ("sample_9,", "discrete is ''"),
        },
    ),
    *broken_tables("emer", layouts.EMER_TABLE, EMER, "video"),
    *wrong_rows("emer", layouts.EMER_TABLE, {"no description": ("s_9,", "reason is empty")}),
    *broken_tables("ov-merd", layouts.OV_MERD_TABLE, OV_MERD, "video"),
    *wrong_rows("ov-merd", layouts.OV_MERD_TABLE, {"no labels": ("s_9,", "openset is empty")}),
    *broken_workbooks(),
    *broken_names(),
    *broken_lists(
        "avhbench", layouts.AVHBENCH_QUESTIONS, layouts.avhbench_questions(), AVHBENCH_ROWS
    ),
    *broken_lists("cmm", layouts.CMM_QUESTIONS, layouts.cmm_questions(), CMM_ROWS),
    *broken_lists(
        "emotionhallucer",
        layouts.EMOTIONHALLUCER_PAIRS,
        layouts.emotionhallucer_pairs(),
        EMOTIONHALLUCER_ROWS,
    ),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.task}: {broken.kind}")
def test_broken_data_is_refused_with_place_item_and_remedy(broken: Broken, tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    LAYOUTS[broken.task](root)
    broken.spoil(root)
    with pytest.raises(DataError) as caught:
        load_items(find_task(broken.task).task, root, {})
    message = str(caught.value)
    assert caught.value.where is not None
    assert caught.value.where.startswith(str(root))
    assert caught.value.where.endswith(broken.place)
    assert caught.value.remedy
    for told in broken.told:
        assert told in message


def test_every_reader_is_shown_ten_kinds_of_broken_input() -> None:
    readers = {find_task(name).task.data.reader for name in LAYOUTS}
    kinds: dict[str, set[str]] = {reader: set() for reader in readers}
    for broken in BROKEN:
        kinds[find_task(broken.task).task.data.reader].add(broken.kind)
    assert {reader: len(found) for reader, found in kinds.items() if len(found) < 10} == {}


PLACES = {
    "dfew": ("annotations", "videos", "audios"),
    "ravdess": ("videos", "audios"),
    "mer2023": ("annotations", "videos", "audios"),
    "emer": ("annotations", "videos", "audios"),
    "ov-merd": ("annotations", "videos", "audios"),
    "mafw": ("annotations", "videos", "audios"),
    "avhbench": ("annotations", "videos", "audios"),
    "cmm": ("annotations", "videos", "audios"),
    "emotionhallucer": ("annotations", "videos"),
}


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name, options in PLACES.items() for option in options]
)
def test_a_named_place_that_is_not_there_is_refused(name: str, option: str, tmp_path: Path) -> None:
    LAYOUTS[name](tmp_path)
    with pytest.raises(DataError, match="There is no such") as caught:
        load_items(find_task(name).task, tmp_path, {option: "nowhere"})
    assert f"--data-arg {option}=" in str(caught.value)


def test_five_folds_that_share_a_clip_are_refused(tmp_path: Path) -> None:
    layouts.make_five_folds(tmp_path)
    second = layouts.DFEW_SPLIT.replace("set_1", "set_2")
    write_text(tmp_path, second, "video_name,label\n1,1\n")
    with pytest.raises(DataError, match="test parts of two folds, for example 1"):
        load_items(find_task("dfew-5fold").task, tmp_path, {})


def test_two_annotation_files_are_refused_with_both(tmp_path: Path) -> None:
    layouts.make_mer2023(tmp_path)
    write_text(tmp_path, "other/test3-label.csv", MER2023)
    with pytest.raises(DataError, match="There are several files") as caught:
        load_items(find_task("mer2023").task, tmp_path, {})
    assert "other" in str(caught.value)
    assert "test_labels" in str(caught.value)

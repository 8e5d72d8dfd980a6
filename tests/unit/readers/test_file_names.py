"""A name in a table meets the name of a file, whichever Unicode form either is in."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from emoreal_bench.catalog import find_task, load_task
from emoreal_bench.file_names import path_on_disk
from emoreal_bench.preferences.building.clips import find_clips as find_captioned
from emoreal_bench.preferences.checking.check import CheckedAgainst, check_pairs
from emoreal_bench.readers import Dataset, load_items
from tests.unit.preferences.made_up_pairs import make_pair
from tests.unit.readers import layouts

NAME = "clip_\N{LATIN SMALL LETTER E WITH ACUTE}_01"
FORMS = [("NFC", "NFD"), ("NFD", "NFC"), ("NFC", "NFC")]
FOLDER = "\N{HANGUL SYLLABLE GA}"

pytestmark = pytest.mark.parametrize(("table", "disk"), FORMS)


def form(which: str, text: str) -> str:
    return unicodedata.normalize(which, text)  # type: ignore[arg-type]  # one of FORMS


def read(task: str, root: Path) -> Dataset:
    return load_items(find_task(task).task, root, {})


def test_clips_that_are_found_by_name(tmp_path: Path, table: str, disk: str) -> None:
    rows = f"name,discrete\n{form(table, NAME)},happy\n"
    layouts.write_text(tmp_path, layouts.MER2023_LABELS, rows)
    layouts.put(tmp_path, [form(disk, f"test3/{NAME}.mp4"), form(disk, f"16k/{NAME}.wav")])
    (clip,) = read("mer2023", tmp_path).clips.values()
    assert clip.key == form(table, NAME)
    assert clip.video.is_file()
    assert clip.audio is not None
    assert clip.audio.is_file()


def test_clips_that_are_found_by_path(tmp_path: Path, table: str, disk: str) -> None:
    path = form(table, f"{FOLDER}/{NAME}.mp4")
    layouts.put(tmp_path, [form(disk, f"{FOLDER}/{NAME}.mp4")])
    question = {"id": "1", "subtask": "cue", "clip": path, "question": "Why?", "answer": "A"}
    layouts.write_json(tmp_path, "questions.json", [question | {"options": ["a", "b"]}])
    (tmp_path / "ask.j2").write_text("{{ question }}", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(
        'schema: 1\nname: mine\nversion: "1"\ntitle: Mine\ndescription: Mine.\n'
        "data: {reader: questions}\nsubtasks: {cue: {answer: choice, chance: 0.5}}\n"
        "variants: {answer-format: {description: Plain., prompt: ask.j2}}\n",
        encoding="utf-8",
    )
    dataset = load_items(load_task(tmp_path / "mine.yaml").task, tmp_path, {})
    assert dataset.clips[path].video.is_file()


def test_clips_and_sounds_of_two_trees(tmp_path: Path, table: str, disk: str) -> None:
    question = {
        "id": "q",
        "video": form(table, f"{FOLDER}/{NAME}.mp4"),
        "task": "reasoning_basic_audio",
        "question": "Why?",
        "choices": ["(A) a", "(B) b"],
        "answer": "A",
    }
    layouts.write_json(tmp_path, "emorealm_v1.json", [question])
    trees = {"24fps": "mp4", "16khz": "wav"}
    layouts.put(tmp_path, [form(disk, f"{t}/{FOLDER}/{NAME}.{s}") for t, s in trees.items()])
    (clip,) = read("emorealm", tmp_path).clips.values()
    assert clip.video.is_file()
    assert clip.audio is not None
    assert clip.audio.is_file()


def test_labels_of_captioned_clips(tmp_path: Path, table: str, disk: str) -> None:
    layouts.put(tmp_path / "clips", [form(disk, f"{NAME}.mp4")])
    labels = tmp_path / "labels.csv"
    labels.write_text(f"clip,emotion\n{form(table, NAME)}.mp4,joy\n", encoding="utf-8")
    found = find_captioned(tmp_path / "clips", labels)
    assert dict(found.emotions) == {form(disk, f"{NAME}.mp4"): "joy"}


def test_clips_of_pairs(tmp_path: Path, table: str, disk: str) -> None:
    layouts.put(tmp_path, [form(disk, f"{NAME}.mp4")])
    pair = make_pair(clip=form(table, f"{NAME}.mp4"))
    report = check_pairs([pair], CheckedAgainst(clips=tmp_path))
    assert report.missing_clips == ()


def test_a_file_that_is_not_there_stays_as_it_was_named(
    tmp_path: Path, table: str, disk: str
) -> None:
    layouts.put(tmp_path, [form(disk, "another_é.mp4")])
    path = tmp_path / form(table, NAME)
    assert path_on_disk(path) == path

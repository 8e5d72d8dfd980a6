"""Predictions made elsewhere: three forms, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import DataError, EmorealError, UsageError
from emoreal_bench.scoring.predictions import read_predictions

IDS = ("a", "b", "12")


def _write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_three_forms_say_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in (("a", "(A)"), ("12", "no\n")):
        _write(folder, f"{name}.txt", text)
    as_object = _write(tmp_path, "p.json", json.dumps({"a": "(A)", "12": "no\n"}))
    lines = [{"id": "a", "prediction": "(A)"}, {"id": 12, "prediction": "no\n", "x": 1}]
    as_lines = _write(tmp_path, "p.jsonl", "\n\n".join(map(json.dumps, lines)) + "\n")
    read = [sorted(read_predictions(path, IDS)) for path in (folder, as_object, as_lines)]
    assert read[0] == read[1] == read[2]
    assert [reply.text for reply in read[0]] == ["no\n", "(A)"]


def test_a_single_line_of_jsonl_is_not_taken_for_an_object_of_ids(tmp_path: Path) -> None:
    path = _write(tmp_path, "p.jsonl", '{"id": "a", "prediction": "B"}\n')
    assert [reply.id for reply in read_predictions(path, IDS)] == ["a"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": "A", "z": "B"}', ["'z'", "p.json"]),
        ('{"a": "A", "a": "B"}', ["'a'", "twice"]),
        ('{"id": "a", "prediction": "A"}\n{"id": "a", "prediction": "B"}', ["line 2", "twice"]),
        ('{"id": "a", "prediction": "A"}\n{"id": "z", "prediction": "B"}', ["line 2", "'z'"]),
        ('{"id": "a", "prediction": "A"}\n{"id": "b"', ["line 2", "JSON"]),
        ('{"id": "a", "prediction": "A"}\n{"id": "b", "text": "B"}', ["line 2", "prediction"]),
        ('["A", "B"]', ["p.json", "object"]),
        ('"A"', ["p.json", "object"]),
        ('{"a": 1}', ["'a'", "text"]),
        ('{"a": {"b": "c"}}', ["'a'", "text"]),
        ("not json", ["line 1", "JSON"]),
    ],
)
def test_broken_predictions_are_refused_by_file_and_id(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(DataError) as raised:
        read_predictions(_write(tmp_path, "p.json", text), IDS)
    assert all(word in str(raised.value) for word in words), str(raised.value)


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"a\.txt"):
        read_predictions(tmp_path, IDS)


@pytest.mark.parametrize("name", ["absent.json", "empty_folder"])
def test_where_there_is_nothing_the_forms_are_explained(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty_folder").mkdir()
    with pytest.raises(EmorealError, match="JSONL") as raised:
        read_predictions(tmp_path / name, IDS)
    assert isinstance(raised.value, UsageError) == (name == "absent.json")

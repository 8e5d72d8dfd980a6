"""The log: nothing damaged is believed, nothing sound is lost."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.result import ChoiceScores, Delivery, Result, Usage
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus, Modality
from emoreal_bench.record.log import (
    ItemLog,
    read_final_records,
    read_log,
    repair_log,
    seal,
    unseal,
)
from emoreal_bench.record.records import LogLine, from_record, to_record

finite = st.floats(allow_nan=False, allow_infinity=False)
results = st.builds(
    Result,
    id=st.text(),
    status=st.sampled_from(DeliveryStatus),
    text=st.text(st.characters()),
    detail=st.none() | st.text(),
    choice_scores=st.none()
    | st.builds(
        ChoiceScores,
        kind=st.sampled_from(ChoiceScoreKind),
        scores=st.dictionaries(st.sampled_from("ABCD"), finite | st.just(-math.inf)),
        mass=st.none() | st.floats(0, 1),
    ),
    delivery=st.builds(
        Delivery,
        frames=st.integers(0, 64),
        audio_seconds=st.floats(0, 100),
        tokens=st.dictionaries(st.sampled_from(Modality), st.integers(0, 9999)),
        input_hash=st.none() | st.text(),
        notes=st.lists(st.text()).map(tuple),
    ),
    usage=st.builds(
        Usage,
        input_tokens=st.integers(0),
        output_tokens=st.integers(0),
        measured=st.booleans(),
        cost=st.none() | finite,
    ),
    attempts=st.integers(1, 9),
)


def write_log(path: Path, ids: list[str]) -> None:
    with ItemLog(path) as log:
        for item_id in ids:
            log.append(to_record(Result(item_id, DeliveryStatus.OK, f"reply to {item_id}")))


def ids_in(path: Path) -> list[str]:
    return [record["id"] for record in read_log(path)]


@given(results)
def test_a_result_is_read_back_as_it_was_written(result: Result) -> None:
    record = unseal(seal(to_record(result)))
    assert record is not None
    assert from_record(record) == result


@given(results)
def test_a_line_is_as_its_schema_says(result: Result) -> None:
    schema = TypeAdapter(LogLine)
    line = json.loads(seal(to_record(result)))
    # A field that the schema does not name would be left out.
    assert schema.validate_python(line) == line


def test_half_a_character_survives() -> None:
    result = Result("a", DeliveryStatus.OK, "cut \ud83d here")
    record = unseal(seal(to_record(result)))
    assert record is not None
    assert record["text"] == "cut \ud83d here"


def test_a_flipped_bit_anywhere_in_a_line_is_found() -> None:
    line = seal(to_record(Result("item-1", DeliveryStatus.OK, "(A) Yes", seconds=0.25)))
    for position in range(len(line)):
        for bit in range(8):
            damaged = bytearray(line)
            damaged[position] ^= 1 << bit
            assert unseal(bytes(damaged)) is None, (position, bit)


def test_a_line_torn_anywhere_is_found() -> None:
    line = seal(to_record(Result("item-1", DeliveryStatus.OK, "(A) Yes")))
    assert all(unseal(line[:length]) is None for length in range(len(line)))


def test_a_flipped_bit_anywhere_in_a_log_costs_at_most_the_lines_it_touches(
    tmp_path: Path,
) -> None:
    path = tmp_path / "items.jsonl"
    write_log(path, ["a", "b", "c"])
    sound = path.read_bytes()
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        reader = read_log(path)
        left = [record["id"] for record in reader]
        assert reader.damaged, position
        # A newline holds two lines apart, so its loss costs both.
        assert len(left) >= (1 if sound[position] == ord("\n") else 2), position
        assert set(left) < {"a", "b", "c"}


def test_repair_keeps_the_sound_lines_and_the_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    write_log(path, ["a", "b", "c"])
    damaged = path.read_bytes().replace(b"reply to b", b"reply to B")[:-5]
    path.write_bytes(damaged)
    aside = repair_log(path)
    assert ids_in(path) == ["a"]
    assert aside.name == "items.jsonl.damaged-1"
    assert aside.read_bytes() == damaged
    write_log(path, ["b"])
    assert ids_in(path) == ["a", "b"]


def test_a_second_repair_does_not_overwrite_the_first(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    names = []
    for _ in range(2):
        write_log(path, ["a"])
        with path.open("ab") as file:
            file.write(b'{"id":"b","sta')
        names.append(repair_log(path).name)
    assert names == ["items.jsonl.damaged-1", "items.jsonl.damaged-2"]


def test_the_last_line_of_an_item_wins(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    with ItemLog(path) as log:
        log.append(to_record(Result("a", DeliveryStatus.FAILED)))
        log.append(to_record(Result("b", DeliveryStatus.OK, "(B)")))
        log.append(to_record(Result("a", DeliveryStatus.OK, "(A)")))
    final = [(record["id"], record["text"]) for record in read_final_records(path)]
    assert final == [("b", "(B)"), ("a", "(A)")]


def test_a_log_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert ids_in(tmp_path / "items.jsonl") == []


def test_a_write_that_stops_midway_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "items.jsonl"
    write_log(path, ["a"])
    sound = path.read_bytes()
    write = os.write
    calls = []

    def write_half_then_fail(file: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return write(file, data[: len(data) // 2])

    with ItemLog(path) as log:
        monkeypatch.setattr("emoreal_bench.record.files.os.write", write_half_then_fail)
        with pytest.raises(RunError, match="No space left on device") as caught:
            log.append(to_record(Result("b", DeliveryStatus.OK)))
    assert len(calls) == 2
    assert str(path) in str(caught.value)
    assert path.read_bytes() == sound

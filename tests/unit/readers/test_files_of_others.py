"""Tables and lists as other people write them: delimiters, encodings, ids, line breaks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emoreal_bench import api
from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import id_text
from emoreal_bench.preferences.reading import read_pairs
from emoreal_bench.readers import load_items
from emoreal_bench.readers.annotations import load_annotations
from emoreal_bench.readers.records import iterate_records
from emoreal_bench.readers.tables import read_table
from emoreal_bench.scoring.predictions import read_predictions
from tests.unit.readers import layouts

# What str.splitlines takes for the end of a line, and JSON for a part of a text.
LINE_BREAKS = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"]
ROWS = [{"name": "élan_1", "label": "angry"}, {"name": "愤怒_2", "label": "a, b"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("start", ["", "\r\n", "sep=X\r\n"], ids=["plain", "blank line", "stated"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_table_is_read_whatever_parts_its_cells(
    delimiter: str, start: str, encoding: str, tmp_path: Path
) -> None:
    cells = [["name", "label"], *([row["name"], f'"{row["label"]}"'] for row in ROWS)]
    text = start.replace("X", delimiter) + "\r\n".join(map(delimiter.join, cells)) + "\r\n"
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    for columns in (("name", "label"), ()):
        assert [dict(row.cells) for row in read_table(tmp_path / "t.csv", columns)] == ROWS


def test_a_delimiter_that_the_columns_do_not_bear_out_is_none(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('name,"reason; or text"\na,b\n', encoding="utf-8")
    assert dict(read_table(path)[0].cells) == {"name": "a", "reason; or text": "b"}
    path.write_text("a;b\n1;2\n", encoding="utf-8")
    with pytest.raises(DataError, match="does not name the column name"):
        read_table(path, ("name",))


CHINESE = "name,label\n样本一,愤怒的情绪很明显\n样本二,中性\n"
JAPANESE = "name,label\n見本,彼女は怒っているようです\n"
WESTERN = "name,label\nélan,It\u2019s na\u00efve \u2013 caf\u00e9\n"


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [
        (CHINESE, "gbk", "GBK"),
        (CHINESE, "gb18030", "GBK"),
        (JAPANESE, "shift_jis", "Shift-JIS"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (WESTERN, "cp1252", "Windows-1252"),
    ],
)
def test_an_older_encoding_is_named_with_the_way_out(
    text: str, encoding: str, named: str, tmp_path: Path
) -> None:
    for name in ("t.csv", "t.jsonl", "t.json"):
        start = "[" if name == "t.json" else ""
        (tmp_path / name).write_bytes((start + text).encode(encoding))
        with pytest.raises(DataError, match=named) as caught:
            list(iterate_records(tmp_path / name))
        assert "iconv -f" in str(caught.value.remedy)
    with pytest.raises(DataError, match=named):
        read_predictions(tmp_path / "t.json", ["a"])
    with pytest.raises(DataError, match=named):
        read_pairs(tmp_path / "t.jsonl")


@pytest.mark.parametrize("mark", LINE_BREAKS)
def test_a_line_of_json_ends_at_a_line_feed_only(mark: str, tmp_path: Path) -> None:
    text = f"She smiles.{mark}She laughs."
    # Raw, as other programs write them: json.dumps of Python would escape some.
    lines = [f'{{"id": "{name}", "prediction": "{text}"}}' for name in ("a", "b")]
    path = tmp_path / "p.jsonl"
    path.write_text("\r\n".join(lines), encoding="utf-8", newline="")
    assert [reply.text for reply in read_predictions(path, ["a", "b"])] == [text, text]
    assert [value["prediction"] for _, value in iterate_records(path)] == [text, text]
    (tmp_path / "p.json").write_text("[" + ",\n".join(lines) + "]", encoding="utf-8")
    found = [value["prediction"] for _, value in iterate_records(tmp_path / "p.json")]
    assert found == [text, text]
    (tmp_path / "object.json").write_text(f'{{"a": "{text}"}}', encoding="utf-8")
    assert read_predictions(tmp_path / "object.json", ["a"])[0].text == text


@pytest.mark.parametrize("mark", LINE_BREAKS)
def test_a_pair_may_hold_any_line_break(mark: str, tmp_path: Path) -> None:
    text = f"She smiles.{mark}She laughs."
    pair = '{"id": 0, "clip": "a.mp4", "question": "Why?", "chosen": "%s", "hallucination": "No."}'
    (tmp_path / "pairs.jsonl").write_text(pair % text + "\n", encoding="utf-8")
    (read,) = read_pairs(tmp_path / "pairs.jsonl")
    assert read.id == "0"
    assert read.chosen == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0, "0"), ("0", "0"), (-0.0, "0"), (12.0, "12"), ("00", "00"), ("x ", "x ")],
)
def test_an_id_may_be_zero(value: object, text: str) -> None:
    assert id_text(value) == text


@pytest.mark.parametrize("value", [None, False, True, "", " ", 0.5, float("nan"), [], {}])
def test_what_is_no_id_is_none(value: object) -> None:
    assert id_text(value) is None


@pytest.mark.parametrize("zero", [0, 0.0, "0"])
def test_ids_that_count_from_zero_are_scored(zero: object, tmp_path: Path) -> None:
    labels = [{"id": zero, "label": "anger"}, {"id": 1, "label": "fear"}]
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    (tmp_path / "labels.csv").write_text("id,label\n0,anger\n1,fear\n")
    lines = [{"id": zero, "prediction": "anger"}, {"id": 1, "prediction": "anger"}]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, lines)))
    for name in ("labels.json", "labels.csv"):
        results = api.score_predictions("dfew", tmp_path / name, tmp_path / "p.jsonl")
        (subtask,) = results.scores["strict"].subtasks.values()
        assert (subtask.n, subtask.accuracy) == (2, 0.5)


def test_every_reader_takes_an_id_of_zero(tmp_path: Path) -> None:
    pairs = [{**pair, "id": n} for n, pair in enumerate(layouts.emotionhallucer_pairs())]
    layouts.write_json(tmp_path, layouts.EMOTIONHALLUCER_PAIRS, pairs)
    items = load_annotations(
        find_task("emotionhallucer").task, tmp_path / layouts.EMOTIONHALLUCER_PAIRS
    )
    assert items[0].id == "0-basic"


OWN_FILES = {
    "dfew": layouts.DFEW_SPLIT,
    "dfew-5fold": layouts.DFEW_SPLIT,
    "mer2023": layouts.MER2023_LABELS,
    "emer": layouts.EMER_TABLE,
    "ov-merd": layouts.OV_MERD_TABLE,
    "mafw": layouts.MAFW_LIST,
    "avhbench": layouts.AVHBENCH_QUESTIONS,
    "cmm": layouts.CMM_QUESTIONS,
    "emotionhallucer": layouts.EMOTIONHALLUCER_PAIRS,
}


@pytest.mark.parametrize("name", OWN_FILES)
def test_predictions_are_scored_by_the_owners_own_file(name: str, tmp_path: Path) -> None:
    layouts.LAYOUTS[name](tmp_path)
    task = find_task(name).task
    expected = load_items(task, tmp_path, {}).items
    assert load_annotations(task, tmp_path / OWN_FILES[name]) == list(expected)
    replies = {item.id: item.answer for item in expected}
    (tmp_path / "p.json").write_text(json.dumps(replies))
    results = api.score_predictions(name, tmp_path / OWN_FILES[name], tmp_path / "p.json")
    assert results.coverage.fraction == 1.0


@pytest.mark.parametrize("written", ["[]", "[ ]", "['']"])
def test_a_list_of_no_emotion_is_neutral_as_for_its_owners(written: str, tmp_path: Path) -> None:
    layouts.make_ov_merd(tmp_path)
    layouts.write_text(tmp_path, layouts.OV_MERD_TABLE, f"name,openset\ns_1,{written}\ns_2,[sad]\n")
    items = load_items(find_task("ov-merd").task, tmp_path, {}).items
    assert [item.answer for item in items] == ["neutral", "sad"]


@pytest.mark.parametrize("text", ['[{"id": 1%s}]', "[[1%s]]"])
def test_a_number_of_thousands_of_digits_is_told(text: str, tmp_path: Path) -> None:
    for name in ("a.json", "a.jsonl"):
        (tmp_path / name).write_text(text % ("0" * 5000))
        with pytest.raises(DataError, match="not valid at line 1"):
            list(iterate_records(tmp_path / name))


def test_a_workbook_with_a_wrong_byte_is_read_or_refused(tmp_path: Path) -> None:
    layouts.write_workbook(
        tmp_path, "t.xlsx", [["name", "label"], *([f"s{n}", n] for n in range(9))]
    )
    content = (tmp_path / "t.xlsx").read_bytes()
    refused = 0
    for place in range(0, len(content), 97):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        (tmp_path / "d.xlsx").write_bytes(damaged)
        try:
            read_table(tmp_path / "d.xlsx", ("name", "label"))
        except DataError:
            refused += 1
    assert refused > 10


def test_json_that_is_nested_too_deeply_is_told(tmp_path: Path) -> None:
    for name in ("a.json", "a.jsonl"):
        (tmp_path / name).write_text("[" * 200_000)
        with pytest.raises(DataError, match="not valid"):
            list(iterate_records(tmp_path / name))
    (tmp_path / "p.json").write_text('{"a": ' + "[" * 200_000)
    with pytest.raises(DataError):
        read_predictions(tmp_path / "p.json", ["a"])

"""Annotations of data sets, predictions, preference pairs and what is kept beside them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from emoreal_bench.api.preferences import read_audit
from emoreal_bench.catalog import TaskFile, find_task
from emoreal_bench.contracts.errors import MissingExtraError
from emoreal_bench.contracts.item import Item
from emoreal_bench.datasets.download import _unpack
from emoreal_bench.datasets.hub import RECORD as DOWNLOAD
from emoreal_bench.datasets.hub import settle_revision
from emoreal_bench.datasets.new_task import NewTask, make_task
from emoreal_bench.importing.predictions import load_predictions
from emoreal_bench.preferences.building.clips import find_clips
from emoreal_bench.preferences.building.known_cues import read_synth_settings
from emoreal_bench.preferences.reading import hash_pairs, read_pairs, write_pairs
from emoreal_bench.readers import load_items
from emoreal_bench.readers.records import iterate_json_list, iterate_records
from emoreal_bench.readers.tables import read_table
from emoreal_bench.record.records import to_record
from emoreal_bench.reporting.exports.croissant import write_data_card
from emoreal_bench.running.plan import PlanOptions, make_plan
from emoreal_bench.scoring.predictions import read_predictions
from emoreal_bench.synth.build import ANNOTATIONS, RECORD, _record
from emoreal_bench.synth.settings import SynthSettings
from emoreal_bench.text_files import read_text
from tests.fuzz.parser import Parser, write
from tests.small_emorealm import make_data
from tests.unit.preferences.made_up_pairs import make_pair
from tests.unit.readers import layouts

_READERS = "emoreal_bench.readers"
_OWN_TASK = {
    "schema": 1,
    "name": "own",
    "version": "1",
    "title": "Own questions",
    "description": "Two questions.",
    "data": {"reader": "questions"},
    "subtasks": {
        "smile": {"answer": "yes_no", "chance": 0.5},
        "cue": {"answer": "choice", "chance": 0.25},
    },
    "variants": {"answer-format": {"description": "plain", "prompt": "ask.j2"}},
}
_OWN_QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "1",
        "subtask": "smile",
        "clip": "clips/1.mp4",
        "question": "Does she smile?",
        "answer": "yes",
        "scene": 3,
    },
    {
        "id": 2,
        "subtask": "cue",
        "clip": "clips/2.mp4",
        "question": "Which cue?",
        "options": ["a smile", "a frown", "a nod", "tears"],
        "answer": "B",
    },
]


@cache
def _task(name: str) -> TaskFile:
    """Find a task once: to find it takes ten times as long as to read the data."""
    return find_task(name)


def _make_task_data(task: str, make: Callable[[Path], None], name: str, folder: Path) -> Path:
    make(folder / "data")
    return folder / "data" / name


def _read_task_data(task: str, file: Path) -> None:
    """Read a data set as a run does, and plan it."""
    root = next(parent for parent in file.parents if parent.name == "data")
    task_file = _task(task)
    dataset = load_items(task_file.task, root, {})
    plan = make_plan(task_file, dataset, root, PlanOptions())
    for item in plan.items:
        plan.messages(item)


def _reader(task: str, form: str, name: str, *covers: str) -> Parser:
    return Parser(
        f"annotations of {task}, {Path(name).suffix}",
        form,
        partial(_make_task_data, task, layouts.LAYOUTS[task], name),
        partial(_read_task_data, task),
        tuple(f"{_READERS}.{one}" for one in covers),
        is_slow=True,
    )


def _make_options(folder: Path) -> Path:
    layouts.LAYOUTS["mer2023"](folder / "data")
    return write(folder, "options.json", json.dumps({"annotations": layouts.MER2023_LABELS}))


def _read_options(file: Path) -> None:
    try:
        options = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return
    if isinstance(options, dict):
        # A command line has words only.
        words = {key: value for key, value in options.items() if isinstance(value, str)}
        load_items(_task("mer2023").task, file.parent / "data", words)


def _make_emorealm(folder: Path) -> Path:
    return make_data(folder / "data", items=6) / "emorealm_v1.json"


def _make_own(name: str, folder: Path) -> Path:
    for clip in (1, 2):
        write(folder, f"data/clips/{clip}.mp4", f"clip {clip}")
    write(folder, "own.yaml", json.dumps(_OWN_TASK))
    write(folder, "ask.j2", "{{ question }} {{ choices }}")
    match Path(name).suffix:
        case ".jsonl":
            content = "".join(json.dumps(one) + "\n" for one in _OWN_QUESTIONS)
        case ".csv":
            content = (
                "id,subtask,clip,question,options,answer\n"
                "1,smile,clips/1.mp4,Does she smile?,,yes\n"
                '2,cue,clips/2.mp4,"Which, if any?",a|b|c|d,B\n'
                '3,cue,2,Which?,"[""a"", \'b\']",a\n'
                "4,cue,clips/1,Which?,(A) x (B) y,(B) y\n"
            )
        case ".parquet":
            return _make_parquet(folder, name)
        case _:
            content = json.dumps(_OWN_QUESTIONS)
    return write(folder, f"data/{name}", content)


def _make_parquet(folder: Path, name: str) -> Path:
    try:
        from pyarrow import Table, parquet
    except ImportError:  # Then no such file is opened.
        return write(folder, f"data/{name}", b"PAR1")
    rows = [{"options": None, "scene": None, **one, "id": str(one["id"])} for one in _OWN_QUESTIONS]
    parquet.write_table(Table.from_pylist(rows), folder / "data" / name)
    return folder / "data" / name


def _read_own(file: Path) -> None:
    with suppress(MissingExtraError):
        _read_task_data(str(file.parent.parent / "own.yaml"), file)


def _make_task(file: Path) -> None:
    """Make a task of a table, as ``data new`` does."""
    out = file.parent.parent / "new"
    try:
        make_task(NewTask(file, file.parent / "clips", out))
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _make_sheet(folder: Path) -> Path:
    layouts.write_workbook(folder, "table.xlsx", layouts.MAFW_ROWS)
    return folder / "table.xlsx"


def _make_predictions(name: str, folder: Path) -> Path:
    said = {"item-1": "(A)", "item-2": "yes"}
    if name.endswith(".jsonl"):
        lines = [{"id": key, "prediction": text} for key, text in said.items()]
        return write(folder, name, "".join(json.dumps(line) + "\n" for line in lines))
    if name.endswith(".txt"):
        return write(folder, name, "(A)")
    return write(folder, name, json.dumps(said))


def _read_predictions(file: Path) -> None:
    path = file.parent if file.suffix == ".txt" else file
    for reply in read_predictions(path, {"item-1", "item-2", "item-3"}):
        reply.text.strip()


_ASKED = tuple(Item(f"item-{n}", "x", "Is it?", ("(A) Yes", "(B) No"), "A", "c") for n in (1, 2))
_SAID = {"doc_id": 0, "target": "A", "filtered_resps": ["(A)"], "resps": [["(A)"]]}


def _inspect_samples() -> list[dict[str, Any]]:
    content = [{"type": "text", "text": "(A)"}]
    choice = {"message": {"role": "assistant", "content": content}, "stop_reason": "stop"}
    usage = {"input_tokens": 3, "output_tokens": 1}
    answered = {"id": "item-1", "output": {"choices": [choice], "usage": usage}, "total_time": 0.5}
    failed = {"id": 2, "metadata": {"key": "item-2"}, "error": {"message": "no network"}}
    return [
        {"epoch": 1, "input": "Is it?", "target": "A", "metadata": {"key": "item-1"}, **answered},
        {"epoch": 1, "input": "Is it?", "target": "A", "output": {}, **failed},
    ]


def _make_imported(name: str, folder: Path) -> Path:
    """Write replies in a layout of somebody else, by the name of the file."""
    header = {"version": 2, "eval": {"eval_id": "x", "model": "a/b"}}
    if name == "log.eval":
        with ZipFile(folder / name, "w") as archive:
            archive.writestr("header.json", json.dumps(header))
            for one in _inspect_samples():
                archive.writestr(f"samples/{one['id']}_epoch_1.json", json.dumps(one))
        return folder / name
    if name == "log.json":
        return write(folder, name, json.dumps({**header, "samples": _inspect_samples()}))
    if name == "said.csv":
        return write(folder, name, "id,prediction\nitem-1,(A)\nitem-2,yes\n")
    if name == "said.json":
        records = [{"id": item.id, "prediction": "(A)"} for item in _ASKED]
        return write(folder, name, json.dumps(records))
    # Of lm-evaluation-harness, whose document names the item, and of lmms-eval.
    likely = {"resps": [[["-1.5", "True"]], [["-2.0", "False"]]]}
    lines = [
        {**_SAID, "doc": {"id": "item-1"}, "arguments": {"gen_args_0": {"arg_0": "Is it?"}}},
        {**_SAID, **likely, "doc_id": 1, "doc": {"id": "item-2"}, "filter": "none"},
    ]
    if name.startswith("d_"):
        lines = [{**_SAID, "doc_id": place, "input": "Well. Is it?"} for place in (0, 1)]
    write(folder, "results_x.json", json.dumps({"model_name": "a/b"}))
    return write(folder, name, "".join(json.dumps(line) + "\n" for line in lines))


def _read_imported(file: Path) -> None:
    for result in load_predictions(file, _ASKED).results:
        to_record(result.checked())


def _make_described(folder: Path) -> Path:
    _make_synth_record(folder)
    question = {"id": "1", "video": "part_1/1.mp4", "question": "Is it?", "choices": ["(A) Yes"]}
    return write(folder, ANNOTATIONS, json.dumps([question]))


def _make_pairs(folder: Path) -> Path:
    write_pairs([make_pair(1), make_pair(2, metadata=None)], folder / "pairs.jsonl")
    return folder / "pairs.jsonl"


def _make_released(folder: Path) -> Path:
    one = {
        "prompt": "<video>\n<audio>\nWhat does the person feel?",
        "chosen": "joy",
        "rejected": "anger",
        "rejected_2": "fear",
        "video": "a/1.mp4",
        "audio": "b/1.wav",
        "video_l": "a/2.mp4",
        "audio_l": "b/2.wav",
    }
    return write(folder, "released.json", json.dumps([one, {**one, "video_l": None}]))


def _read_pairs(file: Path) -> None:
    pairs = read_pairs(file)
    hash_pairs(pairs)
    copy = file.with_name("copy.jsonl")
    write_pairs(pairs, copy)
    assert read_pairs(copy) == pairs


def _make_verdicts(folder: Path) -> Path:
    pairs = read_pairs(_make_pairs(folder))
    content = {
        "schema": 1,
        "pairs_hash": hash_pairs(pairs),
        "verdicts": {pairs[0].id: {"chosen": "yes", "hallucination": "no"}},
    }
    return write(folder, "verdicts.json", json.dumps(content))


def _read_verdicts(file: Path) -> None:
    read_audit(file.with_name("pairs.jsonl"), file)


def _make_labels(folder: Path) -> Path:
    write(folder, "clips/a.mp4", "a")
    write(folder, "clips/b.mp4", "b")
    return write(folder, "labels.csv", "clip,emotion\na.mp4,joy\nb.mp4,\n")


def _make_synth_record(folder: Path) -> Path:
    settings = SynthSettings.model_validate({"items": 24})
    return write(folder, RECORD, _record(settings, 4))


def _make_download(folder: Path) -> Path:
    return write(folder, DOWNLOAD, json.dumps({"repository": "owner/name", "revision": "0" * 40}))


def _make_archive(folder: Path) -> Path:
    shutil.make_archive(str(folder / "clips"), "zip", _make_labels(folder / "in").parent)
    return folder / "clips.zip"


def _read_archive(file: Path) -> None:
    out = file.with_name("out")
    out.mkdir(exist_ok=True)
    try:
        _unpack(file, out)
        names = {path.name for path in file.parent.iterdir()}
        assert names == {"in", "out", file.name}, "something was written beside the folder"
    finally:
        shutil.rmtree(out, ignore_errors=True)


PARSERS = (
    _reader(
        "dfew", "table", layouts.DFEW_SPLIT, "dfew:read", "emotion_words:LabelTable.read_items"
    ),
    _reader("mer2023", "table", layouts.MER2023_LABELS, "emotion_words:read_labelled_clips"),
    _reader("emer", "table", layouts.EMER_TABLE, "mer2025:_read"),
    _reader("ov-merd", "table", layouts.OV_MERD_TABLE),
    _reader("mafw", "archive", layouts.MAFW_LIST, "tables:_workbook_rows"),
    _reader("avhbench", "json", layouts.AVHBENCH_QUESTIONS, "avhbench:_read", "records:read_items"),
    _reader("cmm", "json", layouts.CMM_QUESTIONS, "cmm:read"),
    _reader("emotionhallucer", "json", layouts.EMOTIONHALLUCER_PAIRS),
    Parser(
        "annotations of emorealm",
        "json",
        _make_emorealm,
        partial(_read_task_data, "emorealm"),
        (f"{_READERS}.emorealm:_Parser.items", f"{_READERS}.records:iterate_json_list"),
        is_slow=True,
    ),
    *(
        Parser(
            f"own questions, {name}",
            form,
            partial(_make_own, name),
            _read_own,
            tuple(f"{_READERS}.{one}" for one in covers),
        )
        for name, form, covers in (
            ("questions.json", "json", ("records:iterate_records", "question_rows:_of_mapping")),
            ("questions.jsonl", "lines", ("records:_read_line",)),
            ("questions.csv", "table", ("question_rows:_literal", "question_rows:_by_letters")),
            ("questions.parquet", "bytes", ("parquet:iterate_parquet",)),
        )
    ),
    Parser(
        "table that a task is made of",
        "table",
        lambda folder: _make_own("questions.csv", folder),
        _make_task,
        tuple(
            f"emoreal_bench.datasets.{one}"
            for one in ("table_columns:_Finder.columns", "new_task:_define")
        ),
        is_slow=True,
    ),
    Parser(
        "JSON list of annotations, byte by byte",
        "bytes",
        _make_emorealm,
        lambda file: list(iterate_json_list(file)),
        (f"{_READERS}.records:iterate_json_list",),
    ),
    Parser(
        "options of a reader",
        "json",
        _make_options,
        _read_options,
        (f"{_READERS}.clip_files:read_options",),
        place="mer2023",
        is_slow=True,
    ),
    Parser(
        "workbook",
        "archive",
        _make_sheet,
        read_table,
        (f"{_READERS}.tables:_workbook_rows",),
    ),
    Parser(
        "table",
        "table",
        lambda folder: _make_own("questions.csv", folder),
        lambda file: list(iterate_records(file)),
        (f"{_READERS}.tables:_csv_rows", f"{_READERS}.tables:_find_delimiter"),
    ),
    *(
        Parser(
            f"predictions, {name}",
            form,
            partial(_make_predictions, name),
            _read_predictions,
            tuple(f"emoreal_bench.scoring.predictions:{one}" for one in covers),
        )
        for name, form, covers in (
            ("said.json", "json", ("_file",)),
            ("said.jsonl", "lines", ("_lines",)),
            ("item-1.txt", "bytes", ("_folder",)),
        )
    ),
    *(
        Parser(
            f"imported replies, {name}",
            form,
            partial(_make_imported, name),
            _read_imported,
            tuple(f"emoreal_bench.importing.{one}" for one in covers),
        )
        for name, form, covers in (
            ("said.csv", "table", ("predictions:load_predictions",)),
            ("said.json", "json", ()),
            ("log.json", "json", ("inspect_logs:_read_json", "inspect_logs:is_inspect_log")),
            (
                "log.eval",
                "archive",
                (
                    "inspect_logs:_read_archive",
                    "inspect_logs:_member",
                    "inspect_logs:_parse",
                    "inspect_logs:_unpack",
                ),
            ),
            (
                "samples_x.jsonl",
                "lines",
                ("sample_logs:_lines", "sample_logs:is_sample_log", "sample_logs:_model"),
            ),
            ("d_samples_x.jsonl", "lines", ("log_lines:_texts",)),
        )
    ),
    Parser(
        "questions of a synthetic benchmark",
        "json",
        _make_described,
        lambda file: write_data_card(file.parent),
        ("emoreal_bench.reporting.exports.croissant:_questions",),
    ),
    Parser(
        "text of any encoding",
        "bytes",
        lambda folder: write(folder, "text.txt", "naïve, 日本\n".encode("utf-16")),
        read_text,
        tuple(
            f"emoreal_bench.text_files:{one}"
            for one in ("read_text", "open_text", "find_encoding", "not_unicode")
        ),
    ),
    Parser(
        "preference pairs",
        "lines",
        _make_pairs,
        _read_pairs,
        tuple(f"emoreal_bench.preferences.reading:{one}" for one in ("read_pairs", "_read_lines")),
    ),
    Parser(
        "preference pairs as released",
        "json",
        _make_released,
        _read_pairs,
        tuple(f"emoreal_bench.preferences.released:{one}" for one in ("read_released", "_read")),
    ),
    Parser(
        "verdicts of an audit",
        "json",
        _make_verdicts,
        _read_verdicts,
        ("emoreal_bench.preferences.checking.verdicts:read_verdicts",),
    ),
    Parser(
        "labels of captioned clips",
        "table",
        _make_labels,
        lambda file: find_clips(file.parent / "clips", file),
        ("emoreal_bench.preferences.building.clips:_read_labels",),
    ),
    Parser(
        "record of a synthetic benchmark",
        "json",
        _make_synth_record,
        lambda file: read_synth_settings(file.parent),
        ("emoreal_bench.preferences.building.known_cues:read_synth_settings",),
    ),
    Parser(
        "record of a download",
        "json",
        _make_download,
        lambda file: settle_revision("owner/name", file.parent, None),
        ("emoreal_bench.datasets.hub:_read",),
    ),
    Parser(
        "downloaded archive",
        "archive",
        _make_archive,
        _read_archive,
        ("emoreal_bench.datasets.download:_unpack",),
    ),
)

"""Logs of other harnesses: whose replies they hold, to which items, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.api import RunOptions, evaluate, export_run
from emoreal_bench.contracts.errors import DataError, EmorealError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Origin
from emoreal_bench.importing import inspect_logs
from emoreal_bench.importing.log_lines import MATCHED_BY_PLACE
from emoreal_bench.importing.predictions import load_predictions
from tests.small_emorealm import gold_answers, make_data

TWO = ("(A) Yes", "(B) No")
ITEMS = [
    Item("clip-1", "agreement", 'Does "she" smile, number 1?', TWO, "A", "1.mp4"),
    Item("clip-2", "agreement", "Does he frown, number 2?", TWO, "B", "2.mp4"),
    Item("clip-3", "agreement", "Is it so, number 3?", TWO, "A", "3.mp4"),
]
LABELS = [
    Item(f"v{number}", "emotion", "", (), label, f"{number}.mp4")
    for number, label in enumerate(("anger", "fear"))
]


def write_lines(path: Path, records: Sequence[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def lm_eval_sample(place: int, text: str, **changes: Any) -> dict[str, Any]:
    """Write a line as lm-evaluation-harness 0.4.13 does (loggers/evaluation_tracker.py)."""
    item = ITEMS[place]
    return {
        "doc_id": place,
        "doc": {"video": item.clip, "id": item.id, "question": item.question},
        "target": item.answer,
        "arguments": {"gen_args_0": {"arg_0": f"Look. {item.question}", "arg_1": {"until": []}}},
        "resps": [[text]],
        "filtered_resps": [text[:3]],
        "filter": "none",
        "metrics": ["exact_match"],
        "doc_hash": "0" * 64,
        "exact_match": 1.0,
        **changes,
    }


def lmms_eval_sample(place: int, text: str, **changes: Any) -> dict[str, Any]:
    """Write a line as lmms-eval 0.7.3 does: no document, replies unwrapped, equal ones once."""
    item = ITEMS[place]
    return {
        "doc_id": place,
        "target": item.answer,
        "filtered_resps": text,
        "doc_hash": "0" * 64,
        "token_counts": None,
        "input": f"<video>\n{item.question}\nA. Yes\nB. No",
        **changes,
    }


def read(path: Path, items: Sequence[Item] = ITEMS) -> dict[str, str]:
    return {result.id: result.text for result in load_predictions(path, items).results}


def test_samples_of_lm_eval_are_matched_by_the_id_in_their_document(tmp_path: Path) -> None:
    folder = tmp_path / "org__model"
    # In another order, for whatever reason.
    records = [lm_eval_sample(place, f"Answer: ({'ABA'[place]})") for place in (2, 0)]
    write_lines(folder / "samples_emo_2026-11-27T10-00-00.123456.jsonl", records)
    results = {"results": {}, "model_name": "org/model"}
    (folder / "results_2026-11-27T10-00-00.123456.json").write_text(json.dumps(results))
    found = load_predictions(tmp_path, ITEMS)
    assert (found.origin, found.model, found.notes) == (Origin.LM_EVAL, "org/model", ())
    # The reply as it was written, not as the harness cut it.
    assert read(tmp_path) == {"clip-3": "Answer: (A)", "clip-1": "Answer: (A)"}


def test_filters_repeat_a_sample_and_do_not_count_twice(tmp_path: Path) -> None:
    records = [
        lm_eval_sample(place, "(A)", filter=name)
        for place in range(3)
        for name in ("strict-match", "flexible-extract")
    ]
    assert len(read(write_lines(tmp_path / "samples_x.jsonl", records))) == 3


def test_of_likelihoods_the_likeliest_option_is_the_answer(tmp_path: Path) -> None:
    records = [
        lm_eval_sample(
            place,
            "",
            resps=[[[str(first), "False"]], [["-1.5", "True"]]],
            filtered_resps=[[str(first), "False"], ["-1.5", "True"]],
        )
        for place, first in enumerate((0.0, -7.25, -1.0))
    ]
    found = load_predictions(write_lines(tmp_path / "samples_x.jsonl", records), ITEMS)
    assert [result.text for result in found.results] == ["A", "B", "A"]
    assert "likelihood" in found.notes[0]


def test_samples_of_lmms_eval_are_matched_by_place_and_held_against_the_question(
    tmp_path: Path,
) -> None:
    path = tmp_path / "model" / "20261127_100000_samples_emo.jsonl"
    write_lines(path, [lmms_eval_sample(0, "A"), lmms_eval_sample(2, "B", resps=["B\n"])])
    found = load_predictions(path, ITEMS)
    assert (found.origin, found.notes) == (Origin.LMMS_EVAL, (MATCHED_BY_PLACE,))
    assert read(path) == {"clip-1": "A", "clip-3": "B\n"}


def test_a_prompt_may_be_a_conversation_in_json(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": [{"type": "text", "text": ITEMS[0].question}]}]
    path = write_lines(
        tmp_path / "d_samples_x.jsonl", [lmms_eval_sample(0, "A", input=json.dumps(turns))]
    )
    assert read(path) == {"clip-1": "A"}


def test_without_questions_the_right_answers_are_held_against_each_other(tmp_path: Path) -> None:
    def line(place: int, target: str) -> dict[str, Any]:
        return {"doc_id": place, "target": target, "filtered_resps": "fear", "input": "Which?"}

    same = write_lines(tmp_path / "a_samples_x.jsonl", [line(0, "Anger"), line(1, "fear")])
    assert read(same, LABELS) == {"v0": "fear", "v1": "fear"}
    turned = write_lines(tmp_path / "b_samples_x.jsonl", [line(0, "fear"), line(1, "anger")])
    with pytest.raises(DataError, match="place 0"):
        read(turned, LABELS)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        # Another order of the data set must not give the replies of others.
        ([lmms_eval_sample(0, "A", input=ITEMS[1].question)], ["place 0", "clip-1"]),
        ([lmms_eval_sample(0, "A", doc_id=7)], ["place 7", "3 items"]),
        ([lmms_eval_sample(0, "A"), lmms_eval_sample(0, "B")], ["clip-1", "twice"]),
        ([lm_eval_sample(0, "A", resps=[["A", "B"]])], ["2 replies"]),
        ([lm_eval_sample(0, "A", resps=[[1]])], ["neither a text nor"]),
        ([lm_eval_sample(0, "A"), {"doc": 1}], ["line 2", "doc_id"]),
    ],
)
def test_what_cannot_be_told_is_refused(
    tmp_path: Path, records: list[Any], words: list[str]
) -> None:
    path = write_lines(tmp_path / "samples_x.jsonl", records)
    with pytest.raises(DataError) as raised:
        read(path)
    assert all(word in str(raised.value) for word in [*words, "samples_x.jsonl"]), raised.value


def test_a_folder_of_several_logs_is_not_guessed_at(tmp_path: Path) -> None:
    for name in ("samples_a_1.jsonl", "samples_b_1.jsonl"):
        write_lines(tmp_path / name, [lm_eval_sample(0, "A")])
    with pytest.raises(DataError, match=r"2 logs.*samples_a_1\.jsonl") as raised:
        read(tmp_path)
    assert "Name one" in str(raised.value)


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_table_has_ids_and_predictions(tmp_path: Path, suffix: str) -> None:
    part = "," if suffix == ".csv" else "\t"
    rows = [["id", "who", "prediction"], ["clip-2", "me", '"(B), I\nthink"']]
    path = tmp_path / f"p{suffix}"
    path.write_text("\n".join(part.join(row) for row in rows), encoding="utf-8")
    assert read(path) == {"clip-2": "(B), I\nthink"}
    path.write_text(part.join(["id", "reply"]) + "\n" + part.join(["clip-2", "B"]))
    with pytest.raises(DataError, match="prediction"):
        read(path)


# ---- Inspect AI ----


def inspect_sample(item: Item, text: str, **changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": item.id,
        "epoch": 1,
        "input": item.question,
        "target": item.answer,
        "output": {"choices": [{"message": message, "stop_reason": "stop"}]},
        "metadata": {},
        "total_time": 1.5,
        **changes,
    }


def write_inspect(path: Path, samples: Sequence[Any]) -> Path:
    log = {
        "version": 2,
        "status": "success",
        "eval": {"eval_id": "x", "task": "emo", "model": "openai/some-model"},
        "samples": list(samples),
    }
    path.write_text(json.dumps(log), encoding="utf-8")
    return path


def test_an_inspect_log_keeps_why_each_reply_ended(tmp_path: Path) -> None:
    parts = [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "(B)"}]
    cut = {"choices": [{"message": {"content": "I see"}, "stop_reason": "max_tokens"}]}
    failed = inspect_sample(ITEMS[2], "", output={}, error={"message": "no network"})
    second = inspect_sample(ITEMS[1], "", output=cut)
    first = inspect_sample(ITEMS[0], "")
    first["output"]["choices"][0]["message"]["content"] = parts
    found = load_predictions(write_inspect(tmp_path / "l.json", [first, second, failed]), ITEMS)
    assert (found.origin, found.model) == (Origin.INSPECT, "openai/some-model")
    assert load_predictions(tmp_path, ITEMS).results == found.results, "the only log of a folder"
    told = [(one.status, one.text, one.detail) for one in found.results]
    assert told == [
        (DeliveryStatus.OK, "(B)", None),
        (DeliveryStatus.LENGTH, "I see", None),
        (DeliveryStatus.FAILED, "", "no network"),
    ]


def test_an_inspect_log_that_counts_its_samples_may_name_ids_in_the_metadata(
    tmp_path: Path,
) -> None:
    samples = [
        inspect_sample(item, "(A)", id=number, metadata={"clip_id": item.id})
        for number, item in enumerate(ITEMS, start=1)
    ]
    assert read(write_inspect(tmp_path / "l.json", samples)).keys() == {one.id for one in ITEMS}
    for sample in samples:
        sample["metadata"] = {}
    with pytest.raises(DataError, match="no item with the id '1'"):
        read(write_inspect(tmp_path / "l.json", samples))


def test_epochs_are_not_taken_for_one_reply(tmp_path: Path) -> None:
    samples = [inspect_sample(ITEMS[0], "(A)"), inspect_sample(ITEMS[0], "(B)", epoch=2)]
    with pytest.raises(DataError, match="twice"):
        read(write_inspect(tmp_path / "l.json", samples))


def test_our_own_inspect_log_comes_back_as_it_went(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", 12)
    first, *others = gold_answers(data).items()
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"replies": {name: f"({letter})" for name, letter in others}}))
    evaluate(f"scripted/{script}", "emorealm", data, RunOptions(out=tmp_path / "run"))
    export_run(tmp_path / "run", tmp_path / "run.eval")
    items = [Item(name, "x", "", (), "", "") for name in gold_answers(data)]
    found = load_predictions(tmp_path / "run.eval", items)
    by_id = {one.id: one for one in found.results}
    assert by_id[first[0]].status is DeliveryStatus.FAILED
    assert {name: by_id[name].text for name, _ in others} == {n: f"({a})" for n, a in others}


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "l.eval"
    path.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(EmorealError, match=r"l\.eval"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("samples/a_epoch_1.json", "{")
    with pytest.raises(DataError, match="not JSON"):
        read(path)


def test_an_archive_that_unpacks_to_more_than_any_log_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect_logs, "_LARGEST_LOG_BYTES", 10_000_000)
    path = tmp_path / "l.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(12):
            sample = inspect_sample(ITEMS[0], "(A)", input="x" * 1_000_000)
            archive.writestr(f"samples/{number}_epoch_1.json", json.dumps(sample))
    assert path.stat().st_size < 50_000
    with pytest.raises(DataError, match="unpacks to more than 10,000,000 bytes"):
        read(path)


PROGRAM = """
import sys
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.solver import generate
data = MemoryDataset([Sample(id=name, input="Is it so?") for name in sys.argv[3:]])
replies = [ModelOutput.from_content("mockllm/model", f"({letter})") for letter in "ABA"]
for reply in replies:
    reply.usage = ModelUsage()  # else it is counted with a file from the network
model = get_model("mockllm/model", custom_outputs=replies)
(log,) = eval(Task(dataset=data, solver=[generate()]), model=model, log_dir=sys.argv[1],
              log_format=sys.argv[2], display="none", max_connections=1, max_samples=1)
assert log.status == "success", log.error
"""


@pytest.mark.parametrize("kind", ["eval", "json"])
def test_a_log_that_inspect_itself_wrote(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("inspect_ai", reason="inspect-ai is not installed")
    pytest.importorskip("zstandard", reason="zstandard is not installed")
    logs, ids = tmp_path / "logs", [item.id for item in ITEMS]
    subprocess.run([sys.executable, "-c", PROGRAM, str(logs), kind, *ids], cwd=tmp_path, check=True)
    (path,) = logs.glob(f"*.{kind}")
    found = load_predictions(logs if kind == "eval" else path, ITEMS)
    assert (found.origin, found.model) == (Origin.INSPECT, "mockllm/model")
    assert sorted(one.text for one in found.results) == ["(A)", "(A)", "(B)"]

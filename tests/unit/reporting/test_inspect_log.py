"""A run as a log of Inspect AI: what its viewer is given, and that it is the run."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.api import RunOptions, evaluate, export_run, load_run
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.run_record import RESULTS_FILE
from emoreal_bench.record.log import read_log
from tests.small_emorealm import gold_answers, make_data

ITEMS = 12
HALF_A_CHARACTER = "\ud83d"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of right answers, but for one that failed and one that is half a character."""
    home = tmp_path_factory.mktemp("inspect")
    data = make_data(home / "data", ITEMS)
    first, second, *others = gold_answers(data).items()
    replies = {name: f"({letter})" for name, letter in others} | {second[0]: HALF_A_CHARACTER}
    script = home / "script.json"
    script.write_text(json.dumps({"replies": replies}), encoding="utf-8")
    evaluate(f"scripted/{script}", "emorealm", data, RunOptions(out=home / "run"))
    assert first[0] not in replies
    return home / "run"


@pytest.fixture(scope="module")
def exported(run: Path) -> Path:
    path = run.parent / "run.eval"
    export_run(run, path)
    return path


@pytest.fixture
def archive(exported: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(exported) as opened:
        yield opened


def read(archive: zipfile.ZipFile, name: str) -> Any:
    return json.loads(archive.read(name))


def samples(archive: zipfile.ZipFile) -> dict[str, Any]:
    names = [name for name in archive.namelist() if name.startswith("samples/")]
    return {sample["id"]: sample for sample in (read(archive, name) for name in names)}


def test_every_item_is_a_sample_and_has_a_summary(archive: zipfile.ZipFile, run: Path) -> None:
    ids = {record["id"] for record in read_log(run / "items.jsonl")}
    assert len(ids) == ITEMS
    assert set(samples(archive)) == ids
    assert {summary["id"] for summary in read(archive, "summaries.json")} == ids
    assert set(read(archive, "header.json")["eval"]["dataset"]["sample_ids"]) == ids


def test_the_scores_of_the_header_are_those_of_the_run(archive: zipfile.ZipFile, run: Path) -> None:
    report = load_run(run).results
    written = {score["name"]: score for score in read(archive, "header.json")["results"]["scores"]}
    assert written.keys() == report.scores.keys()
    for name, scores in report.scores.items():
        metrics = written[name]["metrics"]
        assert metrics["average_accuracy"]["value"] == scores.average_accuracy
        for subtask, subtask_scores in scores.subtasks.items():
            if subtask_scores.accuracy is not None:
                assert metrics[subtask]["value"] == subtask_scores.accuracy


def test_each_sample_is_marked_as_each_scoring_read_it(archive: zipfile.ZipFile) -> None:
    right = [s for s in samples(archive).values() if s["scores"]["strict"]["value"] == "C"]
    assert len(right) == ITEMS - 2
    for sample in right:
        assert sample["output"]["completion"] == f"({sample['target']})"
        assert sample["scores"]["strict"]["answer"] == sample["target"]
        assert sample["messages"][-1]["content"] == sample["output"]["completion"]


def test_an_item_without_reply_is_an_error_and_says_why(archive: zipfile.ZipFile) -> None:
    (failed,) = (sample for sample in samples(archive).values() if sample["error"])
    assert failed["error"]["message"]
    assert "choices" not in failed["output"]
    assert failed["scores"]["strict"]["explanation"] == failed["metadata"]["status"]


def test_half_a_character_becomes_one_that_a_reader_can_take(archive: zipfile.ZipFile) -> None:
    assert "?" in {sample["output"].get("completion") for sample in samples(archive).values()}


def test_equal_runs_give_equal_bytes(exported: Path, run: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "again.eval")
    assert (tmp_path / "again.eval").read_bytes() == exported.read_bytes()


def test_a_run_without_scores_is_refused(run: Path, tmp_path: Path) -> None:
    unfinished = tmp_path / "run"
    unfinished.mkdir()
    for path in run.iterdir():
        if path.name != RESULTS_FILE:
            (unfinished / path.name).write_bytes(path.read_bytes())
    with pytest.raises(RunError, match="not finished"):
        export_run(unfinished, tmp_path / "run.eval")


@pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None, reason="needs inspect-ai, which is no extra"
)
def test_inspect_reads_the_log(exported: Path) -> None:
    inspect_log = importlib.import_module("inspect_ai.log")
    log = inspect_log.read_eval_log(str(exported))
    assert (log.status, len(log.samples)) == ("success", ITEMS)
    assert len(inspect_log.read_eval_log_sample_summaries(str(exported))) == ITEMS

"""Reading run folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.log import read_log
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.running.results import load_report
from tests.run_factory import MadeUpRun
from tests.sealed_files import edit_sealed


def test_a_run_folder_gives_manifest_scores_and_timings(tmp_path: Path) -> None:
    run = MadeUpRun()
    report = load_report(run.write(tmp_path / "run"))
    assert report.manifest == run.manifest()
    assert report.results == run.results()
    assert report.timings == run.timings()


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "name", ["manifest.json", "results.json", "timings.json", "plan.jsonl", "items.jsonl"]
)
def test_a_pipe_in_the_place_of_a_file_of_a_run_is_named(name: str, tmp_path: Path) -> None:
    """Opened, it would hold whoever lists or ranks the runs of others for ever."""
    folder = MadeUpRun().write(tmp_path / "run")
    manifest = load_manifest(folder)
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    readers: dict[str, Callable[[], object]] = {
        "plan.jsonl": lambda: load_plan_items(folder, manifest),
        "items.jsonl": lambda: list(read_log(folder / name)),
    }
    with pytest.raises(RunError, match=r"pipe|not finished"):
        readers.get(name, lambda: load_report(folder))()


def test_a_run_without_timings_is_still_a_run(tmp_path: Path) -> None:
    folder = MadeUpRun().write(tmp_path / "run")
    (folder / "timings.json").unlink()
    assert load_report(folder).timings is None


def test_a_folder_without_manifest_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder") as caught:
        load_report(tmp_path)
    assert caught.value.where == str(tmp_path)


def test_an_unfinished_run_is_named_as_such(tmp_path: Path) -> None:
    folder = MadeUpRun().write(tmp_path / "run")
    (folder / "results.json").unlink()
    with pytest.raises(RunError, match="not finished"):
        load_report(folder)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"schema": 1}', b"\xff\xfe"])
@pytest.mark.parametrize("name", ["manifest.json", "results.json", "timings.json"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, damage: bytes) -> None:
    folder = MadeUpRun().write(tmp_path / "run")
    (folder / name).write_bytes(damage)
    with pytest.raises(RunError, match=r"damaged|does not follow its schema") as caught:
        load_report(folder)
    assert caught.value.where == str(folder / name)


@pytest.mark.parametrize("key", ["task", "data_hash", "request_hash"])
def test_scores_of_another_run_are_refused(tmp_path: Path, key: str) -> None:
    folder = MadeUpRun().write(tmp_path / "run")
    edit_sealed(folder / "results.json", lambda results: results.update({key: "another"}))
    with pytest.raises(RunError, match="another run"):
        load_report(folder)


def test_scores_of_another_number_of_items_are_refused(tmp_path: Path) -> None:
    folder = MadeUpRun().write(tmp_path / "run")
    ten = {"items": 10, "covered": 10, "fraction": 1.0}
    edit_sealed(folder / "results.json", lambda results: results["coverage"].update(ten))
    with pytest.raises(RunError, match="number of items"):
        load_report(folder)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_score_that_is_no_number_is_refused(tmp_path: Path, number: str) -> None:
    folder = MadeUpRun(accuracy=0.625).write(tmp_path / "run")
    text = (folder / "results.json").read_text()
    assert '"average_accuracy":0.625' in text
    damaged = text.replace('"average_accuracy":0.625', f'"average_accuracy":{number}')
    (folder / "results.json").write_text(damaged)
    with pytest.raises(RunError, match=r"not JSON|checksum|average_accuracy"):
        load_report(folder)

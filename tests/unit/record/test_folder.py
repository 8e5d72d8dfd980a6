"""The run folder: who may write it, and what it takes to be continued."""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.run_record import (
    HOLDER_FILE,
    ITEMS_FILE,
    LOCK_FILE,
    MANIFEST_FILE,
    PLAN_FILE,
    Manifest,
    Timings,
)
from emoreal_bench.record.files import write_atomically
from emoreal_bench.record.folder import RunFolder, load_plan_items, load_timings
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.running.manifest import make_manifest, run_id
from emoreal_bench.running.plan import Plan, PlanOptions
from tests.sealed_files import edit_sealed
from tests.unit.running.fakes import FakeModel, plan_of

MODEL = FakeModel().describe()


def begin(plan: Plan, path: Path) -> Manifest:
    with RunFolder(path) as folder:
        return folder.begin(make_manifest(plan, MODEL, seed=0, command=("run",)), plan.items)


def rewrite(path: Path, **changes: Any) -> None:
    edit_sealed(path, lambda record: record.update(changes))


def test_the_manifest_says_who_was_asked_what(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    begin(plan, tmp_path / "run")
    manifest = load_manifest(tmp_path / "run")
    assert manifest.data == plan.data
    assert manifest.request == plan.request
    assert manifest.model == MODEL
    assert manifest.task_definition["name"] == "emorealm"
    assert manifest.command == ("run",)


def test_an_older_manifest_with_capabilities_that_are_gone_is_read(tmp_path: Path) -> None:
    begin(plan_of(tmp_path), tmp_path / "run")
    path = tmp_path / "run" / MANIFEST_FILE
    model = json.loads(path.read_text())["model"]
    gone = {"joint": True, "max_frames": None, "max_audio_seconds": 30.0}
    model["capabilities"] |= {**gone, "deferred": False, "lora": True}
    rewrite(path, model=model)
    assert load_manifest(tmp_path / "run").model == MODEL
    model["capabilities"]["joined"] = True
    rewrite(path, model=model)
    with pytest.raises(RunError, match="joined"):
        load_manifest(tmp_path / "run")


def test_the_manifest_of_the_first_sitting_stays(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    first = begin(plan, tmp_path / "run")
    bytes_before = (tmp_path / "run" / MANIFEST_FILE).read_bytes()
    assert begin(plan, tmp_path / "run") == first
    assert (tmp_path / "run" / MANIFEST_FILE).read_bytes() == bytes_before


def test_the_plan_is_read_back_as_it_was(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    begin(plan, tmp_path / "run")
    assert load_plan_items(tmp_path / "run", load_manifest(tmp_path / "run")) == list(plan.items)


def test_a_lost_plan_is_written_again(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    begin(plan, tmp_path / "run")
    (tmp_path / "run" / PLAN_FILE).unlink()
    begin(plan, tmp_path / "run")
    assert load_plan_items(tmp_path / "run", load_manifest(tmp_path / "run")) == list(plan.items)


def test_a_held_folder_names_its_holder(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run"), pytest.raises(RunError, match=f"Process {os.getpid()} "):
        RunFolder(tmp_path / "run")
    with RunFolder(tmp_path / "run"):
        pass


def test_what_a_dead_process_left_behind_blocks_nobody(tmp_path: Path) -> None:
    for name in (LOCK_FILE, HOLDER_FILE):
        (tmp_path / name).write_text("1\n")
    with RunFolder(tmp_path):
        assert (tmp_path / HOLDER_FILE).read_text() == f"{os.getpid()}\n"
        with pytest.raises(RunError, match=f"Process {os.getpid()} "):
            RunFolder(tmp_path)
    assert not (tmp_path / HOLDER_FILE).exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_stands_for_the_lock_where_the_file_system_has_none(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with RunFolder(tmp_path / "run") as folder:
        (note,) = folder.notes
        assert os.strerror(number) in note
        assert "given up" in note
        holder = re.escape(f"Process {os.getpid()} on {platform.node()} is writing")
        with pytest.raises(RunError, match=holder) as caught:
            RunFolder(tmp_path / "run")
        assert "remove lock-soft" in str(caught.value.remedy)
    with RunFolder(tmp_path / "run"):
        pass
    assert not (tmp_path / "run" / "lock-soft").exists()


def test_the_file_of_a_process_that_died_here_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    program = (
        "import errno, fcntl, os, sys\nfrom pathlib import Path\n"
        "def refuse(*_):\n    raise OSError(errno.ENOLCK, 'No locks available')\n"
        "fcntl.flock = refuse\nfrom emoreal_bench.record.folder import RunFolder\n"
        "held = RunFolder(Path(sys.argv[1]))\nos._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    assert (tmp_path / "lock-soft").exists()
    with RunFolder(tmp_path):
        pass


def test_a_lock_that_fails_otherwise_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(RunError, match="Input/output error") as caught:
        RunFolder(tmp_path)
    assert "permissions" not in str(caught.value.remedy)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES])
def test_a_folder_that_cannot_be_synchronised_is_written(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def refuse_folders(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        sync(handle)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    begin(plan_of(tmp_path), tmp_path / "run")
    assert load_manifest(tmp_path / "run").model == MODEL


def test_a_folder_that_cannot_be_opened_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refuse_folders(path: Path, *arguments: int) -> int:
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *arguments)

    monkeypatch.setattr("emoreal_bench.record.files.os.open", refuse_folders)
    write_atomically(tmp_path / "file", [b"content"])
    assert (tmp_path / "file").read_bytes() == b"content"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_folder_whose_disk_fails_is_no_success(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(RunError, match=os.strerror(number)):
        write_atomically(tmp_path / "file", [b"content"])


def test_answers_without_a_manifest_are_not_taken_for_our_own(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ITEMS_FILE).write_text("{}\n")
    with pytest.raises(RunError, match=r"no manifest\.json"):
        begin(plan_of(tmp_path), tmp_path / "run")


def test_a_folder_that_was_left_before_its_manifest_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / PLAN_FILE).write_text("half a pl")
    plan = plan_of(tmp_path)
    begin(plan, tmp_path / "run")
    assert load_plan_items(tmp_path / "run", load_manifest(tmp_path / "run")) == list(plan.items)


@pytest.mark.parametrize(
    ("schema", "reason"), [(2, "schema 2; this version reads 1"), ("x", "not")]
)
def test_a_newer_or_foreign_schema_is_refused(tmp_path: Path, schema: Any, reason: str) -> None:
    plan = plan_of(tmp_path)
    begin(plan, tmp_path / "run")
    rewrite(tmp_path / "run" / MANIFEST_FILE, schema=schema)
    with pytest.raises(RunError, match=reason):
        begin(plan, tmp_path / "run")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}'])
def test_a_damaged_manifest_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    begin(plan_of(tmp_path), tmp_path / "run")
    (tmp_path / "run" / MANIFEST_FILE).write_text(text)
    with pytest.raises(RunError, match=r"manifest\.json"):
        load_manifest(tmp_path / "run")


def test_a_folder_that_holds_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        load_manifest(tmp_path)


def test_a_damaged_line_of_a_plan_is_named(tmp_path: Path) -> None:
    begin(plan_of(tmp_path), tmp_path / "run")
    path = tmp_path / "run" / PLAN_FILE
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:20], *lines[2:]]))
    with pytest.raises(RunError, match="Line 2"):
        load_plan_items(tmp_path / "run", load_manifest(tmp_path / "run"))


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        RunFolder(tmp_path / "file" / "run")


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timings = Timings(
        sittings=1,
        wall_seconds=2.0,
        model_seconds=1.0,
        decode_seconds=0.5,
        clips_decoded=3,
        requests=6,
        cache_hits=0,
        items_per_second=3.0,
    )
    with RunFolder(tmp_path) as folder:
        folder.add_timings(timings)

        def fail(file: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("emoreal_bench.record.files.os.fsync", fail)
        with pytest.raises(RunError, match="No space left"):
            folder.add_timings(timings)
    assert load_timings(tmp_path) == timings
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "timings.json"}


def test_the_rate_of_two_sittings_weighs_each_by_its_time(tmp_path: Path) -> None:
    sitting = Timings(
        sittings=1,
        wall_seconds=2.0,
        model_seconds=0.0,
        decode_seconds=0.0,
        clips_decoded=0,
        requests=0,
        cache_hits=0,
        items_per_second=3.0,
    )
    slower = sitting.model_copy(update={"wall_seconds": 4.0, "items_per_second": 0.0})
    with RunFolder(tmp_path) as folder:
        folder.add_timings(sitting)
        total = folder.add_timings(slower)
    assert (total.sittings, total.wall_seconds, total.items_per_second) == (2, 6.0, 1.0)


def test_equal_runs_have_equal_names_and_others_do_not(tmp_path: Path) -> None:
    plan, paper = plan_of(tmp_path), plan_of(tmp_path, options=PlanOptions(variant="paper"))
    name = run_id(plan, MODEL)
    assert name == run_id(plan_of(tmp_path), MODEL)
    assert name != run_id(paper, MODEL)
    assert name != run_id(plan, ModelDescription(name="fake/no"))


def test_a_name_is_fit_for_a_folder_whatever_the_model_is_called(tmp_path: Path) -> None:
    name = run_id(plan_of(tmp_path), ModelDescription(name="hf/../../Qwen 2.5:é/" + "x" * 300))
    assert re.fullmatch(r"[a-zA-Z0-9-]{1,150}", name)

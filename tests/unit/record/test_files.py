"""Whatever is written is there whole or not at all, and never through a link."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.record.files import (
    GrowingFile,
    copy_file,
    is_draft,
    new_file,
    new_folder,
    remove_dead_drafts,
    write_atomically,
)

VICTIM = b"of somebody else"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_bytes(VICTIM)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_link_at_the_name_is_replaced_and_the_file_behind_it_untouched(
    tmp_path: Path, victim: Path
) -> None:
    path = tmp_path / "results.json"
    path.symlink_to(victim)
    write_atomically(path, [b"new"])
    assert victim.read_bytes() == VICTIM
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"


def test_a_link_at_the_name_of_a_folder_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "merged").symlink_to(tmp_path / "elsewhere")
    with new_folder(tmp_path / "merged") as draft:
        (draft / "weights").write_bytes(b"w")
    assert names(tmp_path / "elsewhere") == []
    assert not (tmp_path / "merged").is_symlink()


@pytest.mark.parametrize("name", ["results.json.draft", ".results.json.draft", ".draft-x"])
def test_a_link_planted_where_drafts_were_is_not_followed(
    tmp_path: Path, victim: Path, name: str
) -> None:
    (tmp_path / name).symlink_to(victim)
    write_atomically(tmp_path / "results.json", [b"new"])
    assert victim.read_bytes() == VICTIM


def test_a_link_at_the_very_name_of_the_draft_is_not_followed(
    tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emoreal_bench.record.files.secrets.token_hex", lambda _: "0" * 16)
    (tmp_path / f".draft-{'0' * 16}").symlink_to(victim)
    with pytest.raises(RunError, match="cannot be written: File exists"):
        write_atomically(tmp_path / "results.json", [b"new"])
    assert victim.read_bytes() == VICTIM


def test_a_growing_file_is_never_a_link(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "items.jsonl").symlink_to(victim)
    with pytest.raises(RunError, match="cannot be written"):
        GrowingFile(tmp_path / "items.jsonl")
    assert victim.read_bytes() == VICTIM


def test_a_link_is_not_copied(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "link").symlink_to(victim)
    with pytest.raises(RunError, match="cannot be read"):
        copy_file(tmp_path / "link", tmp_path / "copy")
    assert names(tmp_path) == ["link", "victim"]


def test_a_device_or_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    for name in ("pipe", "null"):
        with pytest.raises(RunError, match="a device, a pipe or a socket"):
            write_atomically(tmp_path / name, [b"new"])
    assert names(tmp_path) == ["null", "pipe"]


def test_a_missing_parent_is_made(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "scores.json", [b"{}"])
    assert (tmp_path / "a" / "b" / "scores.json").read_bytes() == b"{}"


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_atomically(path, [b"x"])
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_umask_says_who_may_read(tmp_path: Path, mask: int) -> None:
    old = os.umask(mask)
    try:
        write_atomically(tmp_path / "file", [b"x"])
        with new_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o777 & ~mask


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_stops_the_writing_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()

    def stop_file() -> None:
        with new_file(tmp_path / "file") as file:
            file.write(b"half")
            file.flush()
            raise error

    def stop_folder() -> None:
        with new_folder(tmp_path / "folder", replace=True) as draft:
            (draft / "half").touch()
            raise error

    for stop in (stop_file, stop_folder):
        with pytest.raises(error):
            stop()
    assert names(tmp_path) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path / "folder") == ["old"]


def test_a_new_folder_takes_the_place_of_an_old_one_only_where_it_may(tmp_path: Path) -> None:
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "old").touch()
    with pytest.raises(RunError, match="there already"), new_folder(tmp_path / "best"):
        pass
    with new_folder(tmp_path / "best", replace=True) as draft:
        (draft / "new").touch()
    assert names(tmp_path) == ["best"]
    assert names(tmp_path / "best") == ["new"]


DIES = """
import os, signal, sys
from pathlib import Path
from emoreal_bench.record.files import new_file, new_folder
home = Path(sys.argv[1])
with new_folder(home / "folder") as draft, new_file(home / "file") as file:
    (draft / "half").touch()
    file.write(b"half")
    file.flush()
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_drafts_of_dead_processes_are_removed_and_those_of_living_ones_kept(
    tmp_path: Path,
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", DIES, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    remove_dead_drafts(tmp_path)
    drafts = [path for path in tmp_path.iterdir() if is_draft(path.relative_to(tmp_path))]
    assert len(drafts) == 2
    process.kill()
    process.communicate()
    assert len(names(tmp_path)) == 2
    write_atomically(tmp_path / "other", [b"x"])
    assert names(tmp_path) == ["other"]


def test_what_only_looks_like_a_draft_is_left_alone(tmp_path: Path, victim: Path) -> None:
    (tmp_path / f".draft-{'1' * 16}").symlink_to(victim)
    os.mkfifo(tmp_path / f".draft-{'2' * 16}")
    (tmp_path / ".draft-of-a-letter").touch()
    before = names(tmp_path)
    remove_dead_drafts(tmp_path)
    assert names(tmp_path) == before


STEPS: dict[str, Callable[[Path], None]] = {
    "file": lambda path: write_atomically(path, [b"a" * 300_000, b"b"]),
    "copy": lambda path: copy_file(path.with_name("victim"), path),
}


@pytest.mark.parametrize("function", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("kind", STEPS)
def test_a_full_disk_at_any_step_leaves_nothing(
    tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch, kind: str, function: str
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"emoreal_bench.record.files.os.{function}", fail)
        with pytest.raises(RunError, match="No space left on device"):
            STEPS[kind](tmp_path / "file")
    assert names(tmp_path) == ["victim"]

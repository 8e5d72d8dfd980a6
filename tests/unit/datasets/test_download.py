"""Downloads from a server on this machine, as from the owners' servers."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.task import DataSource, Download, Task
from emoreal_bench.datasets import download
from emoreal_bench.datasets.download import download_data
from emoreal_bench.datasets.hub import RECORD
from emoreal_bench.datasets.hub import _bounded_bar as hub_bar

EMOREALM = "chaubeyG/EmoReAlM"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Server(ThreadingHTTPServer):
    """Hands out files by their path, and counts how often each was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.cut_after: int | None = None
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        content = self._answer()
        self.server.asked.append(self.path)
        self.wfile.write(content[: self.server.cut_after])

    def _answer(self) -> bytes:
        content = self.server.files.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", '"etag"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        return content or b""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Keep the tests' output free of requests."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def archive(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(f"Actor_01/{name}.mp4", content)
    return buffer.getvalue()


def task_from(server: Server, files: dict[str, str | None]) -> Task:
    source = Download(url=f"{server.address}/{{file}}?download=1", files=files)
    data = DataSource(reader="ravdess", download=source)
    return find_task("ravdess").task.model_copy(update={"data": data})


def test_zip_files_are_downloaded_and_unpacked(server: Server, tmp_path: Path) -> None:
    server.files["/1.zip?download=1"] = archive(a="clip")
    (path,) = download_data(task_from(server, {"1.zip": None}), tmp_path)
    assert path == tmp_path / "1.zip"
    assert (tmp_path / "Actor_01/a.mp4").read_text() == "clip"


def test_a_sender_that_goes_on_for_ever_is_cut_off(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_MOST_BYTES", 1000)
    server.files["/x.json?download=1"] = b" " * 1001
    with pytest.raises(DataError, match="more than 1,000 bytes come"):
        download_data(task_from(server, {"x.json": None}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_sender_that_gives_next_to_nothing_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_RATE_SECONDS", 0.0)
    monkeypatch.setattr(download, "_LEAST_RATE", 10**12)
    server.files["/x.json?download=1"] = b" " * 1000
    with pytest.raises(DataError, match="bytes a second come"):
        download_data(task_from(server, {"x.json": None}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_would_fill_the_disk_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_MOST_BYTES", 1000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("Actor_01/a.mp4", "0" * 100_000)
    server.files["/1.zip?download=1"] = buffer.getvalue()
    assert len(buffer.getvalue()) < 1000
    with pytest.raises(DataError, match="unpacks to 100,000 bytes"):
        download_data(task_from(server, {"1.zip": None}), tmp_path)
    assert not (tmp_path / "Actor_01").exists()


def test_a_file_that_is_there_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    server.files |= {"/1.zip?download=1": archive(a="1"), "/2.zip?download=1": archive(b="2")}
    download_data(task_from(server, {"1.zip": None}), tmp_path)
    (tmp_path / "Actor_01/a.mp4").write_text("")  # as if unpacking had been interrupted
    download_data(task_from(server, {"1.zip": None, "2.zip": None}), tmp_path)
    assert server.asked == ["/1.zip?download=1", "/2.zip?download=1"]
    assert (tmp_path / "Actor_01/a.mp4").read_text() == "1"


def test_a_right_checksum_is_taken(server: Server, tmp_path: Path) -> None:
    content = server.files["/x.json?download=1"] = b"[]"
    checksum = hashlib.md5(content).hexdigest()
    assert download_data(task_from(server, {"x.json": checksum}), tmp_path)


def test_a_wrong_checksum_leaves_no_file(server: Server, tmp_path: Path) -> None:
    server.files["/x.json?download=1"] = b"[]"
    with pytest.raises(DataError, match="the owner publishes"):
        download_data(task_from(server, {"x.json": "0" * 32}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_ends_early_leaves_no_file(server: Server, tmp_path: Path) -> None:
    server.files["/x.json?download=1"] = b"[" + b" " * 1000 + b"]"
    server.cut_after = 100
    with pytest.raises(DataError) as caught:
        download_data(task_from(server, {"x.json": None}), tmp_path)
    assert "ended after 100 of 1002 bytes" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_the_server_lacks_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="404") as caught:
        download_data(task_from(server, {"gone.zip": None}), tmp_path)
    assert f"{server.address}/gone.zip" in str(caught.value)


def test_a_damaged_archive_is_named(server: Server, tmp_path: Path) -> None:
    server.files["/1.zip?download=1"] = archive(a="clip")[:-10]
    with pytest.raises(DataError, match="archive is damaged") as caught:
        download_data(task_from(server, {"1.zip": None}), tmp_path)
    assert str(tmp_path / "1.zip") in str(caught.value)


def test_an_archive_cannot_write_outside_the_folder(server: Server, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("../../outside.mp4", "x")
    server.files["/1.zip?download=1"] = buffer.getvalue()
    out = tmp_path / "a" / "b"
    download_data(task_from(server, {"1.zip": None}), out)
    assert (out / "outside.mp4").is_file()
    assert not (tmp_path / "outside.mp4").exists()


def test_a_file_of_this_machine_is_no_address(tmp_path: Path) -> None:
    source = Download(url="file:///{file}", files={"etc/hostname": None})
    data = DataSource(reader="ravdess", download=source)
    task = find_task("ravdess").task.model_copy(update={"data": data})
    with pytest.raises(UsageError, match="not an address of the web"):
        download_data(task, tmp_path)


@pytest.fixture
def hub(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Answer as the hub does, with one commit of the questions of EmoReAlM."""
    template = f"{server.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.address)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    server.files[f"/datasets/{EMOREALM}/resolve/{COMMIT}/emorealm_v1.json"] = b"[]"
    return server


def test_the_hub_is_asked_for_the_pinned_commit(hub: Server, tmp_path: Path) -> None:
    (found,) = download_data(find_task("emorealm").task, tmp_path, revision=COMMIT)
    assert found.read_text() == "[]"


def test_a_file_of_the_hub_that_is_too_large_is_not_kept(
    hub: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_MOST_BYTES", 1000)
    hub.files[f"/datasets/{EMOREALM}/resolve/{COMMIT}/emorealm_v1.json"] = b" " * 1001
    with pytest.raises(DataError, match="more than 1,000 bytes"):
        download_data(find_task("emorealm").task, tmp_path, revision=COMMIT)
    assert not (tmp_path / "emorealm_v1.json").exists()


def test_a_hub_that_sends_more_than_it_says_is_cut_off() -> None:
    bar = hub_bar(1000)(total=10, disable=True)
    bar.update(990)
    with pytest.raises(OSError, match="more than 1,000 bytes"):
        bar.update(11)


def test_without_a_commit_the_newest_is_taken_and_remembered(hub: Server, tmp_path: Path) -> None:
    answer = {"id": EMOREALM, "sha": COMMIT, "private": False, "tags": [], "siblings": []}
    hub.files[f"/api/datasets/{EMOREALM}"] = json.dumps(answer).encode()
    task = find_task("emorealm").task
    download_data(task, tmp_path)
    record = json.loads((tmp_path / "download.json").read_text())
    assert record == {"repository": EMOREALM, "revision": COMMIT}
    # The hub has moved on; the folder has not.
    hub.files[f"/api/datasets/{EMOREALM}"] = json.dumps(answer | {"sha": "f" * 40}).encode()
    (tmp_path / "emorealm_v1.json").unlink()
    (found,) = download_data(task, tmp_path)
    assert found.read_text() == "[]"


def test_two_commits_are_not_mixed_in_a_folder(hub: Server, tmp_path: Path) -> None:
    task = find_task("emorealm").task
    download_data(task, tmp_path, revision=COMMIT)
    with pytest.raises(UsageError, match=f"holds {EMOREALM} at {COMMIT}"):
        download_data(task, tmp_path, revision="f" * 40)


def test_a_damaged_record_of_a_download_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "download.json").write_text("[")
    with pytest.raises(DataError, match=r"download\.json"):
        download_data(find_task("emorealm").task, tmp_path)


def test_a_hub_that_does_not_answer_is_an_error(hub: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="newest commit"):
        download_data(find_task("emorealm").task, tmp_path)
    assert not (tmp_path / "download.json").exists()


@pytest.mark.parametrize("commit", [None, COMMIT], ids=["the newest commit", "a file"])
def test_a_hub_that_cannot_be_reached_is_an_error_and_leaves_no_folder(
    commit: str | None, hub: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{taken.getsockname()[1]}"
        template = f"{away}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", away)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        # The library tries five times, and waits up to eight seconds in between.
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
        out = tmp_path / "data" / "emorealm"
        with pytest.raises(DataError, match="Try again later"):
            download_data(find_task("emorealm").task, out, revision=commit)
    # With a commit, the folder remembers it for the next try.
    assert [path.name for path in tmp_path.rglob("*.json")] == ([] if commit is None else [RECORD])
    assert (tmp_path / "data").exists() == (commit is not None)


def test_a_download_that_fails_leaves_no_empty_folder(server: Server, tmp_path: Path) -> None:
    source = Download(url=f"{server.address}/{{file}}", files={"nothing.zip": None})
    data = DataSource(reader="ravdess", download=source)
    task = find_task("ravdess").task.model_copy(update={"data": data})
    (tmp_path / "mine").mkdir()
    for out in (tmp_path / "new" / "data", tmp_path / "mine"):
        with pytest.raises(DataError, match="cannot be downloaded"):
            download_data(task, out)
    assert list(tmp_path.iterdir()) == [tmp_path / "mine"]


@pytest.mark.parametrize("name", ["dfew", "mer2023", "emer", "ov-merd", "mafw", "avhbench"])
def test_data_that_must_be_asked_for_names_its_page_and_terms(name: str, tmp_path: Path) -> None:
    task = find_task(name).task
    with pytest.raises(UsageError, match="owner has to be asked") as caught:
        download_data(task, tmp_path)
    assert str(task.homepage) in str(caught.value)
    assert str(task.license) in str(caught.value)


def test_ravdess_is_24_archives() -> None:
    source = find_task("ravdess-8").task.data.download
    assert source is not None
    assert list(source.files) == [f"Video_Speech_Actor_{actor:02}.zip" for actor in range(1, 25)]


def test_progress_counts_files(server: Server, tmp_path: Path) -> None:
    server.files["/x.json?download=1"] = b"[]"
    seen: list[tuple[int, int]] = []
    task = task_from(server, {"x.json": None})
    download_data(task, tmp_path, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 1)]

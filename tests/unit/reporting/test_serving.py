"""A site served to this machine only."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.errors import RunError, UsageError
from emoreal_bench.reporting.site import serving
from emoreal_bench.reporting.site.serving import SiteServer


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    (site / ".git").mkdir(parents=True)
    (site / ".git" / "config").write_text("secret", encoding="utf-8")
    (site / ".env").write_text("secret", encoding="utf-8")
    (site / "index.html").write_text("the page", encoding="utf-8")
    (site / "same.html").symlink_to(site / "index.html")
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    (site / "link").symlink_to(tmp_path / "secret")
    (site / "folder").symlink_to(tmp_path)
    return site


@pytest.fixture
def server(site: Path) -> Iterator[SiteServer]:
    with api.make_site_server(site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _get(server: SiteServer, path: str, host: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    headers = {} if host is None else {"Host": host}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_the_page_is_served(server: SiteServer) -> None:
    assert _get(server, "/") == (200, b"the page")
    assert _get(server, "/same.html") == (200, b"the page")
    assert _get(server, "/", f"localhost:{server.server_port}") == (200, b"the page")


def test_only_the_loopback_address_is_listened_on(site: Path, server: SiteServer) -> None:
    with socket.socket() as other:
        # Another loopback address stands for any other address of this machine.
        assert other.connect_ex(("127.0.0.2", server.server_port)) != 0


@pytest.mark.parametrize(
    "path",
    ["/../secret", "/%2e%2e/secret", "//../secret", "/link", "/folder/secret", "/..%2fsecret"],
)
def test_nothing_outside_the_folder_can_be_reached(server: SiteServer, path: str) -> None:
    status, body = _get(server, path)
    assert status in (400, 404, 405)
    assert b"secret" not in body


@pytest.mark.parametrize("path", ["/.env", "/.git/config", "/%2egit/config", "/.git/"])
def test_files_whose_name_begins_with_a_dot_are_not_shown(server: SiteServer, path: str) -> None:
    assert _get(server, path) == (404, b"Not Found")


@pytest.mark.parametrize("name", ["evil.example:80", "evil.example", "localhost.evil.example"])
def test_a_foreign_name_for_this_machine_is_refused(server: SiteServer, name: str) -> None:
    status, body = _get(server, "/", name)
    assert status == 400
    assert b"the page" not in body


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: loc"])
def test_a_connection_that_does_not_ask_is_closed(
    site: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(serving, "_SILENT_SECONDS", 0.2)
    with api.make_site_server(site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as client:
            client.sendall(said)
            assert client.recv(100) == b""
        server.shutdown()
        thread.join()


def test_a_folder_without_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no index\.html"):
        api.make_site_server(tmp_path)


def test_a_port_in_use_is_named(server: SiteServer, site: Path) -> None:
    with pytest.raises(UsageError, match=str(server.server_port)):
        api.make_site_server(site, server.server_port)

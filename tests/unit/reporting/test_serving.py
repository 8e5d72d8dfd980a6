"""A site served to this machine only."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.errors import RunError, UsageError


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("the page", encoding="utf-8")
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    with api.make_site_server(tmp_path / "site") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _get(server: ThreadingHTTPServer, path: str, host: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    headers = {} if host is None else {"Host": host}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_the_page_is_served_on_the_loopback_address_only(server: ThreadingHTTPServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert _get(server, "/") == (200, b"the page")
    assert _get(server, "/", f"localhost:{server.server_port}") == (200, b"the page")


def test_nothing_above_the_folder_can_be_reached(server: ThreadingHTTPServer) -> None:
    for path in ("/../secret", "/%2e%2e/secret", "//../secret"):
        assert _get(server, path)[0] == 404


def test_a_foreign_name_for_this_machine_is_refused(server: ThreadingHTTPServer) -> None:
    status, body = _get(server, "/", "evil.example:80")
    assert status == 421
    assert b"the page" not in body


def test_a_folder_without_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no index\.html"):
        api.make_site_server(tmp_path)


def test_a_port_in_use_is_named(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=str(server.server_port)):
        api.make_site_server(tmp_path / "site", server.server_port)

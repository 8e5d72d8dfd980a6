"""A site served to this machine only."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
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


ASKED = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
OWES = {
    "nothing said": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: loc",
    "half a head on a kept connection": ASKED + b"GET / HTTP/1.1\r\nHost: loc",
    "half a body": ASKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 9999\r\n\r\nx"),
}


@pytest.mark.parametrize("said", OWES.values(), ids=OWES)
def test_a_connection_that_does_not_ask_to_the_end_is_closed(
    site: Path, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(serving, "_SILENT_SECONDS", 0.3)
    with api.make_site_server(site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=0.05) as client:
            client.sendall(said)
            for _ in range(200):
                with suppress(TimeoutError):
                    if client.recv(1000) == b"":
                        break
                # Whoever goes on a little at a time is no better than whoever is silent.
                with suppress(OSError):
                    client.sendall(b"x" if said else b"")
            else:
                pytest.fail("it was held open")
        server.shutdown()
        thread.join()


def test_a_page_of_another_site_may_not_load_what_is_served(server: SiteServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request("GET", "/", headers={"Origin": "http://evil.example"})
    headers = connection.getresponse().headers
    connection.close()
    # The data of a page are scripts, which a browser loads for any page if it is not told so.
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_a_foreign_name_is_refused_at_every_address_of_this_machine_only(host: str) -> None:
    from starlette.responses import PlainTextResponse

    with serving.serve(PlainTextResponse("the page"), 0, host) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        named = f"[{host}]" if ":" in host else host
        found = []
        for name in (named, f"{named}:{server.server_port}", "evil.example"):
            connection = http.client.HTTPConnection(host, server.server_port, timeout=10)
            connection.request("GET", "/", headers={"Host": name})
            found.append(connection.getresponse().status)
            connection.close()
        server.shutdown()
        thread.join()
    assert found == [200, 200, 400]


def test_a_folder_without_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no index\.html"):
        api.make_site_server(tmp_path)


def test_a_port_in_use_is_named(server: SiteServer, site: Path) -> None:
    with pytest.raises(UsageError, match=str(server.server_port)):
        api.make_site_server(site, server.server_port)

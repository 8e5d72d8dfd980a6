"""Serves a site to this machine only, for browsers that keep pages from disk on a short lead."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import RunError, UsageError
from emoreal_bench.reporting.site.pages import PAGE_FILE

LOOPBACK = "127.0.0.1"
_OWN_NAMES = frozenset({LOOPBACK, "localhost"})


class _SiteHandler(SimpleHTTPRequestHandler):
    """Gives the files of one folder, quietly, and only to who asks for this machine."""

    def send_head(self) -> Any:
        # Another site may point its own name at this address; a browser then
        # sends that name, and would let that site read what it gets.
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in _OWN_NAMES:
            self.send_error(421, "This server answers to localhost only")
            return None
        return super().send_head()

    def end_headers(self) -> None:
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


def make_server(site: Path, port: int) -> ThreadingHTTPServer:
    """Make a server of a site; it serves once ``serve_forever`` is called.

    Args:
        site: Folder with a page.
        port: 0 takes any free one; see ``server_address``.

    Raises:
        RunError: If the folder holds no page.
        UsageError: If the port is taken.
    """
    if not (site / PAGE_FILE).is_file():
        raise RunError(
            f"There is no {PAGE_FILE} here.",
            where=str(site),
            remedy="Make one with `emoreal-bench leaderboard build` or `emoreal-bench view`.",
        )
    try:
        return ThreadingHTTPServer((LOOPBACK, port), partial(_SiteHandler, directory=str(site)))
    except OSError as error:
        raise UsageError(
            f"Port {port} cannot be used: {error.strerror}.", remedy="Choose another: --port 0"
        ) from error

"""Serves a site to this machine only, for browsers that keep pages from disk on a short lead."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, MutableMapping
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from emoreal_bench.contracts.errors import MissingExtraError, RunError, UsageError
from emoreal_bench.reporting.site.pages import PAGE_FILE

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn import Server

LOOPBACK = "127.0.0.1"
SERVED_FOLDER = "served-clips"
"""Below it stand files that lie outside the site."""
_OWN_NAMES = (LOOPBACK, "localhost")
_SILENT_SECONDS = 10
"""Until a connection that asks nothing is closed."""
_MOST_CONNECTIONS = 200
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-cache"),
    # Pages load their data as scripts, as a page of another site could, too: browsers hand them to
    # none with these two.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
)


class SiteServer:
    """A server that is bound to its port, and serves once :meth:`serve_forever` is called.

    Use it as a context manager, which lets the port go.

    Attributes:
        server_port: Where it listens.
    """

    def __init__(self, server: Server, listener: socket.socket):
        self._server = server
        self._listener = listener
        self.server_port: int = listener.getsockname()[1]

    def serve_forever(self) -> None:
        """Serve until :meth:`shutdown`, or Ctrl-C."""
        self._server.run(sockets=[self._listener])

    async def serve_here(self) -> None:
        """Do the same in the running event loop."""
        await self._server.serve(sockets=[self._listener])

    def shutdown(self) -> None:
        """Let :meth:`serve_forever` return."""
        self._server.should_exit = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def check_installed() -> None:
    """Look whether pages can be served.

    Raises:
        MissingExtraError: If the server is not installed.
    """
    for module in ("starlette", "uvicorn", "h11"):
        if find_spec(module) is None:
            raise MissingExtraError("The server of pages", "serve")


def make_server(
    site: Path, port: int | socket.socket, files: Mapping[str, Path] | None = None
) -> SiteServer:
    """Make a server of a site.

    It answers to the names of this machine only, follows no link out of the
    folder and shows no file whose name begins with a dot.

    Args:
        site: Folder with a page.
        port: 0 takes any free one; or what :func:`listen` returned.
        files: Others to show, by their names below ``served-clips``.

    Raises:
        RunError: If the folder holds no page.
        UsageError: If the port is taken.
        MissingExtraError: If the server is not installed.
    """
    if not (site / PAGE_FILE).is_file():
        raise RunError(
            f"There is no {PAGE_FILE} here.",
            where=str(site),
            remedy="Make one with `emoreal-bench leaderboard build` or `emoreal-bench view`.",
        )
    return serve(_site_application(site, files or {}), port)


def listen(port: int, host: str = LOOPBACK) -> socket.socket:
    """Take a port.

    Raises:
        UsageError: If it is taken, or the address is not of this machine.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise UsageError(
            f"Port {port} cannot be used: {error.strerror}.", remedy="Choose another: --port 0"
        ) from error


def serve(application: ASGIApp, port: int | socket.socket, host: str = LOOPBACK) -> SiteServer:
    """Bind an application to a port, by default of the loopback address.

    Another site may point its own name at this address. A browser then sends that
    name, and would let that site read what it gets, so foreign names are refused.

    Args:
        application: What answers.
        port: 0 takes any free one; or what :func:`listen` returned.
        host: Address to listen at; at one that others reach, any name is let in.

    Raises:
        UsageError: If the port is taken, or the address is not of this machine.
        MissingExtraError: If the server is not installed.
    """
    check_installed()
    import uvicorn
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    names = [*_OWN_NAMES, host, f"[{host}]"] if _is_loopback(host) else ["*"]
    guarded = TrustedHostMiddleware(application, allowed_hosts=names, www_redirect=False)
    settings = uvicorn.Config(
        _with_headers(guarded),
        log_level="critical",
        lifespan="off",
        http="h11",
        ws="none",
        server_header=False,
        timeout_keep_alive=_SILENT_SECONDS,
        timeout_graceful_shutdown=1,
        limit_concurrency=_MOST_CONNECTIONS,
    )
    settings.http = _impatient_protocol()
    listener = listen(port, host) if isinstance(port, int) else port
    return SiteServer(uvicorn.Server(settings), listener)


def _site_application(site: Path, others: Mapping[str, Path]) -> ASGIApp:
    check_installed()
    from starlette.applications import Starlette
    from starlette.responses import FileResponse, PlainTextResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    async def show_other(request: Request) -> Response:
        # A name is looked up, never a path.
        file = others.get(request.path_params["name"])
        if file is None or not file.is_file():
            return PlainTextResponse("Not Found", 404)
        return FileResponse(file)

    files = Starlette(
        routes=[
            Route(f"/{SERVED_FOLDER}/{{name}}", show_other),
            Mount("/", StaticFiles(directory=site, html=True, follow_symlink=False)),
        ]
    )

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if any(part.startswith(".") for part in PurePosixPath(scope["path"]).parts):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
            return
        await files(scope, receive, send)

    return application


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _with_headers(application: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await application(scope, receive, send_with_headers)

    return answer


def _impatient_protocol() -> type:
    from asyncio import BaseTransport, TimerHandle

    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class ImpatientProtocol(H11Protocol):
        """Closes connections that owe us a request or its end; the library waits for ever."""

        _deadline: TimerHandle | None = None

        def connection_made(self, transport: BaseTransport) -> None:
            super().connection_made(transport)  # type: ignore[arg-type]
            self._watch()

        def handle_events(self) -> None:
            super().handle_events()
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()

        def connection_lost(self, error: Exception | None) -> None:
            self._forget()
            super().connection_lost(error)

        def _watch(self) -> None:
            # Until a request has its head, and where its answer is out before its end came.
            if self.conn.their_state is not h11.IDLE and self.conn.our_state is not h11.DONE:
                self._forget()
            elif self._deadline is None:
                self._deadline = self.loop.call_later(_SILENT_SECONDS, self.transport.close)

        def _forget(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
            self._deadline = None

    return ImpatientProtocol

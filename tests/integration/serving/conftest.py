"""Models served on loopback."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.serving.server import ModelServer

TINY = "tiny/omni"
QUESTION = (
    "Which is it?\n(A) rain\n(B) a laugh\n"
    "Answer with the letter of the one option that is right, in brackets, and nothing else."
)


@contextmanager
def answering(server: ModelServer) -> Iterator[ModelServer]:
    """Let a server answer from another thread."""
    ready = threading.Event()
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(ready.set,))
        thread.start()
        try:
            assert ready.wait(240)
            yield server
        finally:
            server.shutdown()
            thread.join(60)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def tiny() -> Iterator[ModelServer]:
    pytest.importorskip("torch")
    pytest.importorskip("uvicorn")
    with answering(api.make_model_server(TINY)) as server:
        yield server


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two synthetic clips with ten questions."""
    return api.make_synthetic_benchmark(
        tmp_path_factory.mktemp("served") / "data", {"items": 10, "seed": 3}
    )


Answer = tuple[int, dict[str, str], Any]


def request(
    server: ModelServer,
    path: str,
    body: bytes | None = None,
    *,
    method: str | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Ask a server; give status, headers, and the body, parsed where it is JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=120)
    method = method or ("GET" if body is None else "POST")
    sent = {"content-type": "application/json", **(headers or {})}
    connection.request(method, path, body, sent)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    is_json = answer.headers.get_content_type() == "application/json"
    return answer.status, dict(answer.headers), json.loads(content) if is_json else content


def complete(server: ModelServer, **body: Any) -> Answer:
    """Ask for a completion; the model and a question are there unless they are given."""
    asked = [{"role": "user", "content": QUESTION}]
    content = {"model": server.model, "messages": asked, "max_tokens": 8, **body}
    return request(server, "/v1/chat/completions", json.dumps(content).encode())

"""What the tests of remote models share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.apis.services import KEY, SERVICES, Service
from tests.stub_server import StubServer

pytest.importorskip("openai")
pytest.importorskip("google.genai")


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with StubServer() as server:
        yield server


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    for service in SERVICES:
        monkeypatch.setenv(service.key_variable, KEY)


@pytest.fixture(params=SERVICES, ids=lambda service: service.model)
def service(request: pytest.FixtureRequest) -> Service:
    chosen: Service = request.param
    return chosen

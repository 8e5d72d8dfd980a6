"""What the tests of remote models share."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from tests.integration.apis.services import ITEMS, KEY, SERVICES, Service
from tests.media_files import Picture, Sound, make_clip

pytest.importorskip("openai")
pytest.importorskip("google.genai")


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with StubServer() as server:
        yield server


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)  # whatever the user keeps in it
    for service in SERVICES:
        monkeypatch.setenv(service.key_variable, KEY)


@pytest.fixture(params=SERVICES, ids=lambda service: service.model)
def service(request: pytest.FixtureRequest) -> Service:
    chosen: Service = request.param
    return chosen


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips, and six yes/no questions about each, in the layout of EmoReAlM."""
    root = tmp_path_factory.mktemp("data")
    (root / "videos").mkdir()
    for number in range(2):
        make_clip(
            root / "videos" / f"{number}.mp4", Picture(), Sound(pitches=(440.0 * (number + 1),))
        )
    questions = [
        {
            "id": f"modality_agreement_{number}",
            "video": f"{number // 6}.mp4",
            "task": "modality_agreement",
            "question": f"Do voice and face agree, number {number}?",
            "choices": ["(A) Yes", "(B) No"],
            "answer": "A",
        }
        for number in range(ITEMS)
    ]
    (root / "emorealm_v1.json").write_text(json.dumps(questions))
    return root

"""Models that Inspect AI wraps, through the real package, against the stub.

Skipped where the package is not installed; it is in no extra of the tests.
"""

from __future__ import annotations

import pytest

from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.conformance.stub_server import Behaviour, StubServer
from tests.integration.apis.services import KEY, Service

pytest.importorskip("inspect_ai")

INSPECT = Service("inspect/openai-api/stub/gpt-4o", "/v1", "STUB_API_KEY", {"takes_audio": "true"})
STATUSES = {
    Behaviour.OK: DeliveryStatus.OK,
    Behaviour.LENGTH: DeliveryStatus.LENGTH,
    Behaviour.BLOCKED: DeliveryStatus.BLOCKED,
    Behaviour.UNAUTHORIZED: DeliveryStatus.FAILED,
    Behaviour.MEDIA_REFUSED: DeliveryStatus.FAILED,
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(INSPECT.key_variable, KEY)


def ask(stub: StubServer, seed: int = 0) -> Result:
    (result,) = INSPECT.ask(stub, [make_request("1", make_clip(seed=seed))])
    return result


def test_frames_and_sound_reach_the_service_and_are_counted(stub: StubServer) -> None:
    result = ask(stub)
    assert (result.status, result.text) == (DeliveryStatus.OK, "(A)")
    assert result.delivery.frames == 8
    assert result.delivery.audio_seconds == pytest.approx(1.5)
    assert result.usage.input_tokens == 100
    parts = stub.requests[0].body["messages"][0]["content"]
    kinds = [part["type"] for part in parts]
    assert (kinds.count("image_url"), kinds.count("input_audio")) == (8, 1)


def test_the_task_s_settings_reach_the_service(stub: StubServer) -> None:
    ask(stub)
    body = stub.requests[0].body
    assert {key: body[key] for key in ("model", "max_tokens", "temperature", "seed")} == {
        "model": "gpt-4o",
        "max_tokens": 8,
        "temperature": 0.0,
        "seed": 0,
    }


def test_another_clip_gives_another_input_hash(stub: StubServer) -> None:
    hashes = {ask(stub, seed).delivery.input_hash for seed in (0, 0, 1)}
    assert len(hashes) == 2


@pytest.mark.parametrize("behaviour", STATUSES)
def test_an_answer_gets_its_status_and_never_shows_the_key(
    stub: StubServer, behaviour: Behaviour
) -> None:
    stub.choose(lambda _: behaviour)
    stub.text = f"Your key is {KEY}."
    result = ask(stub)
    assert result.status is STATUSES[behaviour]
    assert KEY in str(stub.requests[0].headers)
    assert KEY not in repr(result)

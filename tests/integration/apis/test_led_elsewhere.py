"""A service can neither send clips and keys to another host nor an answer without an end."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.conformance.stub_server import (
    RecordedRequest,
    StubAnswer,
    StubServer,
)
from tests.integration.apis.services import GOOGLE, KEY, VLLM, Service

BOTH = pytest.mark.parametrize("service", [VLLM, GOOGLE], ids=["chat", "google"])
CHAT = {"choices": [{"message": {"content": "(A)"}, "finish_reason": "stop"}]}
GEMINI = {"candidates": [{"content": {"parts": [{"text": "(A)"}]}, "finishReason": "STOP"}]}


def ask(service: Service, stub: StubServer, **arguments: str) -> Result:
    (result,) = service.ask(stub, [make_request("1", make_clip())], **arguments)
    return result


def redirect(status: int, to: str) -> StubAnswer:
    return StubAnswer(status, {}, (("location", to),))


@BOTH
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_refused_by_name(
    service: Service, status: int, stub: StubServer
) -> None:
    with StubServer() as other:
        stub.answer_with(lambda asked: redirect(status, other.address + asked.path))
        with pytest.raises(UsageError, match="sends the request on") as caught:
            ask(service, stub)
        assert other.requests == []
        assert other.address.removeprefix("http://") in str(caught.value)
        assert KEY not in str(caught.value)
    assert len(stub.requests) == 1


@BOTH
@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_on_the_same_host_is_followed(
    service: Service, status: int, stub: StubServer
) -> None:
    def answer(asked: RecordedRequest) -> Any:
        if len(stub.requests) == 1:
            return redirect(status, asked.path)
        return GEMINI if service is GOOGLE else CHAT

    stub.answer_with(answer)
    assert ask(service, stub).text == "(A)"
    first, second = stub.requests
    assert first.content == second.content != b""


@BOTH
@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_loses_the_question_is_refused(
    service: Service, status: int, stub: StubServer
) -> None:
    stub.answer_with(lambda asked: redirect(status, asked.path))
    with pytest.raises(UsageError, match=f"HTTP {status}.*loses the question"):
        ask(service, stub)
    assert len(stub.requests) == 1


@BOTH
def test_a_circle_of_redirects_ends_soon(service: Service, stub: StubServer) -> None:
    stub.answer_with(lambda asked: redirect(307, asked.path))
    with pytest.raises(UsageError, match="redirects"):
        ask(service, stub)
    assert len(stub.requests) == 4


def test_a_clip_is_uploaded_to_the_host_of_the_service_only(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StubServer() as other:
        address = stub.address
        # Where a file is to be uploaded to is what the service says.
        monkeypatch.setattr(StubServer, "address", other.address)
        with pytest.raises(UsageError, match="sends the request on"):
            ask(GOOGLE, stub, base_url=address, inline_megabytes="0")
        assert other.requests == []


BOMB = b"[" + b" " * 200_000_000 + b"]"
PACKED = {"gzip": gzip.compress(BOMB), "deflate": zlib.compress(BOMB)}


@BOTH
@pytest.mark.parametrize("packing", PACKED)
def test_a_packed_answer_is_bounded_by_what_it_unpacks_to(
    service: Service, packing: str, stub: StubServer
) -> None:
    stub.say(PACKED[packing], content_encoding=packing)
    tracemalloc.start()
    result = ask(service, stub)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.status is DeliveryStatus.FAILED
    assert "more than 16,000,000 bytes" in str(result.detail)
    assert peak < len(BOMB) / 2


@BOTH
@pytest.mark.parametrize("packing", ["br", "zstd", "gzip, gzip", "compress"])
def test_a_packing_without_a_bound_is_refused(
    service: Service, packing: str, stub: StubServer
) -> None:
    stub.say(gzip.compress(gzip.compress(BOMB[:1000])), content_encoding=packing)
    result = ask(service, stub)
    assert result.status is DeliveryStatus.FAILED
    assert f"packed as {packing}" in str(result.detail)


@BOTH
@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_a_packed_answer_is_read(service: Service, pack: Any, stub: StubServer) -> None:
    body = GEMINI if service is GOOGLE else CHAT
    packing = "gzip" if pack is gzip.compress else "deflate"
    stub.say(pack(json.dumps(body).encode()), content_encoding=packing)
    assert ask(service, stub).text == "(A)"


@BOTH
def test_an_answer_that_is_not_packed_as_it_says_has_failed(
    service: Service, stub: StubServer
) -> None:
    stub.say(b"no gzip at all", content_encoding="gzip")
    result = ask(service, stub)
    assert result.status is DeliveryStatus.FAILED
    assert "cannot be unpacked" in str(result.detail)

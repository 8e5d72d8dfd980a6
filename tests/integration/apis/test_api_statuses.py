"""Whatever a service does, each request ends in one status, and no other suffers for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache

import pytest

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.result import Delivery, Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.conformance.stub_server import (
    RETRY_AFTER,
    Behaviour,
    RecordedRequest,
    StubServer,
)
from tests.integration.apis.services import GOOGLE, KEY, OPENAI, Service

STATUSES = {
    Behaviour.OK: DeliveryStatus.OK,
    Behaviour.LENGTH: DeliveryStatus.LENGTH,
    Behaviour.REFUSED: DeliveryStatus.REFUSED,
    Behaviour.BLOCKED: DeliveryStatus.BLOCKED,
    Behaviour.PROMPT_BLOCKED: DeliveryStatus.BLOCKED,
    Behaviour.RATE_LIMITED: DeliveryStatus.FAILED,
    Behaviour.SERVER_ERROR: DeliveryStatus.FAILED,
    Behaviour.UNAUTHORIZED: DeliveryStatus.FAILED,
    Behaviour.UNKNOWN_MODEL: DeliveryStatus.FAILED,
    Behaviour.MEDIA_REFUSED: DeliveryStatus.UNSUPPORTED,
    Behaviour.PARAMETER_REFUSED: DeliveryStatus.FAILED,
    Behaviour.SLOW: DeliveryStatus.FAILED,
    Behaviour.CUT_OFF: DeliveryStatus.FAILED,
    Behaviour.HANG_UP: DeliveryStatus.FAILED,
    Behaviour.TOO_LONG: DeliveryStatus.OK,
    Behaviour.MALFORMED: DeliveryStatus.FAILED,
    Behaviour.WRONG_SHAPE: DeliveryStatus.FAILED,
}


def test_every_behaviour_of_the_stub_has_an_expected_status() -> None:
    assert set(STATUSES) == set(Behaviour)


@dataclass(frozen=True)
class Outcome:
    """What came of one oddly answered request among others that were answered well."""

    odd: Result
    others: list[Result]
    odd_requests: list[RecordedRequest]


@cache
def play(service: Service, behaviour: Behaviour) -> Outcome:
    """Ask three questions at once, one of which is answered like this."""
    clip = make_clip()
    requests = [
        make_request("1", clip),
        make_request("odd", clip, "the odd one"),
        make_request("2"),
    ]
    # A slow answer never comes; every other is given the time it takes.
    patience = "2" if behaviour is Behaviour.SLOW else "60"

    async def run(stub: StubServer) -> list[Result]:
        async with service.connect(stub, timeout=patience) as adapter:
            # What a service says to its first request may concern all of them.
            await read(adapter.generate([make_request("first")]))
            return await read(adapter.generate(requests))

    with StubServer() as stub:
        stub.text = f"Your key is {KEY}."
        stub.choose(lambda asked: behaviour if is_odd(asked) else Behaviour.OK)
        results = asyncio.run(run(stub))
        odd_requests = [asked for asked in stub.requests if is_odd(asked)]
    by_id = {result.id: result for result in results}
    return Outcome(by_id.pop("odd"), list(by_id.values()), odd_requests)


def is_odd(asked: RecordedRequest) -> bool:
    return b"the odd one" in asked.content


every_behaviour = pytest.mark.parametrize("behaviour", Behaviour)


@every_behaviour
def test_an_answer_gets_its_status(service: Service, behaviour: Behaviour) -> None:
    assert play(service, behaviour).odd.status is STATUSES[behaviour]


@every_behaviour
def test_a_status_other_than_ok_and_length_says_why(service: Service, behaviour: Behaviour) -> None:
    odd = play(service, behaviour).odd
    assert bool(odd.detail) is (odd.status not in (DeliveryStatus.OK, DeliveryStatus.LENGTH))


@every_behaviour
def test_a_request_is_sent_once_whatever_becomes_of_it(
    service: Service, behaviour: Behaviour
) -> None:
    assert len(play(service, behaviour).odd_requests) == 1


@every_behaviour
def test_a_bad_answer_costs_no_other_request(service: Service, behaviour: Behaviour) -> None:
    others = play(service, behaviour).others
    assert [result.status for result in others] == [DeliveryStatus.OK] * 2


@every_behaviour
def test_a_key_reaches_the_service_and_no_result(service: Service, behaviour: Behaviour) -> None:
    outcome = play(service, behaviour)
    assert KEY in str(outcome.odd_requests[0].headers)
    assert KEY not in repr(outcome.odd)
    assert KEY not in repr(outcome.others)


@pytest.mark.parametrize("behaviour", [Behaviour.UNAUTHORIZED, Behaviour.UNKNOWN_MODEL])
def test_a_service_that_knows_neither_user_nor_model_is_not_asked_on(
    service: Service, stub: StubServer, behaviour: Behaviour
) -> None:
    stub.choose(lambda _: behaviour)
    requests = [make_request(str(number)) for number in range(20)]
    with pytest.raises(UsageError, match=service.model) as caught:
        service.ask(stub, requests, concurrency="2")
    assert len(stub.requests) < 10
    assert KEY not in str(caught.value)


def test_the_wait_that_a_service_asks_for_is_handed_on(service: Service, stub: StubServer) -> None:
    stub.play(Behaviour.RATE_LIMITED)
    (result,) = service.ask(stub, [make_request("1", make_clip())])
    assert result.retry_after == RETRY_AFTER


def test_a_server_that_is_not_there_is_a_failure(service: Service, stub: StubServer) -> None:
    (result,) = service.ask(
        stub, [make_request("1", make_clip())], base_url="http://127.0.0.1:9/v1"
    )
    assert result.status is DeliveryStatus.FAILED
    assert result.detail is not None
    assert "no answer" in result.detail


def test_a_request_without_media_is_never_unsupported(service: Service, stub: StubServer) -> None:
    stub.play(Behaviour.MEDIA_REFUSED)
    (result,) = service.ask(stub, [make_request("1")])
    assert result.status is DeliveryStatus.FAILED


def test_nothing_counts_as_delivered_when_the_service_did_not_answer(
    service: Service, stub: StubServer
) -> None:
    stub.play(Behaviour.RATE_LIMITED)
    (result,) = service.ask(stub, [make_request("1", make_clip())])
    assert result.delivery == Delivery()


def test_a_key_is_in_no_description_and_no_rendered_request(
    service: Service, stub: StubServer
) -> None:
    async def run() -> str:
        async with service.connect(stub) as adapter:
            return adapter.describe().model_dump_json() + adapter.render(make_request())

    assert KEY not in asyncio.run(run())


@pytest.mark.parametrize(
    ("model", "variable"), [(OPENAI.model, "OPENAI_API_KEY"), (GOOGLE.model, "GOOGLE_API_KEY")]
)
def test_a_missing_key_is_said_before_anything_is_asked(
    model: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable)
    with pytest.raises(UsageError, match=variable):
        asyncio.run(create_adapter(model).open())


def test_requests_under_way_are_bounded(service: Service, stub: StubServer) -> None:
    stub.latency = 0.02
    requests = [make_request(str(number)) for number in range(12)]
    service.ask(stub, requests, concurrency="3")
    assert stub.in_flight_peak == 3


def test_cancelling_ends_what_is_under_way_and_leaves_the_adapter_usable(
    service: Service, stub: StubServer
) -> None:
    stub.choose(lambda request: Behaviour.SLOW if b"slowly" in request.content else Behaviour.OK)

    async def run() -> list[DeliveryStatus]:
        async with service.connect(stub) as adapter:
            slow = [make_request(str(number), question="slowly") for number in range(4)]
            task = asyncio.create_task(read(adapter.generate(slow)))
            while len(stub.requests) < 4:
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            after = await read(adapter.generate([make_request("after")]))
            return [result.status for result in after]

    assert asyncio.run(run()) == [DeliveryStatus.OK]


async def read(results: AsyncIterator[Result]) -> list[Result]:
    return [result async for result in results]

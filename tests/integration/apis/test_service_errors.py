"""Errors of services: one outcome each, bounded in size and in time."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.errors import NothingAnsweredError, ServiceError, UsageError
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.conformance.stub_server import Behaviour, StubServer
from emoreal_bench.model_adapters.remote.endings import Reach
from emoreal_bench.model_adapters.remote.problems import read_problem
from tests.integration.apis.services import GOOGLE, ITEMS, OPENAI, VLLM, Service

FAILED, UNSUPPORTED = DeliveryStatus.FAILED, DeliveryStatus.UNSUPPORTED
PAGE = b"<html><head><title>Error</title></head></html>"
BOTH = pytest.mark.parametrize("service", [VLLM, GOOGLE], ids=["chat", "google"])


@BOTH
@pytest.mark.parametrize("code", [408, 409, 425, 499, 500, 502, 504, 520, 522, 524, 529, 530, 599])
@pytest.mark.parametrize("body", [PAGE, {"error": {"code": {"odd": 1}, "message": "odd"}}])
def test_an_http_error_is_one_failure(
    service: Service, code: int, body: Any, stub: StubServer
) -> None:
    stub.say(body, status=code)
    (result,) = service.ask(stub, [make_request("1", make_clip())])
    assert result.status is FAILED
    assert str(code) in str(result.detail)
    assert "<" not in str(result.detail)


@BOTH
@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a": ' * 1_000 + b"1" + b"}" * 1_000, b'{"code": ' + b"9" * 4_301 + b"}"],
    ids=["unfinished", "nested", "large number"],
)
def test_an_error_that_is_odd_json_is_one_failure(
    service: Service, body: bytes, stub: StubServer
) -> None:
    stub.say(body, status=500)
    (result,) = service.ask(stub, [make_request("1", make_clip())])
    assert result.status is FAILED
    assert result.detail


@BOTH
def test_a_page_that_says_too_large_is_unsupported(service: Service, stub: StubServer) -> None:
    stub.say(PAGE, status=413)
    (result,) = service.ask(stub, [make_request("1", make_clip())])
    assert result.status is UNSUPPORTED


def test_an_overloaded_site_is_waited_for(stub: StubServer) -> None:
    stub.say(PAGE, status=529)
    (result,) = VLLM.ask(stub, [make_request("1")])
    assert result.retry_after == 0.0


def test_control_characters_of_a_service_reach_no_result(stub: StubServer) -> None:
    stub.say({"error": {"message": "\x1b[31mred\x07\r\n"}}, status=500)
    (result,) = VLLM.ask(stub, [make_request("1")])
    assert result.detail is not None
    assert result.detail.isprintable()


def key_error(reason: str) -> dict[str, Any]:
    details = [{"@type": "ErrorInfo", "reason": reason}]
    error = {"code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid."}
    return {"error": error | {"details": details}}


LOCATION = {
    "error": {
        "code": 400,
        "status": "FAILED_PRECONDITION",
        "message": "User location is not supported for the API use.",
    }
}


@pytest.mark.parametrize("body", [key_error("API_KEY_INVALID"), LOCATION])
def test_a_key_or_place_that_google_declines_ends_the_run_at_once(
    body: Any, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.say(body, status=400)
    with pytest.raises(UsageError, match=body["error"]["message"]):
        run(GOOGLE, stub, data, tmp_path, concurrency="2")
    assert len(stub.requests) <= 2


NO_MONEY = [
    ({"error": {"code": "insufficient_quota", "message": "You exceeded your quota"}}, 429),
    ({"error": {"code": "credit_balance_exhausted", "message": "no credits"}}, 429),
    ({"error": {"code": "Arrearage", "message": "Access denied"}}, 400),
    ({"error": {"message": "Insufficient Balance"}}, 402),
    ({"error": {"message": "Insufficient credits"}}, 200),
    ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, 200),
]


@pytest.mark.parametrize(("body", "code"), NO_MONEY)
def test_a_service_that_wants_money_ends_the_run_even_in_its_middle(
    body: Any, code: int, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.say(body, status=code, after=4)
    with pytest.raises(ServiceError, match="account") as caught:
        run(OPENAI, stub, data, tmp_path, concurrency="1")
    assert caught.value.exit_code == api.ExitCode.INCOMPLETE
    assert len(stub.requests) == 5


def test_a_host_that_is_not_there_ends_the_run_at_once(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(ServiceError, match="no answer: ConnectError"):
        run(VLLM, stub, data, tmp_path, base_url="http://127.0.0.1:9/v1")


def test_a_run_with_a_key_that_is_withdrawn_ends(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.play(*[Behaviour.OK] * 2, *[Behaviour.UNAUTHORIZED] * 100)
    with pytest.raises(UsageError, match="Check the key"):
        run(VLLM, stub, data, tmp_path, concurrency="1")
    assert len(stub.requests) == 2 + 10


def test_a_long_wait_ends_the_run_with_the_time_to_come_back_and_the_next_one_goes_on(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.play(*[Behaviour.OK] * 4, Behaviour.RATE_LIMITED)
    policy = api.RunPolicy(backoff_seconds=0.0, decode_workers=1, max_wait=5.0)
    with pytest.raises(ServiceError, match=r"wait 7 s, until 20.*--max-wait \(5 s\).*too many"):
        run(VLLM, stub, data, tmp_path, policy=policy, concurrency="1")
    assert len(stub.requests) == 5
    assert run(VLLM, stub, data, tmp_path).is_complete
    assert len(stub.requests) == 5 + ITEMS - 4


def test_a_wait_of_a_day_stops_all_requests_under_way_at_once(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.say({"error": {"message": "daily limit"}}, status=429, retry_after="86400")
    with pytest.raises(ServiceError, match=r"24 h, until 20.*daily limit") as caught:
        run(VLLM, stub, data, tmp_path)
    assert caught.value.exit_code == api.ExitCode.INCOMPLETE
    assert len(stub.requests) <= ITEMS


def run(
    service: Service,
    stub: StubServer,
    data: Path,
    folder: Path,
    *,
    policy: api.RunPolicy | None = None,
    **arguments: str,
) -> Any:
    address = {"base_url": stub.address + service.path}
    options = api.RunOptions(
        model_arguments={**address, **service.arguments, **arguments},
        policy=policy or api.RunPolicy(backoff_seconds=0.0, decode_workers=1),
        out=folder / "run",
    )
    return api.evaluate(service.model, "emorealm", data, options)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the answer is empty"),
        (b"  \n", "the answer is empty"),
        (b'data: {"choices": []}\n\ndata: [DONE]\n', "the answer is a stream of events"),
        (b": keep-alive\n\nevent: x\n", "the answer is a stream of events"),
        (b"<!DOCTYPE html><title>Sign in</title>", "the answer is a web page"),
        (b"\n <HTML>", "the answer is a web page"),
        ('{"choices": "\u00e9"}'.encode("latin-1"), "its bytes are not UTF-8"),
        (b"null", "the answer is null"),
        (b'{"choices": [', "the answer is no JSON"),
    ],
)
@BOTH
def test_what_comes_in_the_place_of_json_is_named(
    service: Service, body: bytes, words: str, stub: StubServer
) -> None:
    stub.say(body)
    (result,) = service.ask(stub, [make_request("1", make_clip())])
    assert result.status is FAILED
    assert words in str(result.detail)


@BOTH
def test_a_connection_that_is_reset_is_called_so(service: Service, stub: StubServer) -> None:
    with resetting_server() as address:
        (result,) = service.ask(stub, [make_request("1")], base_url=address + service.path)
    assert result.status is FAILED
    assert "no answer: the connection was reset" in str(result.detail)


@contextlib.contextmanager
def resetting_server() -> Iterator[str]:
    """Take a request and break the connection off without a farewell."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.recv(1_000)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_an_error_of_google_in_a_200_is_named_by_its_code_and_message(
    stub: StubServer, is_wrapped: bool
) -> None:
    error = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "The model is overloaded."}}
    stub.say([error] if is_wrapped else error)
    (result,) = GOOGLE.ask(stub, [make_request("1")])
    assert result.status is FAILED
    assert result.detail == "HTTP 503 UNAVAILABLE: The model is overloaded."
    assert result.retry_after == 0.0


def test_an_account_that_google_names_in_a_200_ends_the_run(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    details = [{"reason": "BILLING_DISABLED"}]
    stub.say({"error": {"code": 403, "message": "This needs billing.", "details": details}})
    with pytest.raises(ServiceError, match="BILLING_DISABLED: This needs billing"):
        run(GOOGLE, stub, data, tmp_path, concurrency="1")


def waits(body: Any, headers: dict[str, str] | None = None) -> float | None:
    return read_problem(429, body, headers or {}, Delivery()).retry_after


def quota(*ids: str, delay: str = "37s") -> Any:
    violations = [{"quotaId": quota_id, "quotaValue": "20"} for quota_id in ids]
    details = [{"@type": "QuotaFailure", "violations": violations}, {"retryDelay": delay}]
    return {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details}}


def test_a_daily_quota_of_google_is_over_at_midnight_there() -> None:
    assert waits(quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")) == 37.0
    daily = waits(quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"))
    assert daily is not None
    assert 37.0 < daily <= 90_000
    end = datetime.now(UTC) + timedelta(seconds=daily)
    assert (end + timedelta(seconds=30)).hour in (7, 8)


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        (quota(delay="36965.5s"), {}, 36_965.5),
        ({"error": {"message": "Please try again in 7m12s."}}, {}, 432.0),
        ({"error": {"message": "Please retry in 10h17m5.7s."}}, {}, 37_025.7),
        ({"error": {"message": "Please try again in 20ms."}}, {}, 0.02),
        ({"error": {"message": "slow down"}}, {"retry-after": "1e30"}, 1e30),
        ({"error": {"message": "slow down"}}, {"retry-after": "Fri, 99 Foo 2026"}, 0.0),
        ({"error": {"message": "slow down"}}, {}, 0.0),
        (None, {}, 0.0),
    ],
)
def test_a_wait_is_read_wherever_it_is_said(
    body: Any, headers: dict[str, str], seconds: float
) -> None:
    assert waits(body, headers) == pytest.approx(seconds)


def test_openrouter_says_when_its_quota_begins_anew() -> None:
    at = datetime.now(UTC) + timedelta(hours=5)
    headers = {"X-RateLimit-Reset": str(round(at.timestamp() * 1_000))}
    body = {"error": {"message": "free-models-per-day", "metadata": {"headers": headers}}}
    assert waits(body) == pytest.approx(18_000, abs=60)


def test_a_quota_of_zero_is_not_waited_for() -> None:
    body = {"error": {"message": "Quota exceeded for metric: requests, limit: 0, model: x"}}
    reply = read_problem(429, body, {"retry-after": "40"}, Delivery())
    assert (reply.reach, reply.retry_after) == (Reach.ACCOUNT, None)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, {"code": "content_filter", "message": "m", "innererror": {"code": "Responsible"}}),
        (400, {"message": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}),
        (400, {"type": "content_filter", "message": "considered high risk"}),
        (400, {"code": "DataInspectionFailed", "message": "Input data"}),
        (403, {"message": "requires moderation", "metadata": {"reasons": ["violence"]}}),
        (403, {"message": "Your input was flagged"}),
        (421, {"message": "Moderation Block"}),
        (400, {"message": "The prompt violates our usage policies."}),
        (403, "Content violates usage guidelines."),
    ],
)
def test_what_a_filter_says_is_blocked(code: int, error: Any) -> None:
    reply = read_problem(code, {"error": error}, {}, Delivery())
    assert (reply.status, reply.reach) == (DeliveryStatus.BLOCKED, Reach.REQUEST)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (400, "At most 1 image(s) may be provided in one prompt."),
        (404, "No endpoints found that support image input"),
        (500, "image input is not supported - hint: you may need to provide the mmproj"),
        (422, "audio input is not supported"),
        (400, "Invalid value: 'input_audio'. Supported values are: 'text','image_url'."),
        (400, "Invalid value: 'image_url'. Supported values are: 'text' and 'input_audio'."),
        (400, "Invalid content type. image_url is only supported by certain models."),
        (400, "This model does not support image_url content."),
        (400, "Content blocks are expected to be either text or image_url type"),
        (400, "messages[1]: unknown variant `image_url`, expected `text` at line 1 column 9"),
        (400, "Unknown part type: input_audio"),  # vLLM
        (400, "Qwen2.5-7B is not a multimodal model"),  # vLLM
        (400, "At most 0 audio(s) may be provided in one prompt."),  # vLLM
        (422, "Input tag 'input_audio' does not match any of the expected tags: 'text'"),
        (422, "[{'loc': ['content'], 'msg': \"Input should be 'text'\", 'input': 'image_url'}]"),
        (404, "No endpoints found that support input audio"),
        (500, "this model is missing data required for image input"),  # Ollama
        (400, "Model does not support images. Please use a model that does."),  # LM Studio
        (400, "Audio input modality is not enabled for models/gemini-x"),
        (400, "The model is not a VLM. Please use text-only prompts."),
        (200, "image input is not supported by this model"),
    ],
)
def test_media_that_are_declined_are_unsupported(code: int, message: str) -> None:
    reply = read_problem(code, {"error": {"message": message}}, {}, Delivery(frames=8))
    assert reply.status is UNSUPPORTED
    assert read_problem(code, {"error": {"message": message}}, {}, Delivery()).status is FAILED


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (400, "Unsupported parameter: 'logprobs' is not supported with gpt-4o-audio-preview."),
        (400, "Invalid value: 'fast'. Supported values are: 'low', 'high'."),
        (500, "out of memory while the image was encoded"),
        (429, "audio tokens per minute: the limit is not enabled for your tier "),
    ],
)
def test_other_errors_that_speak_of_media_are_failures(code: int, message: str) -> None:
    reply = read_problem(code, {"error": {"message": message}}, {}, Delivery(frames=8))
    assert reply.status is FAILED


@pytest.mark.parametrize("code", [400, 405, 406, 422, 431, 501, 505])
def test_what_would_be_told_again_is_not_asked_again(
    code: int, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.say({"error": {"message": "no"}}, status=code, after=1)
    policy = api.RunPolicy(backoff_seconds=0.0, decode_workers=1)
    report = run(VLLM, stub, data, tmp_path, policy=policy, concurrency="1")
    assert report.results.coverage.statuses["failed"] == ITEMS - 1
    assert len(stub.requests) == ITEMS


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, {"code": "context_length_exceeded", "message": "too long"}),
        (500, {"message": "input length exceeds the context length"}),  # Ollama
        (200, {"type": "exceed_context_size_error", "message": "the request exceeds it"}),
        (400, {"message": "The input token count (9000) exceeds the maximum number of tokens"}),
    ],
)
def test_a_prompt_that_is_too_long_is_not_asked_again(code: int, error: Any) -> None:
    assert read_problem(code, {"error": error}, {}, Delivery()).is_settled


@pytest.mark.parametrize("code", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_asked_again(code: int) -> None:
    body = {"error": {"message": "too many tokens per minute"}}
    reply = read_problem(code, body, {}, Delivery())
    assert (reply.status, reply.is_settled) == (FAILED, False)


@pytest.mark.parametrize("code", [410, 451])
def test_a_model_that_is_gone_for_all_ends_the_run(
    code: int, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.say({"error": {"message": "the model was retired"}}, status=code)
    with pytest.raises(UsageError, match=f"HTTP {code}: the model was retired"):
        run(VLLM, stub, data, tmp_path, concurrency="1")
    assert len(stub.requests) == 1
    assert read_problem(code, {}, {}, Delivery()).is_settled


class _Endless(BaseHTTPRequestHandler):
    """Sends up to 200 MB of an answer that never says how long it is."""

    sent = 0

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(200):
                self.wfile.write(b" " * 1_000_000)
                type(self).sent += 1_000_000

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def endless_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Endless.sent = 0
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@BOTH
def test_an_answer_without_an_end_is_refused_while_it_is_read(
    service: Service, stub: StubServer
) -> None:
    with endless_server() as address:
        (result,) = service.ask(stub, [make_request("1")], base_url=address + service.path)
        assert _Endless.sent < 100_000_000
    assert result.status is FAILED
    assert "more than 16,000,000 bytes" in str(result.detail)


@BOTH
def test_an_answer_that_says_it_is_too_large_is_not_read(
    service: Service, stub: StubServer
) -> None:
    stub.say(b" " * 16_000_001)
    (result,) = service.ask(stub, [make_request("1")])
    assert result.status is FAILED
    assert "16,000,001 bytes" in str(result.detail)


def test_a_server_that_answers_nothing_ends_the_run_early_and_the_reasons_are_counted(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.say({"error": {"message": "CUDA out of memory, request 1234abcd"}}, status=500)
    policy = api.RunPolicy(backoff_seconds=0.0, decode_workers=1, give_up_after=5)
    with pytest.raises(NothingAnsweredError, match="failed 5: HTTP 500: CUDA") as caught:
        run(VLLM, stub, data, tmp_path, policy=policy, concurrency="1")
    assert caught.value.exit_code == api.ExitCode.INCOMPLETE
    assert len(stub.requests) == 5 * policy.attempts
    with_all = api.RunPolicy(backoff_seconds=0.0, decode_workers=1, give_up_after=0)
    report = run(VLLM, stub, data, tmp_path, policy=with_all)
    assert report.results.delivery.reasons["failed"] == {
        "HTTP 500: CUDA out of memory, request 1234abcd": ITEMS
    }


def test_a_batch_reads_its_answers_by_the_same_table(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    odd = {"choices": [{"message": {"content": ""}, "finish_reason": "error"}]}
    stub.say(odd)
    policy = api.RunPolicy(
        backoff_seconds=0.0, decode_workers=1, deferred=True, attempts=1, give_up_after=0
    )
    report = run(OPENAI, stub, data, tmp_path, policy=policy)
    assert report.results.coverage.statuses["failed"] == ITEMS
    assert "the service broke the reply off (error)" in str(report.results.delivery.reasons)

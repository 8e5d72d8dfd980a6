"""Whatever is sent, a server answers with a status and a reason, and goes on answering."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

from emoreal_bench import api
from emoreal_bench.contracts.adapter import Capabilities, ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import AudioPart, Request, TextPart, VideoPart
from emoreal_bench.contracts.result import Delivery, Result
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus, Modality
from emoreal_bench.model_adapters.remote.encoding import encode_jpeg, encode_png, encode_wav
from emoreal_bench.serving.application import ServiceLimits
from emoreal_bench.serving.body import ChatMessage
from emoreal_bench.serving.clips import put_together
from emoreal_bench.serving.problems import RequestError
from emoreal_bench.serving.server import ModelServer
from tests.fuzz.mutation import FORMS, break_file
from tests.integration.serving.conftest import QUESTION, Answer, answering, complete, request

pytest.importorskip("uvicorn")


class Watcher(ModelAdapter):
    """Says what it was given; breaks, hangs or declines where its words ask for that."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.go_on = threading.Event()

    def describe(self) -> ModelDescription:
        return ModelDescription(
            name="watcher/1",
            capabilities=Capabilities(
                modalities=(Modality.VIDEO, Modality.AUDIO, Modality.TEXT),
                choice_score_kind=ChoiceScoreKind.LETTER_LOGIT,
            ),
        )

    def render(self, request: Request) -> str:
        return repr(request.messages)

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        for asked in requests:
            self.seen.append(asked)
            words = self.render(asked)
            if "BREAK" in words:
                raise KeyError("the model broke")
            if "FAIL" in words:
                yield Result(asked.id, DeliveryStatus.FAILED, detail="no memory")
                continue
            if "DECLINE" in words:
                yield Result(asked.id, DeliveryStatus.UNSUPPORTED, detail="it is too long")
                continue
            while "HANG" in words and not self.go_on.is_set():
                await asyncio.sleep(0.01)
            yield Result(asked.id, DeliveryStatus.OK, "(A)", delivery=Delivery())


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def server(watcher: Watcher) -> Iterator[ModelServer]:
    limits = ServiceLimits(body_bytes=200_000, body_seconds=2.0, waiting=2, seconds=20.0)
    with answering(ModelServer(watcher, limits=limits)) as server:
        yield server
        assert complete(server)[0] == 200, "it no longer answers"


def say(content: Any, **body: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **body}


def data_url(content: bytes, kind: str = "image/jpeg") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def image(content: bytes) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data_url(content)}}


def frame(shade: int, size: tuple[int, int] = (32, 48)) -> bytes:
    return encode_png(np.full((*size, 3), shade, np.uint8))


WAV = encode_wav(np.zeros(1600, np.float32), 16_000)
SOUND = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}

BAD: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages"),
    ({"messages": "hi"}, "messages"),
    (say(7), "messages.0.content"),
    (say([]), "messages.0.content"),
    (say([]) | {"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
    (say([{"type": "file", "file": {}}]), "messages.0.content"),
    (say([{"type": "text"}]), "messages.0.content"),
    (say("\ud800"), "messages.0.content"),
    (say("x", temperature="0"), "temperature"),
    (say("x", temperature=-1), "temperature"),
    (say("x", temperature=True), "temperature"),
    (say("x", max_tokens=0), "max_tokens"),
    (say("x", max_tokens=10**9), "max_tokens"),
    (say("x", n=2), "n"),
    (say("x", top_logprobs=3), "top_logprobs"),
    (say("x", logprobs=True), "logprobs"),
    (say("no options", logprobs=True, max_tokens=1), "logprobs"),
    (say("x", seed=10**30), "seed"),
    (say("x", stop=["a"] * 5), "stop"),
    (say("x", response_format={"type": "json_object"}), "response_format.type"),
    (say("x", tools=[{}]), "tools"),
    (say("x", logit_bias={"1": 2}), "logit_bias"),
    (say([{"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.jpg"}}]), "messages.0"),
    (say([{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]), "messages.0"),
    (say([{"type": "image_url", "image_url": {"url": "data:image/png;base64,####"}}]), "messages"),
    (say([image(b"no picture at all")]), "messages"),
    (say([image(WAV)]), "messages"),
    (say([image(frame(1)), image(frame(2, (64, 64)))]), "messages"),
    (say([SOUND]), "messages.0"),
    (say([{**SOUND, "input_audio": {"data": "AAAA", "format": "wav"}}]), "messages"),
    (say([image(frame(1))] * 300), "messages"),
]


def check_refusal(answer: Answer, status: int = 400) -> dict[str, Any]:
    found, _, said = answer
    assert found == status, said
    error: dict[str, Any] = said["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert error["type"] == ("server_error" if status >= 500 else "invalid_request_error")
    return error


def test_a_body_that_cannot_be_answered_is_refused_with_the_reason(server: ModelServer) -> None:
    for body, param in BAD:
        error = check_refusal(complete(server, **body))
        assert str(error["param"]).startswith(param), (body, error)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'"x"'])
def test_what_is_no_object_is_refused(server: ModelServer, body: bytes) -> None:
    check_refusal(request(server, "/v1/chat/completions", body))


def test_broken_bodies_never_break_the_server(server: ModelServer) -> None:
    whole = {
        "model": server.model,
        **say([image(frame(9)), {"type": "text", "text": QUESTION}], stop=["x"], seed=1, top_p=0.5),
    }
    content, chooser, statuses = json.dumps(whole).encode(), Random(7), set()
    for _ in range(150):
        broken = break_file(content, FORMS["json"], chooser)
        status, _, said = request(server, "/v1/chat/completions", broken)
        statuses.add(status)
        assert status in (200, 400, 404, 413), said
        assert ("error" in said) is (status != 200)
    assert 400 in statuses


def test_what_is_too_large_is_refused(server: ModelServer) -> None:
    error = check_refusal(complete(server, **say("x" * 300_000)), 413)
    assert "200,000 bytes" in error["message"]


def test_more_words_than_any_model_takes_are_refused() -> None:
    with pytest.raises(RequestError, match="1,000,001 characters"):
        put_together([ChatMessage(role="user", content="x" * 1_000_001)])


def test_other_places_and_methods_are_named(server: ModelServer) -> None:
    check_refusal(request(server, "/v1/embeddings", b"{}"), 404)
    check_refusal(request(server, "/v1/chat/completions"), 405)
    check_refusal(request(server, "/v1/models/gpt-4o"), 404)
    check_refusal(complete(server, model="gpt-4o"), 404)
    plain = {"content-type": "text/plain"}
    check_refusal(request(server, "/v1/chat/completions", b"{}", headers=plain), 415)


def test_a_page_of_another_site_cannot_ask(server: ModelServer) -> None:
    headers = {"host": "evil.example"}
    assert request(server, "/v1/models", headers=headers)[0] == 400
    status, answered, _ = request(server, "/v1/chat/completions", method="OPTIONS")
    assert status == 405
    assert "access-control-allow-origin" not in {name.lower() for name in answered}


def test_a_body_that_does_not_come_is_given_up(server: ModelServer) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as client:
        client.sendall(head + b"Content-Type: application/json\r\n\r\n{")
        assert client.recv(100).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_goes_away_costs_nobody_else_anything(server: ModelServer) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as client:
            client.sendall(head + b"Content-Type: application/json\r\n\r\n{")


def test_the_model_s_own_failures_are_told(server: ModelServer) -> None:
    assert check_refusal(complete(server, **say("DECLINE")))["code"] == "unsupported"
    assert "no memory" in check_refusal(complete(server, **say("FAIL")), 500)["message"]
    assert "KeyError" in check_refusal(complete(server, **say("BREAK")), 500)["message"]


def test_more_than_may_wait_are_told_to_come_back(server: ModelServer, watcher: Watcher) -> None:
    threads = [threading.Thread(target=complete, args=(server,), kwargs=say("HANG")) for _ in "ab"]
    for thread in threads:
        thread.start()
    while request(server, "/health")[2]["waiting"] < 2:
        time.sleep(0.01)
    status, headers, said = complete(server)
    assert (status, said["error"]["code"]) == (503, "overloaded")
    assert headers["retry-after"] == "1"
    watcher.go_on.set()
    for thread in threads:
        thread.join()


def test_an_answer_that_does_not_come_is_given_up(watcher: Watcher) -> None:
    limits = ServiceLimits(seconds=0.3)
    with answering(ModelServer(watcher, limits=limits)) as server:
        assert check_refusal(complete(server, **say("HANG")), 504)["code"] == "timeout"
        assert request(server, "/health")[2]["waiting"] == 0


def test_frames_and_the_sound_after_them_are_one_clip(
    server: ModelServer, watcher: Watcher
) -> None:
    parts = []
    for number in range(3):
        words = {"type": "text", "text": f"Frame at {number / 2:.2f} s:"}
        parts += [words, image(frame(40 * number))]
    sent = {"data": base64.b64encode(WAV).decode(), "format": "wav"}
    sound = {"type": "input_audio", "input_audio": sent}
    status, _, said = complete(server, **say([*parts, sound, {"type": "text", "text": QUESTION}]))
    assert status == 200, said
    asked = watcher.seen[-1]
    (name,) = asked.clips
    assert asked.messages[0].parts == (VideoPart(name), AudioPart(name), TextPart(QUESTION))
    assert asked.letters == ("A", "B")
    clip = asked.clips[name]
    assert clip.timestamps == (0.0, 0.5, 1.0)
    assert clip.frames is not None
    assert clip.waveform is not None
    assert [int(one.mean()) for one in clip.frames] == [0, 40, 80]
    assert len(clip.waveform) == 1600


def test_words_between_images_make_them_clips_of_their_own(
    server: ModelServer, watcher: Watcher
) -> None:
    jpeg = encode_jpeg(np.full((32, 48, 3), 9, np.uint8))
    words = [{"type": "text", "text": text} for text in ("First:", "Second:")]
    content = [words[0], image(jpeg), words[1], image(frame(7, (64, 64)))]
    assert complete(server, **say(content))[0] == 200
    asked = watcher.seen[-1]
    assert len(asked.clips) == 2
    assert [type(part) for part in asked.messages[0].parts] == [TextPart, VideoPart] * 2


def test_times_that_go_back_are_refused(server: ModelServer) -> None:
    times = [{"type": "text", "text": f"Frame at {time} s:"} for time in ("1.00", "0.50")]
    content = [times[0], image(frame(1)), times[1], image(frame(2))]
    assert "ascend" in check_refusal(complete(server, **say(content)))["message"]


def test_a_model_behind_a_service_is_not_served_again() -> None:
    arguments = {"base_url": "http://127.0.0.1:1/v1"}
    with pytest.raises(UsageError, match="behind a service already"):
        api.make_model_server("http/x", model_arguments=arguments)


def test_a_port_in_use_is_named(server: ModelServer) -> None:
    with pytest.raises(UsageError, match=str(server.server_port)):
        api.make_model_server("baseline/random", server.server_port)

"""A service on the loopback interface that speaks OpenAI's and Google's protocols.

It answers as it is told to, badly if need be, and keeps what it was asked::

    with StubServer() as stub:
        stub.play(Behaviour.RATE_LIMITED, Behaviour.OK)
        ...
        assert stub.requests[0].body["model"] == "gpt-4o"
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from emoreal_bench.model_adapters.conformance.stub_batches import StubBatches

RETRY_AFTER = 7.0
"""Seconds that a rate-limited answer asks to wait."""


_REPLY_PATHS = ("/chat/completions", ":generateContent")


class Behaviour(StrEnum):
    """How one request is answered."""

    OK = "ok"
    LENGTH = "length"
    """A reply that the limit on new tokens stopped."""
    REFUSED = "refused"
    BLOCKED = "blocked"
    """The filter stopped the reply."""
    PROMPT_BLOCKED = "prompt_blocked"
    """The filter stopped the request."""
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNAUTHORIZED = "unauthorized"
    """The error repeats the key."""
    UNKNOWN_MODEL = "unknown_model"
    MEDIA_REFUSED = "media_refused"
    PARAMETER_REFUSED = "parameter_refused"
    SLOW = "slow"
    """No answer while the server runs."""
    CUT_OFF = "cut_off"
    """The connection breaks in the middle of the answer."""
    HANG_UP = "hang_up"
    """The connection breaks before the answer."""
    TOO_LONG = "too_long"
    """More bytes than the header says."""
    MALFORMED = "malformed"
    """No JSON."""
    WRONG_SHAPE = "wrong_shape"
    """JSON, but something else."""


@dataclass(frozen=True)
class RecordedRequest:
    """What the server was asked."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """What is asked, as JSON."""
        return json.loads(self.content)


@dataclass(frozen=True)
class StubAnswer:
    """What the server answers.

    Attributes:
        status: Of HTTP.
        body: JSON, or bytes as they are.
        headers: Further headers.
    """

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()


_ERRORS = {
    Behaviour.RATE_LIMITED: (429, "RESOURCE_EXHAUSTED", "too many requests", "rate_limit"),
    Behaviour.SERVER_ERROR: (500, "INTERNAL", "something broke", "server_error"),
    Behaviour.UNAUTHORIZED: (401, "UNAUTHENTICATED", "wrong key: {key}", "invalid_api_key"),
    Behaviour.UNKNOWN_MODEL: (404, "NOT_FOUND", "there is no such model", "model_not_found"),
    Behaviour.MEDIA_REFUSED: (
        400,
        "INVALID_ARGUMENT",
        "this model does not support audio or image input",
        "invalid_value",
    ),
    Behaviour.PARAMETER_REFUSED: (
        400,
        "INVALID_ARGUMENT",
        "Unsupported value: 'temperature' does not support 0 with this model",
        "unsupported_value",
    ),
}


class StubServer:
    """The server, in a thread of its own; a context manager.

    Attributes:
        requests: What it was asked, in order.
        text: What it replies.
        top_tokens: First tokens and their log-probabilities, where asked for.
        latency: Seconds before each answer.
        counts_audio: Whether it counts tokens of the sound that it is sent.
        model: The model that it says it is; the one asked for if None.
        keeps_requests: Whether ``requests`` is filled.
        in_flight_peak: Most requests that were under way at once.
        batches: Takes whole files of requests.
    """

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []
        self.text = "(A)"
        self.top_tokens = [("A", -0.1), (" A", -4.0), ("B", -3.0), ("The", -5.0)]
        self.latency = 0.0
        self.counts_audio = True
        self.model: str | None = None
        self.keeps_requests = True
        self.in_flight_peak = 0
        self.batches = StubBatches()
        self._in_flight = 0
        self._queue: deque[Behaviour] = deque()
        self._choose: Callable[[RecordedRequest], Behaviour] | None = None
        self._fixed: Callable[[RecordedRequest], StubAnswer] | None = None
        self._before_fixed = 0
        self._files: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None

    def play(self, *behaviours: Behaviour) -> None:
        """Answer the next requests for a reply like this, and then well again."""
        self._queue.extend(behaviours)

    def choose(self, behaviour: Callable[[RecordedRequest], Behaviour]) -> None:
        """Answer each request as its content says."""
        self._choose = behaviour

    def say(self, body: Any, status: int = 200, after: int = 0, **headers: str) -> None:
        """Answer every request for a reply with this from now on.

        Args:
            body: JSON, or bytes as they are.
            status: Of HTTP.
            after: So many requests are answered as before first.
            headers: With ``_`` in the place of ``-``.
        """
        named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        self._fixed = lambda _: StubAnswer(status, body, named)
        self._before_fixed = after

    def answer_with(self, make_answer: Callable[[RecordedRequest], Any]) -> None:
        """Answer every request for a reply with a body, or a whole answer, of its own."""

        def answer(request: RecordedRequest) -> StubAnswer:
            made = make_answer(request)
            return made if isinstance(made, StubAnswer) else StubAnswer(200, made)

        self._fixed = answer

    @property
    def address(self) -> str:
        """``http://127.0.0.1:PORT``."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512), self._loop
        ).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read_request(reader)) is not None:
                if self.keeps_requests:
                    self.requests.append(request)
                if not await self._respond(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Either end may hang up at any time; cancelled is what stopping does.
            pass
        finally:
            writer.close()

    async def _respond(self, request: RecordedRequest, writer: asyncio.StreamWriter) -> bool:
        """Answer; say whether the connection stays open."""
        behaviour = self._next_behaviour(request)
        self._in_flight += 1
        self.in_flight_peak = max(self.in_flight_peak, self._in_flight)
        try:
            await asyncio.sleep(3_600 if behaviour is Behaviour.SLOW else self.latency)
        finally:
            self._in_flight -= 1
        if behaviour is Behaviour.HANG_UP:
            return False
        answer = self._answer(request, behaviour)
        if not answer.status:
            await asyncio.sleep(3_600)
        is_file = isinstance(answer.body, bytes)
        content = answer.body if is_file else json.dumps(answer.body).encode()
        if behaviour is Behaviour.MALFORMED:
            content = b'{"choices": [oops'
        length = len(content) + (100 if behaviour is Behaviour.CUT_OFF else 0)
        if behaviour is Behaviour.TOO_LONG:
            content += b"\r\nand more"
        lines = [
            f"HTTP/1.1 {answer.status} Status",
            "content-type: application/json",
            f"content-length: {length}",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        await writer.drain()
        return behaviour not in (Behaviour.CUT_OFF, Behaviour.TOO_LONG)

    def _next_behaviour(self, request: RecordedRequest) -> Behaviour:
        if not request.path.endswith(_REPLY_PATHS):
            return Behaviour.OK
        if self._choose is not None:
            return self._choose(request)
        return self._queue.popleft() if self._queue else Behaviour.OK

    def _answer(self, request: RecordedRequest, behaviour: Behaviour) -> StubAnswer:
        if self._fixed is not None and request.path.endswith(_REPLY_PATHS):
            if not self._before_fixed:
                return self._fixed(request)
            self._before_fixed -= 1
        if behaviour is Behaviour.WRONG_SHAPE:
            return StubAnswer(200, {"choices": "none", "candidates": 3})
        if request.path.endswith("/chat/completions"):
            return self._chat_answer(request, behaviour)
        if request.path.endswith(":generateContent"):
            return self._google_answer(request, behaviour)
        if self.batches.is_meant(request.method, request.path):
            return StubAnswer(
                *self.batches.answer(
                    request.method, request.path, request.content, self._answer_line
                )
            )
        return self._file_answer(request)

    def _answer_line(self, path: str, content: bytes) -> tuple[int, Any]:
        """Answer a line of a job as if it were a request of its own."""
        line = RecordedRequest("POST", path, {}, content)
        answer = self._answer(line, self._next_behaviour(line))
        return answer.status, answer.body

    def _chat_answer(self, request: RecordedRequest, behaviour: Behaviour) -> StubAnswer:
        if behaviour is Behaviour.PROMPT_BLOCKED:
            error = {"message": "the prompt was filtered", "code": "content_filter"}
            return StubAnswer(400, {"error": error})
        if behaviour in _ERRORS:
            status, _, problem, code = _ERRORS[behaviour]
            problem = problem.format(key=request.headers.get("authorization", ""))
            headers = (("retry-after", f"{RETRY_AFTER:g}"),) if status == 429 else ()
            return StubAnswer(status, {"error": {"message": problem, "code": code}}, headers)
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if behaviour is Behaviour.REFUSED:
            message = {"role": "assistant", "content": None, "refusal": "I would rather not."}
        reasons = {Behaviour.LENGTH: "length", Behaviour.BLOCKED: "content_filter"}
        choice: dict[str, Any] = {
            "index": 0,
            "message": message,
            "finish_reason": reasons.get(behaviour, "stop"),
        }
        if request.body.get("logprobs"):
            top = [{"token": token, "logprob": score} for token, score in self.top_tokens]
            choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
        sound = self.counts_audio and b"_audio" in request.content
        usage = {
            "prompt_tokens": 100,
            "completion_tokens": 3,
            "total_tokens": 103,
            "prompt_tokens_details": {"audio_tokens": 40 if sound else 0, "text_tokens": 60},
        }
        model = self.model or request.body["model"]
        return StubAnswer(200, {"id": "1", "model": model, "choices": [choice], "usage": usage})

    def _google_answer(self, request: RecordedRequest, behaviour: Behaviour) -> StubAnswer:
        model = request.path.rpartition("/")[2].partition(":")[0]
        if behaviour in _ERRORS:
            code, status, message, _ = _ERRORS[behaviour]
            message = message.format(key=request.headers.get("x-goog-api-key", ""))
            error: dict[str, Any] = {"code": code, "status": status, "message": message}
            if code == 429:
                error["details"] = [{"@type": "RetryInfo", "retryDelay": f"{RETRY_AFTER:g}s"}]
            return StubAnswer(code, {"error": error})
        details = [{"modality": "TEXT", "tokenCount": 60}]
        if self.counts_audio and (b"audio/" in request.content or b"video/" in request.content):
            details.append({"modality": "AUDIO", "tokenCount": 40})
        body: dict[str, Any] = {
            "modelVersion": self.model or model,
            "usageMetadata": {
                "promptTokenCount": 100,
                "candidatesTokenCount": 3,
                "promptTokensDetails": details,
            },
        }
        if behaviour is Behaviour.PROMPT_BLOCKED:
            return StubAnswer(200, body | {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})
        reasons = {
            Behaviour.LENGTH: "MAX_TOKENS",
            Behaviour.BLOCKED: "SAFETY",
            Behaviour.REFUSED: "OTHER",
        }
        candidate: dict[str, Any] = {"index": 0, "finishReason": reasons.get(behaviour, "STOP")}
        if behaviour not in (Behaviour.BLOCKED, Behaviour.REFUSED):
            candidate["content"] = {"role": "model", "parts": [{"text": self.text}]}
        if request.body.get("generationConfig", {}).get("responseLogprobs"):
            top = [{"token": token, "logProbability": score} for token, score in self.top_tokens]
            candidate["logprobsResult"] = {"topCandidates": [{"candidates": top}]}
        return StubAnswer(200, body | {"candidates": [candidate]})

    def _file_answer(self, request: RecordedRequest) -> StubAnswer:
        """Take a file in two steps, prepare it until it has been looked at, delete it."""
        if request.path.startswith("/upload/") and "x-goog-upload-protocol" in request.headers:
            name = f"file-{len(self._files)}"
            self._files[name] = 0
            url = f"{self.address}/upload-bytes/{name}"
            return StubAnswer(200, {}, (("x-goog-upload-url", url),))
        name = request.path.rpartition("/")[2]
        if request.method == "DELETE":
            del self._files[name]
            return StubAnswer(200, {})
        looks = self._files[name]
        self._files[name] += 1
        file = {
            "name": f"files/{name}",
            "uri": f"https://files.example/{name}",
            "state": "ACTIVE" if looks else "PROCESSING",
        }
        if request.method == "GET":
            return StubAnswer(200, file)
        return StubAnswer(200, {"file": file}, (("x-goog-upload-status", "final"),))

    @property
    def files_kept(self) -> int:
        """How many uploaded files have not been deleted."""
        return len(self._files)


async def _read_request(reader: asyncio.StreamReader) -> RecordedRequest | None:
    """Read one request; None at the end of the connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    content = await reader.readexactly(int(headers.get("content-length", 0)))
    return RecordedRequest(method, target.partition("?")[0], headers, content)

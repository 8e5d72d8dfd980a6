"""The endpoint: routes, limits, and one model that answers one request at a time."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind
from emoreal_bench.media.limits import MEBIBYTE, DecodeLimits
from emoreal_bench.media.pool import DecodePool
from emoreal_bench.serving.body import ChatBody, find_letters, read_body
from emoreal_bench.serving.clips import decode_clips, put_together
from emoreal_bench.serving.completion import Completion, check_result
from emoreal_bench.serving.problems import RequestError, wrong

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response
    from starlette.types import ASGIApp

_DECODERS = 2
_RETRY_SECONDS = 1
_CLIENT_GONE = 499
"""Nobody reads it; nginx counts such requests under this number."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """What requests may take.

    Attributes:
        body_bytes: Largest body.
        body_seconds: Longest time for a body to come in.
        waiting: Most requests that wait or are answered; more are told to come back.
        seconds: Longest time until an answer, the wait for others included.
    """

    body_bytes: int = 32 * MEBIBYTE
    body_seconds: float = 60.0
    waiting: int = 32
    seconds: float = 300.0


class ChatService:
    """A local model behind Chat Completions.

    Args:
        adapter: The model.
        limits: On what is asked.

    Raises:
        UsageError: If the model is a service itself.
    """

    def __init__(self, adapter: ModelAdapter, limits: ServiceLimits):
        self._adapter = adapter
        self._limits = limits
        self.description = adapter.describe()
        if self.description.capabilities.needs_network:
            raise UsageError(
                f"{self.description.name} is behind a service already.",
                remedy="Serve a model that runs on this machine, such as tiny/omni.",
            )
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._decoder: DecodePool | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Hold the model loaded."""
        limits = DecodeLimits(memory_bytes=1024 * MEBIBYTE, seconds=self._limits.body_seconds)
        async with self._adapter, DecodePool(_DECODERS, limits) as self._decoder:
            yield

    def application(self) -> ASGIApp:
        """Return what a server runs.

        Raises:
            MissingExtraError: If the server is not installed.
        """
        try:
            from starlette.applications import Starlette
            from starlette.exceptions import HTTPException
            from starlette.routing import Route
        except ImportError as error:
            raise MissingExtraError("The server of models", "serve") from error
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
                Route("/v1/models", self._list_models),
                Route("/v1/models/{name:path}", self._show_model),
                Route("/health", self._say_health),
            ],
            exception_handlers={
                RequestError: _tell_problem,
                HTTPException: _tell_status,
                Exception: _tell_defect,
            },
        )

    async def _say_health(self, _: HttpRequest) -> Response:
        return _json({"status": "ok", "model": self.description.name, "waiting": self._waiting})

    async def _list_models(self, _: HttpRequest) -> Response:
        return _json({"object": "list", "data": [self._model()]})

    async def _show_model(self, request: HttpRequest) -> Response:
        self._check_name(request.path_params["name"])
        return _json(self._model())

    def _model(self) -> dict[str, Any]:
        can = self.description.capabilities
        return {
            "id": self.description.name,
            "object": "model",
            "created": 0,
            "owned_by": "emoreal-bench",
            "modalities": [modality.value for modality in can.modalities],
        }

    def _check_name(self, name: str) -> None:
        if name != self.description.name:
            raise RequestError(
                HTTPStatus.NOT_FOUND,
                f"There is no such model here; there is '{self.description.name}'.",
                param="model",
                code="model_not_found",
            )

    async def _complete(self, request: HttpRequest) -> Response:
        from starlette.responses import Response, StreamingResponse

        body = read_body(await self._receive(request))
        self._check_name(body.model)
        if self._waiting >= self._limits.waiting:
            raise RequestError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._waiting} requests are waiting already. Ask again later.",
                code="overloaded",
                retry_after=_RETRY_SECONDS,
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.seconds):
                async with self._turn:
                    if await request.is_disconnected():
                        return Response(status_code=_CLIENT_GONE)
                    # Decoded when its turn has come: the frames of one request are in memory.
                    question = await self._make_question(body)
                    result = await self._ask(question, scores=bool(body.logprobs))
        except TimeoutError as error:
            raise RequestError(
                HTTPStatus.GATEWAY_TIMEOUT,
                f"There was no answer within {self._limits.seconds:g} s.",
                code="timeout",
            ) from error
        finally:
            self._waiting -= 1
        check_result(result)
        shown = (body.top_logprobs or 0) if body.logprobs else None
        completion = Completion(self.description.name, result, shown)
        if not body.stream:
            return _json(completion.body())
        with_usage = body.stream_options is not None and body.stream_options.include_usage
        events = completion.events(with_usage=with_usage)
        return StreamingResponse(events, media_type="text/event-stream")

    async def _receive(self, request: HttpRequest) -> bytes:
        """Take the body in; what is too much is read and thrown away, or no client hears why."""
        from starlette.requests import ClientDisconnect

        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise RequestError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "Send JSON, with the header Content-Type: application/json.",
            )
        most = self._limits.body_bytes
        received, size = bytearray(), 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > 4 * most:
                        break
                    if size <= most:
                        received += chunk
        except TimeoutError as error:
            raise RequestError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"The body did not come within {self._limits.body_seconds:g} s.",
            ) from error
        except ClientDisconnect as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, "The body ended early.") from error
        if size > most:
            raise RequestError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The body is larger than {most:,} bytes. Send fewer or smaller frames.",
                code="request_too_large",
            )
        return bytes(received)

    async def _make_question(self, body: ChatBody) -> Request:
        assert self._decoder is not None, "asked only while open"
        letters = find_letters(body.messages)
        if body.logprobs:
            self._check_scoring(letters)
        turns = put_together(body.messages)
        clips = await decode_clips(turns, body, self._decoder)
        said = repr((turns.messages, sorted((name, clip.key) for name, clip in clips.items())))
        return Request(
            # Of what is asked alone, so that the same question is answered alike.
            id=hashlib.sha256(said.encode()).hexdigest(),
            messages=turns.messages,
            settings=body.settings(),
            letters=letters,
            clips=clips,
        )

    def _check_scoring(self, letters: tuple[str, ...]) -> None:
        kind = self.description.capabilities.choice_score_kind
        if kind is not ChoiceScoreKind.LETTER_LOGIT:
            raise wrong(f"{self.description.name} gives no log-probabilities.", "logprobs")
        if not letters:
            raise wrong(
                "Only the letters of options are scored here. List two or more in the last "
                "message, one a line: (A) ..., (B) ...",
                "logprobs",
            )

    async def _ask(self, question: Request, *, scores: bool) -> Result:
        ask = self._adapter.score_choices if scores else self._adapter.generate
        async for result in ask([question]):
            return result.checked()
        raise RequestError(
            HTTPStatus.INTERNAL_SERVER_ERROR, "The model gave no answer.", code="model_failed"
        )


def _json(
    value: Any, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse(value, status, headers)


async def _tell_problem(_: HttpRequest, problem: Exception) -> Response:
    assert isinstance(problem, RequestError)
    return _json(problem.body(), problem.status, problem.headers)


async def _tell_status(_: HttpRequest, error: Exception) -> Response:
    from starlette.exceptions import HTTPException

    assert isinstance(error, HTTPException)
    problem = RequestError(HTTPStatus(error.status_code), str(error.detail))
    return _json(problem.body(), problem.status, dict(error.headers or {}))


async def _tell_defect(request: HttpRequest, error: Exception) -> Response:
    _logger.error("A request to %s was not answered.", request.url.path, exc_info=error)
    problem = RequestError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"The model raised {type(error).__name__}; the terminal of the server says more.",
        code="model_failed",
    )
    return _json(problem.body(), problem.status)

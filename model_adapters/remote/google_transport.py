"""Looks at Google's answers before the SDK does, which leaves out what it does not know."""

from __future__ import annotations

from http import HTTPStatus

import httpx2

from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters.remote.problems import (
    describe_no_json,
    find_error,
    parse_json,
    read_problem,
)
from emoreal_bench.model_adapters.remote.reply import Reply


class NoAnswerError(httpx2.TransportError):
    """An answer with status 200 holds an error, or no JSON.

    Args:
        content: Its bytes.
        error: What it says went wrong; None of what is no JSON.
    """

    def __init__(self, content: bytes, error: object | None):
        super().__init__("the answer is none")
        self._content = content
        self._error = error

    def reply(self, sent: Delivery) -> Reply:
        """Return what becomes of the request.

        Args:
            sent: What was sent: only media can be what a service cannot take.
        """
        if self._error is None:
            return Reply(DeliveryStatus.FAILED, detail=describe_no_json(self._content))
        return read_problem(HTTPStatus.OK, self._error, {}, sent)


async def check_answer(response: httpx2.Response) -> None:
    """Refuse an answer that is none; a hook of the client.

    Raises:
        NoAnswerError: If it holds an error, or no JSON.
    """
    is_single = response.request.url.path.endswith(":generateContent")
    if not is_single or response.status_code != HTTPStatus.OK:
        return
    content = await response.aread()
    body = parse_json(content)
    whole = body[0] if isinstance(body, list) and len(body) == 1 else body
    error = find_error(whole)
    if body is None or error is not None:
        raise NoAnswerError(content, error)

"""Reads what a service sends up to a bound, and tells whether it was there at all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters.remote.endings import Reach
from emoreal_bench.model_adapters.remote.reply import Reply

MOST_BYTES = 16_000_000
"""Of one answer; real ones have thousands, with the scores of many tokens a million."""

MOST_BYTES_OF_FILE = 2_000_000_000
"""Of an answer that holds the answers of a whole job."""

MOST_BYTES_PACKED = 1_000_000
"""Of a compressed answer, which none was asked for: it may grow a thousandfold."""

HEADERS = {"accept-encoding": "identity"}
"""Answers are small, and an answer that is not packed cannot grow while it is read."""

_SINGLE_ANSWERS = ("/chat/completions", ":generateContent")


class AnswerTooLargeError(httpx2.TransportError):
    """An answer has more bytes than any real one."""


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, most: int):
        self._stream = stream
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > self._most:
                raise AnswerTooLargeError(f"the answer has more than {self._most:,} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def bound_answer(response: httpx2.Response) -> None:
    """Stop reading an answer that is too large; a hook of the client.

    Raises:
        AnswerTooLargeError: Here, if the answer says so itself; else while it is read.
    """
    is_single = response.request.url.path.endswith(_SINGLE_ANSWERS)
    most = MOST_BYTES if is_single else MOST_BYTES_OF_FILE
    if response.headers.get("content-encoding", "identity") != "identity":
        most = min(most, MOST_BYTES_PACKED) if is_single else most
    length = response.headers.get("content-length", "")
    if length.isdecimal() and len(length) < 20 and int(length) > most:
        raise AnswerTooLargeError(f"the answer has {int(length):,} bytes, more than {most:,}")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _BoundedStream(response.stream, most)


def unanswered_reply(error: BaseException) -> Reply:
    """Make the reply of a request that no answer came to.

    Args:
        error: Of the connection.
    """
    unreached = (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.ProxyError,
        httpx2.UnsupportedProtocol,
    )
    said = str(error)
    return Reply(
        DeliveryStatus.FAILED,
        detail=f"no answer: {type(error).__name__}{f' ({said})' if said else ''}",
        reach=Reach.SERVICE if isinstance(error, unreached) else Reach.REQUEST,
    )

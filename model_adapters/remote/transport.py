"""Reads what a service sends up to a bound, and tells whether it was there at all."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters.remote.endings import Reach
from emoreal_bench.model_adapters.remote.reply import Reply

MOST_BYTES = 16_000_000
"""Of one answer; real ones have thousands, with the scores of many tokens a million."""

MOST_BYTES_OF_FILE = 2_000_000_000
"""Of an answer that holds the answers of a whole job."""

MOST_REDIRECTS = 3

HEADERS = {"accept-encoding": "identity"}
"""Answers are small. Some servers pack them all the same."""

_UNPACKED = ("gzip", "x-gzip", "deflate")

_SINGLE_ANSWERS = ("/chat/completions", ":generateContent")


class AnswerRefusedError(httpx2.TransportError):
    """An answer is not read: it is too large, or packed in a way that has no bound."""


class LedElsewhereError(httpx2.TransportError):
    """A service sends a request on to where the user did not want it."""


class RequestGuard:
    """Holds the requests of a client to its hosts, and the answers to a size.

    Args:
        *addresses: Where requests may go. What a service says of another place, in a redirect
            or as the address of an upload, would carry clips, questions and a key there.
    """

    def __init__(self, *addresses: str):
        self._origins = frozenset(_origin(httpx2.URL(address)) for address in addresses)
        self.hooks: dict[str, list[Any]] = {
            "request": [self._check_host],
            "response": [_check_redirect, _bound_answer],
        }
        """For the client; it calls them for each request, redirected ones as well."""

    async def _check_host(self, request: httpx2.Request) -> None:
        scheme, host, port = origin = _origin(request.url)
        # From plain to encrypted on the same host is no other place.
        plain = ("http", host, 80) if (scheme, port) == ("https", 443) else origin
        if origin not in self._origins and plain not in self._origins:
            known = " or ".join(sorted(f"{one[1]}:{one[2]}" for one in self._origins))
            raise LedElsewhereError(
                f"the service at {known} sends the request on to {scheme}://{host}:{port}; "
                "it was not followed"
            )


def _origin(url: httpx2.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


async def _check_redirect(response: httpx2.Response) -> None:
    """Refuse the redirects after which a question would be asked without its body."""
    becomes_get = response.status_code in (301, 302, 303) and response.request.method == "POST"
    if response.has_redirect_location and becomes_get:
        raise LedElsewhereError(
            f"the service sends the request on (HTTP {response.status_code}) to "
            f"{response.headers['location'][:200]}, which loses the question"
        )


class _BoundedStream(httpx2.AsyncByteStream):
    """The bytes of an answer, unpacked if it is packed, up to a bound."""

    def __init__(self, stream: httpx2.AsyncByteStream, most: int, *, packed: bool):
        self._stream = stream
        self._most = most
        # The window of gzip and of zlib, whichever the first bytes tell.
        self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32) if packed else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for chunk in self._stream:
            # One byte more than there may be shows that there are too many.
            content = self._unpack(chunk, left + 1) if self._unpacker else chunk
            left -= len(content)
            if left < 0:
                raise AnswerRefusedError(f"the answer has more than {self._most:,} bytes")
            yield content

    def _unpack(self, chunk: bytes, most: int) -> bytes:
        assert self._unpacker is not None
        try:
            return self._unpacker.decompress(chunk, most)
        except zlib.error as error:
            raise httpx2.DecodingError(f"the answer cannot be unpacked: {error}") from error

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound_answer(response: httpx2.Response) -> None:
    """Stop reading an answer that is too large.

    Raises:
        AnswerRefusedError: Here, if the answer says so itself; else while it is read.
    """
    is_single = response.request.url.path.endswith(_SINGLE_ANSWERS)
    most = MOST_BYTES if is_single else MOST_BYTES_OF_FILE
    length = response.headers.get("content-length", "")
    if length.isdecimal() and len(length) < 20 and int(length) > most:
        raise AnswerRefusedError(f"the answer has {int(length):,} bytes, more than {most:,}")
    packing = response.headers.pop("content-encoding", "identity").strip().lower()
    if packing not in ("identity", *_UNPACKED):
        raise AnswerRefusedError(f"the answer is packed as {packing[:40]}, which was not asked for")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    # Unpacked here: the client would unpack whatever comes, without a bound.
    response.stream = _BoundedStream(response.stream, most, packed=packing in _UNPACKED)


def unanswered_reply(error: BaseException) -> Reply:
    """Make the reply of a request that no answer came to.

    Args:
        error: Of the connection.
    """
    kind, said = type(error).__name__, str(error)
    if isinstance(error, httpx2.ReadError | httpx2.WriteError | httpx2.CloseError):
        kind, said = "the connection was reset", kind
    said = f"{kind}{f' ({said})' if said else ''}"
    if isinstance(error, AnswerRefusedError | LedElsewhereError):
        said = str(error)
    return Reply(
        DeliveryStatus.FAILED,
        detail=f"no answer: {said}",
        reach=_reach(error),
    )


def _reach(error: BaseException) -> Reach:
    if isinstance(error, LedElsewhereError | httpx2.TooManyRedirects):
        return Reach.ACCESS  # As wrong as the address itself.
    unreached = (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.ProxyError,
        httpx2.UnsupportedProtocol,
    )
    return Reach.SERVICE if isinstance(error, unreached) else Reach.REQUEST

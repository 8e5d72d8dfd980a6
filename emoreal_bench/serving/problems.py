"""What an endpoint says when it does not answer, in the shape that clients of OpenAI expect."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any


class RequestError(Exception):
    """A request that is not answered.

    Args:
        status: The HTTP status.
        message: What is wrong, and what to do.
        param: The part of the body that is wrong.
        code: A word for programs.
        retry_after: Seconds after which to ask again; None where that is no use.
    """

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ):
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of the answer."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}

    def body(self) -> dict[str, Any]:
        """Return the body of the answer.

        Source: https://platform.openai.com/docs/guides/error-codes.
        """
        is_ours = self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        error = {
            "message": self.message,
            "type": "server_error" if is_ours else "invalid_request_error",
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}


def wrong(message: str, param: str | None = None, code: str | None = None) -> RequestError:
    """Return the problem of a body that cannot be answered as it is."""
    return RequestError(HTTPStatus.BAD_REQUEST, message, param=param, code=code)

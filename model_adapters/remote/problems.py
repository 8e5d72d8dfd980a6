"""Reads the errors of services, whatever their shape, and how long each asks to wait.

An error may come with an HTTP status, inside an answer with status 200, inside
a choice, or in a job in the place of an answer. All of them are read here.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from http.client import responses
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters.remote.endings import Reach, find_problem
from emoreal_bench.model_adapters.remote.reply import (
    Reply,
    parse_number,
    parse_retry_after,
    wait_wanted,
)

_REACHES: Mapping[int, Reach] = {
    HTTPStatus.UNAUTHORIZED: Reach.ACCESS,
    HTTPStatus.FORBIDDEN: Reach.ACCESS,
    HTTPStatus.NOT_FOUND: Reach.ACCESS,
    HTTPStatus.GONE: Reach.ACCESS,  # a model that was retired
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: Reach.ACCESS,
    HTTPStatus.PAYMENT_REQUIRED: Reach.ACCOUNT,
}
_DECLINING = frozenset(
    {
        HTTPStatus.OK,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.MISDIRECTED_REQUEST,  # Xiaomi's filter
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
_SETTLED = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.GONE,
        HTTPStatus.LENGTH_REQUIRED,
        HTTPStatus.REQUEST_URI_TOO_LONG,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.UPGRADE_REQUIRED,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS,
        HTTPStatus.NOT_IMPLEMENTED,
        HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
    }
)
"""What the same request would be told again (RFC 9110). 409 is not among them: services send
it for a lock that another request holds, and their own clients ask again."""
_DECLINING_MEDIA = frozenset(
    {
        HTTPStatus.OK,  # an error in an answer, without a code
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,  # OpenRouter, Xiaomi
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.INTERNAL_SERVER_ERROR,  # llama.cpp
        HTTPStatus.NOT_IMPLEMENTED,
    }
)
_FILTER_WORDS = re.compile(
    r"content (management )?(policy|filter)|moderation|flagged|usage (policy|policies|guidelines)"
    r"|(inappropriate|sensitive|unsafe|harmful) content|high risk|risk control",
    re.IGNORECASE,
)
_MONEY_WORDS = re.compile(
    r"insufficient[ _](credit|balance|fund|quota)|(out of|no|add) credits|\blimit: 0\b",
    re.IGNORECASE,
)
_MEDIA_WORDS = re.compile(
    # Not within the name of a model, such as gpt-audio.
    r"(?<![-/])(image|audio|video|modalit|multi-?modal|vision\b|vlm\b|content (type|block))|mime",
    re.IGNORECASE,
)
_REFUSAL_WORDS = re.compile(
    r"not (currently )?support|unsupported|only (supported|supports?|accepts?|takes?)\b"
    r"|invalid content type|not an? (multi|vision|vlm)|at most \d|no endpoints found that support"
    # A content part is of a type that the model does not know: OpenAI, DeepSeek, and every
    # server that checks requests by pydantic (vLLM, SGLang, Mistral).
    r"|supported (values|types) are|unknown (variant|(content )?part)|input should be"
    r"|match any of the expected|are expected to be|must be an? string"
    # Ollama, llama.cpp, Google and others of a model without that sense.
    r"|missing data required for|mmproj|not (enabled|allowed|available|accepted) |text[- ]only"
    r"|(cannot|can't|can not|could not|does not|doesn't) (accept|take|process|handle|see|hear)",
    re.IGNORECASE,
)
_TOO_LONG_WORDS = re.compile(
    r"context[ _](length|size|window)|maximum (context|number of (input )?tokens)"
    r"|(prompt|input) (is|was) too long|input token count",
    re.IGNORECASE,
)
_MESSAGES = ("message", "detail", "msg", "error_msg")
_HTTP_ERROR = re.compile(r"[45]\d\d")
_DAILY = re.compile(r"per[ _-]?day|daily", re.IGNORECASE)
_SAID_WAIT = re.compile(r"(?:try again|retry|wait)\D{0,12}?((?:\d+(?:\.\d+)?(?:ms|[dhms])\s?)+)")
_PIECES = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_GOOGLE_ZONE = "America/Los_Angeles"
"""Google's daily quotas begin anew at midnight there:
https://ai.google.dev/gemini-api/docs/rate-limits."""


@dataclass(frozen=True, slots=True)
class _Fields:
    """What an error says, wherever it says it."""

    words: tuple[str, ...] = ()
    message: str = ""
    details: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, Any] | None = None
    code: int | None = None


def parse_json(content: bytes | str) -> Any:
    """Read JSON; None of what is none, or cannot be held."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def describe_no_json(content: bytes) -> str:
    """Return what came in the place of JSON."""
    start = content[:1_000].lstrip().lower()
    if not start:
        return "the answer is empty"
    if start.startswith((b"data:", b"event:", b": ")):
        return "the answer is a stream of events, which was not asked for"
    if start.startswith((b"<!doctype html", b"<html")):
        return "the answer is a web page; does the address lead to the service itself?"
    if content.strip() == b"null":
        return "the answer is null"
    try:
        content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        return f"the answer is no JSON: its bytes are not {error.encoding.upper()}"
    return "the answer is no JSON"


def find_error(body: object) -> object | None:
    """Return what an answer with status 200 says went wrong; None if it is an answer."""
    if not isinstance(body, dict):
        return None
    if body.get("error"):
        return body
    state = body.get("base_resp")
    if isinstance(state, dict) and state.get("status_code"):
        return {"error": {"code": state["status_code"], "message": state.get("status_msg")}}
    return body if not body.get("choices") and any(map(body.get, _MESSAGES)) else None


def read_problem(code: int, body: object, headers: Mapping[str, str], sent: Delivery) -> Reply:
    """Turn an error into a reply.

    Args:
        code: The HTTP status; 200 for an error inside an answer.
        body: The body, parsed; anything.
        headers: Of the answer.
        sent: What was sent: only media can be what a service cannot take.
    """
    fields = _read_fields(body)
    if code == HTTPStatus.OK and fields.code is not None:
        code = fields.code
    problem = find_problem(*fields.words)
    message = fields.message or _phrase(code)
    place = "the answer is an error" if code == HTTPStatus.OK else f"HTTP {code}"
    word = next((word for word in fields.words if not word.isdecimal()), "")
    detail = f"{place}{f' {word}' if word else ''}: {message}"
    status = DeliveryStatus.FAILED if problem is None else problem.status
    is_filtered = _is_moderated(fields) or (problem is None and _is_filtered(code, fields))
    if status is DeliveryStatus.BLOCKED or is_filtered:
        return Reply(DeliveryStatus.BLOCKED, detail=detail)
    if status is DeliveryStatus.UNSUPPORTED and not sent.has_media:
        status = DeliveryStatus.FAILED
    is_for_media = sent.has_media and is_media_refused(code, message)
    if is_for_media or status is DeliveryStatus.UNSUPPORTED:
        return Reply(DeliveryStatus.UNSUPPORTED, detail=detail)
    reach = _REACHES.get(code, Reach.REQUEST) if problem is None else problem.reach
    if _MONEY_WORDS.search(message):
        reach = Reach.ACCOUNT
    wait = None if reach is Reach.ACCOUNT else wait_wanted(code, _waits(fields, headers))
    is_too_long = code != HTTPStatus.TOO_MANY_REQUESTS and _TOO_LONG_WORDS.search(
        f"{word} {message}"
    )
    is_settled = code in _SETTLED or bool(is_too_long)
    return Reply(status, detail=detail, retry_after=wait, reach=reach, is_settled=is_settled)


def _read_fields(body: object) -> _Fields:
    if isinstance(body, list) and len(body) == 1:  # as Google's older interfaces wrap it
        body = body[0]
    outer: Mapping[str, Any] = body if isinstance(body, dict) else {}
    inner = outer.get("error") or body
    if not isinstance(inner, dict):
        code = outer.get("code")
        return _Fields(words=(code,) if isinstance(code, str) else (), message=_one_line(inner))
    details = inner.get("details")
    listed = details if isinstance(details, list) else ()
    entries = tuple(one for one in listed if isinstance(one, dict))
    reasons = [entry.get("reason") for entry in entries]
    deeper = [
        part.get("code")
        for name in ("code", "innererror", "inner_error")
        if isinstance(part := inner.get(name), dict)
    ]
    said = [inner.get("code"), inner.get("type"), inner.get("status"), outer.get("code")]
    words = [str(word) for word in (*reasons, *deeper, *said) if isinstance(word, str | int)]
    number = inner.get("code")
    metadata = inner.get("metadata")
    texts = map(inner.get, _MESSAGES)
    return _Fields(
        words=tuple(dict.fromkeys(filter(None, words))),
        message=next((line for text in texts if (line := _one_line(text))), ""),
        details=entries,
        metadata=metadata if isinstance(metadata, dict) else None,
        code=int(str(number)) if _HTTP_ERROR.fullmatch(str(number)) else None,
    )


def _one_line(value: object) -> str:
    """Return a message as text; of a page there is nothing worth showing."""
    if value is None or value == "":
        return ""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""
    text = " ".join(text[:2_000].split())
    return "" if text.startswith("<") else text


def _phrase(code: int) -> str:
    return responses.get(code, "no message" if code == HTTPStatus.OK else "not a standard code")


def _is_moderated(fields: _Fields) -> bool:
    """Return whether an error is that of OpenRouter's moderation."""
    metadata = fields.metadata or {}
    return bool(metadata.get("flagged_input") or metadata.get("reasons"))


def _is_filtered(code: int, fields: _Fields) -> bool:
    return code in _DECLINING and bool(_FILTER_WORDS.search(fields.message))


def is_media_refused(code: int, message: str) -> bool:
    """Return whether a service declines a request because of the media in it.

    Args:
        code: The HTTP status.
        message: What it says; a parameter that it does not know is no medium.
    """
    if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return True
    if code not in _DECLINING_MEDIA:
        return code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    return bool(_MEDIA_WORDS.search(message) and _REFUSAL_WORDS.search(message))


def _waits(fields: _Fields, headers: Mapping[str, str]) -> Iterator[float | None]:
    yield parse_retry_after(headers)
    for entry in fields.details:
        yield _parse_pieces(str(entry.get("retryDelay", "")))
        violations = entry.get("violations")
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, dict) and _DAILY.search(str(violation.get("quotaId"))):
                yield _seconds_to_midnight()
    match = _SAID_WAIT.search(fields.message)
    yield _parse_pieces(match[1]) if match else None
    inner = (fields.metadata or {}).get("headers")
    yield from _reset_waits(inner if isinstance(inner, dict) else {})


def _reset_waits(headers: Mapping[str, Any]) -> Iterator[float]:
    """Read OpenRouter's time at which a quota begins anew, in milliseconds since 1970."""
    for name, value in headers.items():
        if name.lower() == "x-ratelimit-reset" and (number := parse_number(str(value))) is not None:
            yield max(0.0, number / 1_000 - time.time())


def _parse_pieces(text: str) -> float | None:
    """Read a time such as ``37s``, ``7m12s`` or ``10h17m5.7s``."""
    pieces = _PIECES.findall(text)
    return sum(float(number) * _SECONDS[unit] for number, unit in pieces) if pieces else None


def _seconds_to_midnight() -> float:
    try:
        zone: Any = ZoneInfo(_GOOGLE_ZONE)
    except ZoneInfoNotFoundError:  # a system without time zones
        zone = timezone(timedelta(hours=-8))
    now = datetime.now(zone)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - now).total_seconds()

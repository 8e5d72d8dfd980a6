"""Reads what comes back from Google's generateContent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters.remote.reply import (
    REASONED_NOTE,
    UNHEARD_NOTE,
    Reply,
    failed_reply,
    is_media_refused,
    parse_retry_after,
    scored_reply,
)

if TYPE_CHECKING:
    from google.genai import errors, types

_LENGTH = frozenset({"MAX_TOKENS", "CONTINUATION"})
_DEFECTS = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    }
)
_ENDED = frozenset({"FINISH_REASON_UNSPECIFIED", "STOP"})
_INVALID_ARGUMENT = 3
"""Inside a job errors have gRPC's codes, not those of HTTP."""

_UNEXPLAINED = "OTHER"
"""Any reason that is named nowhere here is the name of a filter."""

_MODALITIES = {
    "TEXT": Modality.TEXT,
    "IMAGE": Modality.VIDEO,
    "VIDEO": Modality.VIDEO,
    "AUDIO": Modality.AUDIO,
}
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")


def read_response(
    response: types.GenerateContentResponse,
    letters: Sequence[str],
    sent: Delivery,
    *,
    model: str,
    scoring: bool,
) -> Reply:
    """Read an answer that came with status 200.

    Args:
        response: As the SDK has validated it.
        letters: The options' letters.
        sent: What was sent.
        model: The name that was asked for.
        scoring: Whether the letters were to be scored.
    """
    feedback = response.prompt_feedback
    if response.candidates:
        reply = _read_candidate(response.candidates[0], letters, scoring=scoring)
    else:
        reason = feedback.block_reason if feedback else None
        why = reason.value if reason else "no reason given"
        reply = Reply(DeliveryStatus.BLOCKED, detail=f"the service blocked the request ({why})")
    notes = list(reply.notes)
    if response.model_version not in (None, model):
        notes.append(f"answered by {response.model_version}")
    return _with_usage(reply, response.usage_metadata, sent, notes)


def read_error(error: errors.APIError, sent: Delivery) -> Reply:
    """Turn an answer of another status than 200 into a reply.

    Args:
        error: As the SDK raised it.
        sent: What was sent: only media can be what a service cannot take.
    """
    message = error.message or "no message"
    detail = f"HTTP {error.code} {error.status or ''}: {message}"
    if sent.has_media and is_media_refused(error.code, message):
        return Reply(DeliveryStatus.UNSUPPORTED, detail=detail)
    headers = getattr(error.response, "headers", None) or {}
    waits = [parse_retry_after(headers), _retry_delay(error.details)]
    return failed_reply(error.code, detail, waits)


def read_job_error(error: types.JobError | None, sent: Delivery) -> Reply:
    """Turn what stands in a job in the place of an answer into a reply.

    Args:
        error: As the SDK has validated it.
        sent: What was sent: only media can be what a service cannot take.
    """
    message = (error.message if error else None) or "no answer in the job"
    is_declined = error is not None and error.code == _INVALID_ARGUMENT
    if is_declined and sent.has_media and is_media_refused(HTTPStatus.BAD_REQUEST, message):
        return Reply(DeliveryStatus.UNSUPPORTED, detail=message)
    return Reply(DeliveryStatus.FAILED, detail=message)


def _retry_delay(details: Any) -> float | None:
    """Find the seconds to wait in an error's details, where this service puts them."""
    try:
        entries = details["error"]["details"]
        delays = [entry["retryDelay"] for entry in entries if "retryDelay" in entry]
    except (KeyError, TypeError):
        return None
    match = _SECONDS.fullmatch(str(delays[0])) if delays else None
    return float(match[1]) if match else None


def _read_candidate(candidate: types.Candidate, letters: Sequence[str], *, scoring: bool) -> Reply:
    text = _text(candidate)
    reason = candidate.finish_reason.value if candidate.finish_reason else "STOP"
    if scoring and reason in _ENDED | _LENGTH:
        return _read_scores(candidate, letters, text)
    if reason in _ENDED:
        return Reply(DeliveryStatus.OK, text)
    if reason in _LENGTH:
        return Reply(DeliveryStatus.LENGTH, text)
    if reason in _DEFECTS:
        return Reply(DeliveryStatus.FAILED, text, f"the service ended with {reason}")
    if reason == _UNEXPLAINED:
        return Reply(DeliveryStatus.REFUSED, text, "the model stopped and gave no reason (OTHER)")
    return Reply(DeliveryStatus.BLOCKED, text, f"a filter stopped the reply ({reason})")


def _text(candidate: types.Candidate) -> str:
    parts = (candidate.content.parts if candidate.content else None) or []
    return "".join(part.text for part in parts if part.text and not part.thought)


def _read_scores(candidate: types.Candidate, letters: Sequence[str], text: str) -> Reply:
    result = candidate.logprobs_result
    positions = (result.top_candidates if result else None) or []
    tokens = [
        (token.token, token.log_probability)
        for token in (positions[0].candidates if positions else None) or []
        if token.token is not None and token.log_probability is not None
    ]
    return scored_reply(tokens, letters, text)


def _with_usage(
    reply: Reply,
    usage: types.GenerateContentResponseUsageMetadata | None,
    sent: Delivery,
    notes: list[str],
) -> Reply:
    if usage is None:
        return replace(reply, notes=tuple(notes))
    tokens: Counter[Modality] = Counter()
    for count in usage.prompt_tokens_details or []:
        modality = _MODALITIES.get(count.modality.value) if count.modality else None
        if modality is not None:
            tokens[modality] += count.token_count or 0
    if tokens and sent.audio_seconds and not tokens[Modality.AUDIO]:
        notes.append(UNHEARD_NOTE)
    if usage.thoughts_token_count:
        notes.append(REASONED_NOTE)
    return replace(
        reply,
        input_tokens=usage.prompt_token_count,
        output_tokens=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
        tokens=tokens,
        notes=tuple(notes),
    )

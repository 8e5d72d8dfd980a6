"""Reads what comes back from Google's generateContent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters.remote.problems import read_problem
from emoreal_bench.model_adapters.remote.reply import (
    REASONED_NOTE,
    UNHEARD_NOTE,
    Reply,
    ended_reply,
    scored_reply,
)

if TYPE_CHECKING:
    from google.genai import errors, types

_RPC_CODES: Mapping[int | None, int] = MappingProxyType(
    {3: HTTPStatus.BAD_REQUEST, 7: HTTPStatus.FORBIDDEN, 16: HTTPStatus.UNAUTHORIZED}
)
"""Inside a job errors have gRPC's codes, not those of HTTP."""

_MODALITIES = {
    "TEXT": Modality.TEXT,
    "IMAGE": Modality.VIDEO,
    "VIDEO": Modality.VIDEO,
    "AUDIO": Modality.AUDIO,
}


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
    reason = feedback.block_reason if feedback else None
    if response.candidates:
        # Not every service sends several in their order.
        first = next((one for one in response.candidates if one.index == 0), response.candidates[0])
        reply = _read_candidate(first, letters, scoring=scoring)
    elif reason is not None:
        detail = f"the service blocked the request ({reason.value})"
        reply = Reply(DeliveryStatus.BLOCKED, detail=detail)
    else:
        reply = Reply(DeliveryStatus.FAILED, detail="the answer holds no candidate")
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
    headers = getattr(error.response, "headers", None) or {}
    code = error.code if isinstance(error.code, int) else HTTPStatus.INTERNAL_SERVER_ERROR
    return read_problem(code, error.details, headers, sent)


def read_job_error(error: types.JobError | None, sent: Delivery) -> Reply:
    """Turn what stands in a job in the place of an answer into a reply.

    Args:
        error: As the SDK has validated it.
        sent: What was sent: only media can be what a service cannot take.
    """
    message = (error.message if error else None) or "no answer in the job"
    code = _RPC_CODES.get(error.code if error else None, HTTPStatus.OK)
    return read_problem(code, {"error": {"message": message}}, {}, sent)


def _read_candidate(candidate: types.Candidate, letters: Sequence[str], *, scoring: bool) -> Reply:
    text = _text(candidate)
    reason = candidate.finish_reason.value if candidate.finish_reason else None
    reply = ended_reply(reason, text, _lost(candidate))
    ended_well = reply.status in (DeliveryStatus.OK, DeliveryStatus.LENGTH)
    if scoring and (ended_well or reason == "STOP"):  # a first token may be a blank
        return _read_scores(candidate, letters, text)
    return reply


def _lost(candidate: types.Candidate) -> str | None:
    """Return what came in the place of a text."""
    parts = (candidate.content.parts if candidate.content else None) or []
    if any(part.function_call for part in parts):
        return "the model called a tool"
    return "all that came is reasoning" if any(part.thought for part in parts) else None


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

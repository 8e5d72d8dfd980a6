"""What a service made of one request, and what the services' answers have in common."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from emoreal_bench.contracts.result import ChoiceScores
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus, Modality
from emoreal_bench.model_adapters.remote.endings import Reach, find_ending

BOUND_NOTE = "an option was not among the tokens that the service scores; its score is a bound"
UNHEARD_NOTE = "audio was sent, but the service counts no audio tokens"
REASONED_NOTE = "the model reasoned before it answered"
NO_OPTION_NOTE = "no option was among the tokens that the service scores"
IMPOSSIBLE_NOTE = "the service gives no option any probability"
TIE_NOTE = "the likeliest options have the same score; the first of them is taken"
UNSAID_NOTE = "the service does not say why the reply ended"
EMPTY = "the reply is empty"

_SITE_OVERLOADED = 529
"""Of Anthropic and of content networks; no code from 520 on is a standard."""

_IMPOSSIBLE = -9_999.0
"""Stands for the logarithm of 0, which no log can hold. OpenAI writes it so itself:
https://platform.openai.com/docs/api-reference/chat/object."""

_ROUNDING = 1e-6
"""Services add probabilities up in single precision."""

_OVERLOADED = frozenset(
    {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, _SITE_OVERLOADED}
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service made of one request.

    Attributes:
        status: See :class:`DeliveryStatus`.
        text: As the model wrote it.
        detail: For a status other than ok: why.
        choice_scores: Where choices were scored.
        input_tokens: As billed; None where the service does not say.
        output_tokens: As billed, hidden reasoning included.
        tokens: Input tokens by modality, where the service says.
        retry_after: Seconds that it asks to wait; see :func:`wait_wanted`.
        notes: Deviations from what was wanted, beside those of the payload.
        reach: Whom a failure concerns.
        is_settled: Whether asking again now would only bring the same failure.
    """

    status: DeliveryStatus
    text: str = ""
    detail: str | None = None
    choice_scores: ChoiceScores | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    tokens: Mapping[Modality, int] = field(default_factory=dict)
    retry_after: float | None = None
    notes: tuple[str, ...] = ()
    reach: Reach = Reach.REQUEST
    is_settled: bool = False


def score_letters(
    tokens: Sequence[tuple[str, float]], letters: Sequence[str]
) -> tuple[ChoiceScores, tuple[str, ...]] | None:
    """Score each letter by the tokens that spell it.

    A letter may have several tokens, with a space or a bracket before it; their
    probabilities add up. A letter that is not among the tokens is less likely
    than each of them, and no likelier than what they leave over, so it gets a score
    just below both and a note.

    Args:
        tokens: The likeliest first tokens with their natural log-probabilities.
        letters: The options' letters.

    Returns:
        The scores and notes; None if no letter is among the tokens.
    """
    known = [
        (token.strip().strip("()"), score if score > -math.inf else _IMPOSSIBLE)
        for token, score in tokens
        if not math.isnan(score)
    ]
    found: dict[str, list[float]] = {}
    for token, score in known:
        if token in letters:
            found.setdefault(token, []).append(score)
    if not found:
        return None
    left_over = max(1 - math.fsum(math.exp(score) for _, score in known), _ROUNDING)
    lowest = min(score for _, score in known)
    bound = min(math.log(left_over), math.nextafter(lowest, -math.inf))
    scores = {letter: _log_sum(found[letter]) if letter in found else bound for letter in letters}
    mass = math.fsum(math.exp(scores[letter]) for letter in found)
    notes = [] if len(found) == len(letters) else [BOUND_NOTE]
    if sum(score == max(scores.values()) for score in scores.values()) > 1:
        notes.append(TIE_NOTE)
    return ChoiceScores(ChoiceScoreKind.LETTER_LOGIT, scores, min(mass, 1.0)), tuple(notes)


def _log_sum(scores: Sequence[float]) -> float:
    """Add probabilities that are given, and wanted, as logarithms."""
    largest = max(scores)
    return largest + math.log(math.fsum(math.exp(score - largest) for score in scores))


def scored_reply(tokens: Sequence[tuple[str, float]], letters: Sequence[str], text: str) -> Reply:
    """Make the reply of a request whose letters were to be scored.

    Args:
        tokens: As for :func:`score_letters`.
        letters: The options' letters.
        text: What the model wrote; it stays as the reply where no letter has a
            score, which the summary of the run counts.
    """
    largest = max((score for _, score in tokens), default=0.0)
    if largest > _ROUNDING:
        problem = f"the service's log-probabilities are none: {largest:g} is above 0"
        return Reply(DeliveryStatus.FAILED, detail=problem, is_settled=True)
    scored = score_letters(tokens, letters)
    if scored is None or not scored[0].mass:
        status = DeliveryStatus.OK if text.strip() else DeliveryStatus.FAILED
        detail = None if status is DeliveryStatus.OK else EMPTY
        note = NO_OPTION_NOTE if scored is None else IMPOSSIBLE_NOTE
        return Reply(status, text, detail, notes=(note,))
    scores, notes = scored
    best = max(letters, key=lambda letter: scores.scores[letter])
    return Reply(DeliveryStatus.OK, best, choice_scores=scores, notes=notes)


def ended_reply(reason: str | None, text: str, lost: str | None = None) -> Reply:
    """Make the reply of a request that was answered, by the reason to end it.

    An empty reply is no answer: it has failed, or was cut off before its first word.

    Args:
        reason: As the service writes it; None where it says none.
        text: What the model wrote.
        lost: What came in the place of a text, for an empty one.
    """
    ending = find_ending(reason) if reason else None
    status = DeliveryStatus.OK if ending is None else ending.status
    is_empty = not text.strip()
    if status is DeliveryStatus.OK and is_empty:
        said = f" (the service says {reason})" if reason else ""
        return Reply(DeliveryStatus.FAILED, detail=f"{EMPTY}{said}{f'; {lost}' if lost else ''}")
    if ending is None:
        note = f"the reply ended for an unknown reason: {reason[:60]}" if reason else UNSAID_NOTE
        return Reply(status, text, notes=(note,))
    if status in (DeliveryStatus.OK, DeliveryStatus.LENGTH):
        return Reply(status, text, notes=(UNSAID_NOTE,) if ending.is_vague else ())
    return Reply(status, text, f"{_WHY[status]} ({reason}){f'; {lost}' if lost else ''}")


_WHY: Mapping[DeliveryStatus, str] = {
    DeliveryStatus.REFUSED: "the model declined",
    DeliveryStatus.BLOCKED: "the service's filter stopped the reply",
    DeliveryStatus.FAILED: "the service broke the reply off",
}


def wait_wanted(code: int, waits: Iterable[float | None]) -> float | None:
    """Return the seconds that a service wants to be left alone.

    Args:
        code: The HTTP status.
        waits: What it says, in each place where it may say it.

    Returns:
        The longest; 0 where an overloaded service does not say how long; None
        where it does not want to be waited for.
    """
    said = [wait for wait in waits if wait is not None]
    return max(said, default=0.0 if code in _OVERLOADED else None)


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how many seconds a service asks to wait.

    Args:
        headers: Of its answer; ``retry-after-ms`` in milliseconds, or
            ``retry-after`` in seconds or as a date.
    """
    milliseconds = parse_number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1_000
    text = headers.get("retry-after")
    seconds = parse_number(text)
    if seconds is not None or text is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def parse_number(text: str | None) -> float | None:
    """Read a number that is neither negative nor infinite; None of anything else."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0.0 <= number < float("inf") else None

"""What one reply says, under one scoring."""

from __future__ import annotations

from typing import NamedTuple

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Subtask
from emoreal_bench.contracts.vocabulary import AnswerKind, DeliveryStatus, Outcome, Scoring
from emoreal_bench.scoring.reading.official import lenient_answer, names_letter
from emoreal_bench.scoring.reading.official_words import official_emotion, official_words_for
from emoreal_bench.scoring.reading.options import Options
from emoreal_bench.scoring.reading.refusals import is_refusal
from emoreal_bench.scoring.reading.statements import is_statement
from emoreal_bench.scoring.reading.strict import read_choice, read_label, read_yes_no

_REPLIED = (DeliveryStatus.OK, DeliveryStatus.LENGTH)


class Reading(NamedTuple):
    """The answer found in a reply.

    Attributes:
        outcome: What became of the item.
        answer: The letter or label; None if none was found. Under ``official``
            the authors only look for the right letter, so it is that or None.
        correct: Whether the item counts as right.
    """

    outcome: Outcome
    answer: str | None
    correct: bool


def read_reply(
    scoring: Scoring, item: Item, subtask: Subtask, status: DeliveryStatus, text: str
) -> Reading:
    """Read one reply by the rules of one scoring.

    Args:
        scoring: The rule book.
        item: The question with its options and its gold answer.
        subtask: Says what kind of answer it wants.
        status: What became of the request.
        text: The reply; for scored choices the best letter.
    """
    if status not in _REPLIED:
        return Reading(Outcome(status.value), None, correct=False)
    if subtask.answer is AnswerKind.OPEN:
        return Reading(outcome_of(status, text, answered=bool(text.strip())), None, correct=False)
    if scoring is Scoring.STRICT:
        cut_off = status is DeliveryStatus.LENGTH
        answer = strict_answer(item, subtask, text, cut_off=cut_off)
        outcome = outcome_of(status, text, answered=answer is not None)
        if (
            outcome is Outcome.UNPARSABLE
            and subtask.answer is AnswerKind.YES_NO
            and is_statement(text, item.question, item.choices)
        ):
            outcome = Outcome.STATEMENT
        return Reading(outcome, answer, correct=answer == item.answer)
    return _read_officially(scoring, item, subtask, text)


def strict_answer(item: Item, subtask: Subtask, text: str, *, cut_off: bool) -> str | None:
    """Find the one answer in a reply by the strict rules; None if there is none or several."""
    asked = item.question
    match subtask.answer:
        case AnswerKind.CHOICE:
            options = Options.parse(item.choices)
            return read_choice(text, options, question=asked, cut_off=cut_off)
        case AnswerKind.YES_NO:
            options = Options.parse(item.choices)
            return read_yes_no(text, options, question=asked, cut_off=cut_off)
        case AnswerKind.LABEL:
            return read_label(text, subtask.labels, question=asked, cut_off=cut_off)
        case AnswerKind.OPEN:
            return None


def outcome_of(status: DeliveryStatus, text: str, *, answered: bool) -> Outcome:
    """Return what became of a reply.

    Args:
        status: What became of the request.
        text: The reply.
        answered: Whether an answer could be read from it.
    """
    if status not in _REPLIED:
        return Outcome(status.value)
    if answered:
        return Outcome.ANSWERED
    if status is DeliveryStatus.LENGTH:
        return Outcome.TRUNCATED
    return Outcome.REFUSED if is_refusal(text) else Outcome.UNPARSABLE


def _read_officially(scoring: Scoring, item: Item, subtask: Subtask, text: str) -> Reading:
    answer: str | None
    if subtask.answer is AnswerKind.LABEL:
        words = official_words_for(subtask.labels)
        answer = None if words is None else official_emotion(text, words)
        outcome = Outcome.UNPARSABLE if answer is None else Outcome.ANSWERED
        return Reading(outcome, answer, correct=answer == item.answer)
    if scoring is Scoring.OFFICIAL_LENIENT:
        answer = lenient_answer(text, item.choices)
    else:
        answer = item.answer if names_letter(text, item.answer) else None
    # A reply without the letter is an answer to the authors, and a wrong one.
    outcome = Outcome.ANSWERED if text.strip() else Outcome.UNPARSABLE
    return Reading(outcome, answer, correct=answer == item.answer)

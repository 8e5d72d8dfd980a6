"""Read all replies of a run into a few bytes per item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.result import ChoiceScores
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind, DeliveryStatus, Outcome, Scoring
from emoreal_bench.scoring.choice_probabilities import brier_score, probabilities
from emoreal_bench.scoring.frame import NO, NO_ANSWER, YES, Frame, Layout, letter_class
from emoreal_bench.scoring.reading.readings import Reading, read_reply

OUTCOMES = tuple(Outcome)
JUDGEMENT_OUTCOMES = tuple(outcome for outcome in Outcome if outcome is not Outcome.STATEMENT)
"""What can become of a judgement."""
STATUSES = tuple(DeliveryStatus)
_OUTCOME_CODE = {outcome: code for code, outcome in enumerate(OUTCOMES)}
_STATUS_CODE = {status: code for code, status in enumerate(STATUSES)}


class Reply(NamedTuple):
    """What scoring needs of a result."""

    id: str
    status: DeliveryStatus
    text: str
    choice_scores: ChoiceScores | None = None
    clip_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Readings:
    """All items under one scoring.

    Attributes:
        scoring: The rule book.
        outcome: ``(items,)`` position in :data:`OUTCOMES`.
        answer: ``(items,)`` class of the answer, or ``NO_ANSWER``.
        counted: ``(items,)`` whether it is in the denominator: all under strict,
            those with a prediction under official.
    """

    scoring: Scoring
    outcome: NDArray[np.int8]
    answer: NDArray[np.int8]
    counted: NDArray[np.bool_]

    def denominator(self, members: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return those of some items that are in the denominator."""
        return members[self.counted[members]]


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of all items.

    Attributes:
        status: ``(items,)`` position in :data:`STATUSES`.
        readings: By scoring.
        confidence: ``(items,)`` probability of the likeliest option; NaN where
            choices were not scored.
        brier: ``(items,)`` Brier score of the probabilities; NaN likewise.
        clip_seconds: ``(items,)`` length of the clip; NaN where it was not decoded.
    """

    status: NDArray[np.int8]
    readings: dict[Scoring, Readings]
    confidence: NDArray[np.float32]
    brier: NDArray[np.float32]
    clip_seconds: NDArray[np.float32]


def collect_readings(
    task: Task,
    frame: Frame,
    items: Sequence[Item],
    replies: Iterable[Reply],
    scorings: Sequence[Scoring],
) -> Collected:
    """Read replies under several scorings at once, keeping no text.

    Args:
        task: The task of the items.
        frame: Made of the same items.
        items: All planned items.
        replies: At most one for each item in any order; of several, the last
            counts, as in a log. Items without one are missing.
        scorings: The rule books.

    Raises:
        DataError: For a reply to an item that is not planned.
    """
    positions = {item.id: index for index, item in enumerate(items)}
    collected = Collected(
        np.full(len(items), _STATUS_CODE[DeliveryStatus.MISSING], np.int8),
        {scoring: _nothing_read(scoring, len(items)) for scoring in scorings},
        *(np.full(len(items), np.nan, np.float32) for _ in range(3)),
    )
    writers = [_Writer(readings, frame) for readings in collected.readings.values()]

    for reply in replies:
        index = positions.get(reply.id)
        if index is None:
            raise DataError(
                f"There is a reply to {reply.id!r}, which is not an item of task {task.name}.",
                remedy="Score the replies with the items that they were made for.",
            )
        item = items[index]
        collected.status[index] = _STATUS_CODE[reply.status]
        if reply.clip_seconds is not None:
            collected.clip_seconds[index] = reply.clip_seconds
        shares = None if reply.choice_scores is None else probabilities(reply.choice_scores)
        if shares is not None:
            collected.confidence[index] = max(shares.values())
            collected.brier[index] = brier_score(shares, item.answer)
        subtask, layout = task.subtasks[item.subtask], frame.layouts[item.subtask]
        for writer in writers:
            reading = read_reply(writer.scoring, item, subtask, reply.status, reply.text)
            writer.write(index, layout, reading)
    return collected


def count_outcomes(readings: Readings, members: NDArray[np.intp]) -> dict[Outcome, int]:
    """Count some items by outcome; every outcome that the scoring can give is named."""
    counts = np.bincount(readings.outcome[members], minlength=len(OUTCOMES))
    named = dict(zip(OUTCOMES, map(int, counts), strict=True))
    if readings.scoring is not Scoring.STRICT:
        del named[Outcome.STATEMENT]
    return named


def count_statuses(
    collected: Collected, members: NDArray[np.intp] | None = None
) -> Mapping[DeliveryStatus, int]:
    """Count all items, or some, by delivery status; every status is named."""
    found = collected.status if members is None else collected.status[members]
    counts = np.bincount(found, minlength=len(STATUSES))
    return {status: int(count) for status, count in zip(STATUSES, counts, strict=True)}


def _nothing_read(scoring: Scoring, items: int) -> Readings:
    return Readings(
        scoring,
        np.full(items, _OUTCOME_CODE[Outcome.MISSING], np.int8),
        np.full(items, NO_ANSWER, np.int8),
        np.full(items, scoring is Scoring.STRICT),
    )


class _Writer:
    """Writes readings under one scoring, item by item.

    Views take a third of the time of arrays for a single number.
    """

    def __init__(self, readings: Readings, frame: Frame) -> None:
        self.scoring = readings.scoring
        self._outcome = readings.outcome.data
        self._answer = readings.answer.data
        self._counted = readings.counted.data
        self._gold = frame.gold_for(readings.scoring).data

    def write(self, index: int, layout: Layout, reading: Reading) -> None:
        """Write the reading of one item."""
        self._outcome[index] = _OUTCOME_CODE[reading.outcome]
        self._counted[index] = _is_counted(self.scoring, layout, reading.outcome)
        self._answer[index] = _answer_class(self.scoring, layout, reading, self._gold[index])


def _is_counted(scoring: Scoring, layout: Layout, outcome: Outcome) -> bool:
    if scoring is Scoring.STRICT or outcome is Outcome.ANSWERED:
        return True
    # A blank reply to a question is wrong; a text without a class is dropped.
    return outcome is Outcome.UNPARSABLE and layout.kind is not AnswerKind.LABEL


def _answer_class(scoring: Scoring, layout: Layout, reading: Reading, gold: int) -> int:
    if layout.kind is AnswerKind.YES_NO:
        if reading.correct:
            return gold
        if scoring is Scoring.STRICT and reading.answer is None:
            return NO_ANSWER
        # Of two options the wrong one is the other; the authors infer it so for any reply.
        return NO if gold == YES else YES
    if reading.answer is None:
        return NO_ANSWER
    if layout.kind is AnswerKind.CHOICE:
        return letter_class(reading.answer)
    # The official list can name a class that the task does not have.
    return layout.classes.index(reading.answer) if reading.answer in layout.classes else NO_ANSWER

"""A run against a reproduction card: was the published value reached?"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from pydantic import Field

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.scores import Interval, Results, ScoringReport
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.probing.cards import AVERAGE_ACCURACY, Card, ExpectedValue
from emoreal_bench.record.finished import FinishedRun

_ROUNDING = 1e-9


class ReproductionVerdict(StrEnum):
    """How a measured value lies to a published one."""

    WITHIN = "within tolerance"
    ABOVE = "above"
    BELOW = "below"
    NOT_COMPARABLE = "not comparable"


class ReproducedValue(Record):
    """One published number beside the measured one."""

    expected: ExpectedValue
    measured: float | None
    interval: Interval | None
    verdict: ReproductionVerdict


class ReproductionReport(Record):
    """What ``emoreal-bench reproduce --json`` prints."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    card: Card
    model: str
    """Who was asked. That it is the checkpoint of the card is for the user to know."""
    run_id: str
    verdict: ReproductionVerdict
    """Of all values: the worst."""
    reasons: tuple[str, ...]
    """Why the run cannot be compared."""
    values: tuple[ReproducedValue, ...]


def check_reproduction(card: Card, report: FinishedRun) -> ReproductionReport:
    """Hold a run against a card.

    Args:
        card: What was published.
        report: A run of the card's task and variant.
    """
    reasons = why_not_comparable(card, report)
    scores = report.results.scores.get(card.scoring.value)
    if scores is None:
        reasons.append(f"the run has no scores under {card.scoring}")
    values = tuple(_reproduce(expected, scores, bool(reasons)) for expected in card.expected)
    verdicts = [value.verdict for value in values]
    return ReproductionReport(
        card=card,
        model=report.manifest.model.name,
        run_id=report.manifest.run_id,
        verdict=_worst(verdicts),
        reasons=tuple(reasons),
        values=values,
    )


def why_not_comparable(card: Card, report: FinishedRun) -> list[str]:
    """Return why a run does not speak of what a card speaks of."""
    results, manifest = report.results, report.manifest
    reasons = []
    asked = (manifest.task, manifest.request.variant)
    if asked != (card.task, card.variant):
        reasons.append(
            f"the card is about {card.task}, variant {card.variant}, not {' variant '.join(asked)}"
        )
    if card.items is not None and results.coverage.items != card.items:
        reasons.append(
            f"the card speaks of {card.items} items, the run of {results.coverage.items}"
        )
    lost = results.coverage.items - results.coverage.covered
    if lost:
        reasons.append(f"{lost} of {results.coverage.items} items did not come back from the model")
    return reasons + [
        f"no {modality} reached the model"
        for modality in manifest.request.media.modalities
        if not _items_with(results, modality)
    ]


def _items_with(results: Results, modality: Modality) -> int:
    delivery = results.delivery
    if delivery is None:
        return 0
    match modality:
        case Modality.VIDEO:
            return delivery.items_with_video
        case Modality.AUDIO:
            return delivery.items_with_audio
        case Modality.TEXT:
            return results.coverage.covered


def _reproduce(
    expected: ExpectedValue, scores: ScoringReport | None, incomparable: bool
) -> ReproducedValue:
    measured, interval = (None, None) if scores is None else _measured(expected, scores)
    if incomparable or measured is None:
        verdict = ReproductionVerdict.NOT_COMPARABLE
    elif abs(measured - expected.value) <= expected.tolerance + _ROUNDING:
        verdict = ReproductionVerdict.WITHIN
    elif measured > expected.value:
        verdict = ReproductionVerdict.ABOVE
    else:
        verdict = ReproductionVerdict.BELOW
    return ReproducedValue(expected=expected, measured=measured, interval=interval, verdict=verdict)


def _measured(
    expected: ExpectedValue, scores: ScoringReport
) -> tuple[float | None, Interval | None]:
    if expected.metric == AVERAGE_ACCURACY:
        return scores.average_accuracy, scores.average_accuracy_interval
    subtask = scores.subtasks.get(expected.subtask or "")
    if subtask is None:
        return None, None
    return subtask.number(expected.metric), subtask.intervals.get(expected.metric)


def _worst(verdicts: Sequence[ReproductionVerdict]) -> ReproductionVerdict:
    order = (
        ReproductionVerdict.NOT_COMPARABLE,
        ReproductionVerdict.BELOW,
        ReproductionVerdict.ABOVE,
    )
    return next((verdict for verdict in order if verdict in verdicts), ReproductionVerdict.WITHIN)

"""What people say of pairs on the audit page, and how much of the whole file that speaks for."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field, ValidationError

from emoreal_bench.catalog import explain
from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import DataError, NotComparableError
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.contracts.scores import Interval
from emoreal_bench.preferences.reading import hash_pairs
from emoreal_bench.statistics.intervals import wilson_interval


class Claim(StrEnum):
    """What a pair claims of its clip."""

    CHOSEN = "chosen"
    HALLUCINATION = "hallucination"
    SPURIOUS = "spurious"


CLAIMS = MappingProxyType(
    {
        Claim.CHOSEN: "It is right.",
        Claim.HALLUCINATION: "It names something that the clip lacks.",
        Claim.SPURIOUS: "It names something that is in the clip and has nothing to do with how "
        "the person feels.",
    }
)
"""The sentence that a person agrees with or not."""


class Verdict(StrEnum):
    """What a person says of a claim."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


class Verdicts(Record):
    """The file that the audit page saves."""

    schema_version: Literal[1] = Field(alias="schema")
    pairs_hash: str
    """Of the whole file of pairs."""
    verdicts: dict[str, dict[Claim, Verdict]]
    """By pair and claim; what was not looked at is not there."""


class Agreement(Record):
    """How often people agree with one kind of claim."""

    asked: int
    """Verdicts, unsure ones included."""
    agreed: int
    unsure: int
    share: float | None
    """Agreed over asked: who is unsure does not agree. Null without verdicts."""
    interval: Interval | None
    """At 95 percent, by Wilson."""


class AuditReport(Record):
    """What an audit found. What ``emoreal-bench prefs audit --read --json`` prints."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    pairs: int
    """In the whole file."""
    audited: int
    """Pairs with a verdict on each of their claims."""
    sound: Agreement
    """Of these pairs, those whose every claim was agreed with."""
    claims: dict[Claim, Agreement]


def read_verdicts(path: Path) -> Verdicts:
    """Read a file of verdicts.

    Raises:
        DataError: If it is none.
    """
    try:
        return Verdicts.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"The file cannot be read: {error.strerror}.", where=str(path)) from error
    except ValidationError as error:
        raise DataError(
            f"This is not a file of verdicts:\n{explain(error)}",
            where=str(path),
            remedy="Save it with the button of the page that `prefs audit` wrote.",
        ) from error


def weigh_verdicts(pairs: Sequence[PreferencePair], verdicts: Verdicts) -> AuditReport:
    """Return how far people agree with pairs.

    Args:
        pairs: The whole file.
        verdicts: On some of it.

    Raises:
        NotComparableError: If the verdicts are on other pairs.
    """
    claims = {pair.id: _claims_of(pair) for pair in pairs}
    stray = [pair for pair in verdicts.verdicts if pair not in claims]
    if verdicts.pairs_hash != hash_pairs(pairs) or stray:
        raise NotComparableError(
            "The verdicts are on another file of pairs.",
            remedy="Name the file that the page was made from; a changed file needs a new audit.",
        )
    given: dict[Claim, list[Verdict]] = {claim: [] for claim in Claim}
    sound: list[Verdict] = []
    for pair, answers in verdicts.verdicts.items():
        for claim, verdict in answers.items():
            given[claim].append(verdict)
        if claims[pair] <= answers.keys():
            sound.append(_together(list(answers.values())))
    return AuditReport(
        pairs=len(pairs),
        audited=len(sound),
        sound=_agreement(sound),
        claims={claim: _agreement(answers) for claim, answers in given.items() if answers},
    )


def _claims_of(pair: PreferencePair) -> set[Claim]:
    rejected = {Claim.HALLUCINATION: pair.hallucination, Claim.SPURIOUS: pair.spurious}
    return {Claim.CHOSEN, *(claim for claim, text in rejected.items() if text is not None)}


def _together(answers: Sequence[Verdict]) -> Verdict:
    """Return the verdict on a pair: that of its weakest claim."""
    if Verdict.NO in answers:
        return Verdict.NO
    return Verdict.UNSURE if Verdict.UNSURE in answers else Verdict.YES


def _agreement(answers: Sequence[Verdict]) -> Agreement:
    agreed = sum(verdict is Verdict.YES for verdict in answers)
    return Agreement(
        asked=len(answers),
        agreed=agreed,
        unsure=sum(verdict is Verdict.UNSURE for verdict in answers),
        share=agreed / len(answers) if answers else None,
        interval=wilson_interval(agreed, len(answers)) if answers else None,
    )

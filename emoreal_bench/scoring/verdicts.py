"""What a judge says that replies without an answer amount to: yes, no or neither.

The verdicts are read from the stored run of a judge. ``strict-judged`` is the
strict scoring with them: an item whose reply holds no answer counts as answered
by the verdict. No model is asked here, and the strict scores stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Outcome, StatementVerdict
from emoreal_bench.identity import hash_json
from emoreal_bench.scoring.collect import OUTCOMES, Readings, Reply
from emoreal_bench.scoring.frame import NO, YES
from emoreal_bench.scoring.judgement import read_json_reply
from emoreal_bench.scoring.reading.readings import outcome_of

VERDICTS_VERSION = 1
"""Raised with every change of a rule that can change a number."""
UNREAD = (Outcome.STATEMENT, Outcome.UNPARSABLE)
"""What strict calls a reply that a judge is asked about."""
_ANSWERS = {StatementVerdict.YES: YES, StatementVerdict.NO: NO}


class _Written(BaseModel):
    """The object that a judge has to write, and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True)

    verdict: Literal["yes", "no", "neither"]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts of one complete run of a judge.

    Attributes:
        judge: Name of the judge.
        identity: Hash of who judged what, and how.
        by_item: By the id of the judged item; those that could be read.
        asked: Replies that the judge was asked about.
    """

    judge: str
    identity: str
    by_item: Mapping[str, StatementVerdict]
    asked: int

    @property
    def note(self) -> str:
        """Return a note on whose verdicts they are, and how many of each."""
        counts = Counter(self.by_item.values())
        told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in StatementVerdict)
        unread = self.asked - len(self.by_item)
        return (
            f"by the verdicts of {self.judge} on {self.asked} replies without an answer: {told}"
            + (f", {unread} that cannot be read" if unread else "")
        )


def read_verdict(status: DeliveryStatus, text: str) -> tuple[Outcome, StatementVerdict | None]:
    """Read a judge's reply, which has to be one JSON object; nothing stands in for a verdict.

    Returns:
        What became of the judgement, and the verdict if it was read.
    """
    try:
        written = _Written.model_validate(read_json_reply(text))
    except (ValueError, ValidationError):
        return outcome_of(status, text, answered=False), None
    outcome = outcome_of(status, text, answered=True)
    return outcome, StatementVerdict(written.verdict) if outcome is Outcome.ANSWERED else None


def read_verdicts(
    items: Sequence[Item], replies: Iterable[Reply]
) -> tuple[dict[str, StatementVerdict], dict[str, tuple[DeliveryStatus, Outcome]]]:
    """Read the log of a judge.

    Args:
        items: Its planned judgements.
        replies: Its replies, at most one for each.

    Returns:
        Verdicts by the id of the judged item, and what became of every judgement.
    """
    logged = {reply.id: reply for reply in replies}
    verdicts: dict[str, StatementVerdict] = {}
    became: dict[str, tuple[DeliveryStatus, Outcome]] = {}
    for item in items:
        reply = logged.get(item.id, Reply(item.id, DeliveryStatus.MISSING, ""))
        outcome, verdict = read_verdict(reply.status, reply.text)
        became[item.id] = reply.status, outcome
        if verdict is not None:
            verdicts[judged_id(item)] = verdict
    return verdicts, became


def judged_id(item: Item) -> str:
    """Return the id of the item that a judge's item is about."""
    return item.id.rpartition("#")[0]


def verdicts_hash() -> str:
    """Hash the rules by which verdicts are read."""
    return hash_json({"verdicts": VERDICTS_VERSION, "words": list(StatementVerdict)})


def with_verdicts(readings: Readings, items: Sequence[Item], verdicts: Verdicts) -> Readings:
    """Answer the items without an answer by what a judge says of them.

    Args:
        readings: All items under strict.
        items: The same items.
        verdicts: Of items that strict finds no answer of; others are left alone.
    """
    outcome, answer = readings.outcome.copy(), readings.answer.copy()
    unread = {OUTCOMES.index(one) for one in UNREAD}
    for index, item in enumerate(items):
        found = _ANSWERS.get(verdicts.by_item.get(item.id, StatementVerdict.NEITHER))
        if found is not None and outcome[index] in unread:
            outcome[index] = OUTCOMES.index(Outcome.ANSWERED)
            answer[index] = found
    return replace(readings, outcome=outcome, answer=answer)

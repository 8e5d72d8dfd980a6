"""Why items have no answer: each reason with its count."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.printable import plain_text
from emoreal_bench.text import count_of

UNANSWERED = (
    DeliveryStatus.BLOCKED,
    DeliveryStatus.UNSUPPORTED,
    DeliveryStatus.FAILED,
)
"""The statuses of items for which a model, or what stands before it, is to blame."""

_EXPLAINED = (*UNANSWERED, DeliveryStatus.MISSING)
"""The statuses whose reasons are told; of a clip that cannot be read, the clip is to blame."""

MOST_REASONS = 20
"""So many of one status are told apart; the rest is summed up."""

OTHER_REASONS = "other reasons"

_MOST_NAMED = 3
"""So many reasons are named in a sentence."""
_GO_ON = "Give the run command again to finish it."
_JOIN = "Join all shards first: emoreal-bench runs merge SHARD... --out RUN"
_IMPORT_AGAIN = (
    "Add the replies that are missing to the file that was imported, and import it again: "
    "emoreal-bench score --task TASK --data DATA --predictions FILE --runs FOLDER"
)
_SUIT_THE_MODEL = (
    "Leave these questions out, choose another model, or give it only what it takes (--modalities)."
)
_MEND_CLIPS = (
    "To ask the same again does not help: mend or replace the file, or take its questions out of "
    "the data. Either gives the data another hash, so run again, and run anew what you compare "
    "with."
)

_VARYING = re.compile(r"\b(?=[\w-]*\d)[\w-]{8,}\b|\d+")
"""Numbers and marks of requests, which make each of many equal messages another."""


class ReasonTally:
    """Counts reasons; two that differ only in numbers and marks of requests are one.

    Reasons of missing items name clips, which are told apart.
    """

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._examples: dict[tuple[str, str], str] = {}

    def add(self, status: str, detail: str | None) -> None:
        """Count the reason of one item, if its status wants one."""
        if status not in _EXPLAINED:
            return
        reason = plain_text(detail or "no reason given", 300)
        is_of_clip = status == DeliveryStatus.MISSING
        key = status, reason if is_of_clip else _VARYING.sub("#", reason)
        self._counts[key] += 1
        # The smallest, so that the order of the items does not matter.
        self._examples[key] = min(reason, self._examples.get(key, reason))

    def summary(self) -> dict[str, dict[str, int]]:
        """Return the reasons of each status with their counts, the most frequent first."""
        reasons: dict[str, dict[str, int]] = {}
        by_count = sorted(self._counts, key=lambda key: (-self._counts[key], self._examples[key]))
        for status in _EXPLAINED:
            keys = [key for key in by_count if key[0] == status]
            shown = {self._examples[key]: self._counts[key] for key in keys[:MOST_REASONS]}
            others = sum(self._counts[key] for key in keys[MOST_REASONS:])
            if shown:
                reasons[str(status)] = {**shown, **({OTHER_REASONS: others} if others else {})}
        return reasons


def reason_lines(reasons: Mapping[str, Mapping[str, int]]) -> Iterable[str]:
    """Write reasons as lines, e.g. ``"failed 12: HTTP 500: out of memory"``."""
    for status, counts in reasons.items():
        for reason, count in counts.items():
            yield f"{status} {count}: {reason}"


@dataclass(frozen=True, slots=True)
class Lack:
    """One cause for which a run does not cover its items.

    Attributes:
        status: Of the items.
        problem: How many they are, and why.
        remedy: What can be done about it.
    """

    status: DeliveryStatus
    problem: str
    remedy: str


def what_lacks(results: Results, *, never_asked: int = 0) -> list[Lack]:
    """Return why a run does not cover its items, and what can be done about it.

    Args:
        results: Of the run.
        never_asked: How many items it was not to ask, as those of other shards.
    """
    counts, delivery = results.coverage.statuses, results.delivery
    reasons = delivery.reasons if delivery is not None else {}
    lacks = []
    clips = reasons.get(DeliveryStatus.MISSING, {})
    if without_clip := sum(clips.values()):
        told = f"{_have(without_clip)} no clip that can be read: {_first(clips)}"
        lacks.append(Lack(DeliveryStatus.MISSING, told, _MEND_CLIPS))
    if unsupported := counts.get(DeliveryStatus.UNSUPPORTED, 0):
        why = _first(reasons.get(DeliveryStatus.UNSUPPORTED, {}))
        told = f"{count_of(unsupported, 'item')} cannot be put to the model{why and ': '}{why}"
        lacks.append(Lack(DeliveryStatus.UNSUPPORTED, told, _SUIT_THE_MODEL))
    if failed := counts.get(DeliveryStatus.FAILED, 0):
        why = _first(reasons.get(DeliveryStatus.FAILED, {}))
        told = f"{count_of(failed, 'item')} failed{why and ': '}{why}"
        lacks.append(Lack(DeliveryStatus.FAILED, told, _GO_ON))
    unasked = counts.get(DeliveryStatus.MISSING, 0) - without_clip - never_asked
    if unasked > 0:
        # Only of imported replies is it not known what reached the model.
        is_imported = delivery is None and results.coverage.covered > 0
        what, remedy = ("reply in what was imported", _IMPORT_AGAIN)
        if not is_imported:
            what, remedy = ("answer in the log", _GO_ON)
        told = f"{_have(unasked)} no {what}."
        lacks.append(Lack(DeliveryStatus.MISSING, told, remedy))
    return lacks


def lacks_in_words(manifest: Manifest, results: Results) -> tuple[str, str]:
    """Return :func:`what_lacks` as the sentences of an error: the problems, and the remedies."""
    lacks = what_lacks(results)
    remedies = list(dict.fromkeys(lack.remedy for lack in lacks)) or [_GO_ON]
    if manifest.imported is not None:
        remedies = [_IMPORT_AGAIN]
    elif manifest.shard is not None:
        remedies = [_JOIN]
    return " ".join(_ended(lack.problem) for lack in lacks), " ".join(remedies)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."


def _have(items: int) -> str:
    return f"{count_of(items, 'item')} {'has' if items == 1 else 'have'}"


def _first(reasons: Mapping[str, int]) -> str:
    named = [_ended(reason) for reason in reasons if reason != OTHER_REASONS]
    others = ["And others."] if len(reasons) > _MOST_NAMED else []
    return " ".join(named[:_MOST_NAMED] + others)

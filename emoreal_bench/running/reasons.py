"""Why items have no answer: each reason with its count."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.printable import plain_text

UNANSWERED = (
    DeliveryStatus.BLOCKED,
    DeliveryStatus.UNSUPPORTED,
    DeliveryStatus.FAILED,
)
"""The statuses of items for which a model, or what stands before it, is to blame."""

MOST_REASONS = 20
"""So many of one status are told apart; the rest is summed up."""

OTHER_REASONS = "other reasons"

_VARYING = re.compile(r"\b(?=[\w-]*\d)[\w-]{8,}\b|\d+")
"""Numbers and marks of requests, which make each of many equal messages another."""


class ReasonTally:
    """Counts reasons; two that differ only in numbers and marks of requests are one."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._examples: dict[tuple[str, str], str] = {}

    def add(self, status: str, detail: str | None) -> None:
        """Count the reason of one item, if its status wants one."""
        if status not in UNANSWERED:
            return
        reason = plain_text(detail or "no reason given", 300)
        key = status, _VARYING.sub("#", reason)
        self._counts[key] += 1
        # The smallest, so that the order of the items does not matter.
        self._examples[key] = min(reason, self._examples.get(key, reason))

    def summary(self) -> dict[str, dict[str, int]]:
        """Return the reasons of each status with their counts, the most frequent first."""
        reasons: dict[str, dict[str, int]] = {}
        by_count = sorted(self._counts, key=lambda key: (-self._counts[key], self._examples[key]))
        for status in UNANSWERED:
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

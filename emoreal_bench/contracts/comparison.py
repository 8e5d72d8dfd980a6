"""What a comparison of two runs says."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from emoreal_bench.contracts.scores import Interval
from emoreal_bench.contracts.vocabulary import Scoring


class Verdict(StrEnum):
    """What a comparison says of the second run, in words."""

    BETTER = "better"
    WORSE = "worse"
    NO_EVIDENCE = "no evidence"
    """The test could have found a difference that matters, and did not."""
    TOO_SMALL = "too small a test"
    """Even a difference that matters would probably have been missed."""


class Difference(BaseModel):
    """The second run less the first, on the same items."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    """Items in the denominator of both."""
    first: float
    """Accuracy of the first run."""
    second: float
    difference: float
    interval: Interval | None
    """Of the difference, at 95 percent, by the paired cluster bootstrap."""
    smallest_detectable: float | None
    """The true difference that this test finds four times in five."""
    only_first: int | None = None
    """Items that only the first run has right; null for an average."""
    only_second: int | None = None
    p_value: float | None = None
    """McNemar's exact test; null for an average."""
    adjusted_p_value: float | None = None
    """After Holm's correction over the subtasks."""
    verdict: Verdict


class Comparison(BaseModel):
    """Two runs of the same items under one scoring."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scoring: Scoring
    subtasks: dict[str, Difference]
    average: Difference
    """Of the unweighted means over the subtasks."""
    notes: tuple[str, ...] = ()

"""What the test of six methods says: differences of paired runs, with intervals and p-values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.statistics.paired import holm
from recipes.tiny_omni.confirming import (
    COUNTERFACTUAL,
    INVERSE,
    NAIVE,
    NO_TEXT,
    PRINTED,
    TURNED,
)

CONTRASTS = (
    (COUNTERFACTUAL, NO_TEXT),
    (TURNED, NO_TEXT),
    (INVERSE, NO_TEXT),
    (PRINTED, NO_TEXT),
    (NO_TEXT, NAIVE),
)
_LEVEL = 0.05
_DRAWS = 10_000
_TOLERANCE = 1e-9

Margins = NDArray[np.float64]
"""``(bases, seeds, clips)`` sums of the log-odds of a clip's traps, in nats."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One method against another on the traps.

    Attributes:
        one: The method.
        other: What it is held against.
        difference: Mean over traps and paired runs, in nats; above 0 ``one`` is better.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p_value: Of the exact sign-flip test over paired runs, two-sided.
        corrected: The same after Holm's correction over all contrasts.
    """

    one: str
    other: str
    difference: float
    low: float
    high: float
    p_value: float
    corrected: float


def compare(margins: Mapping[str, Margins], traps: NDArray[np.int64]) -> list[Contrast]:
    """Return the contrasts of the protocol.

    Args:
        margins: By method, of the same bases, seeds and clips.
        traps: ``(clips,)`` how many traps each clip has.
    """
    differences = [margins[one] - margins[other] for one, other in CONTRASTS]
    p_values = [_flip(of_runs.sum(axis=2).ravel() / traps.sum()) for of_runs in differences]
    corrected = [value for value, _ in holm(p_values, _LEVEL)]
    found = []
    for (one, other), of_runs, raw, whole in zip(
        CONTRASTS, differences, p_values, corrected, strict=True
    ):
        low, high = _interval(of_runs, traps)
        mean = float(of_runs.sum() / (traps.sum() * of_runs[..., 0].size))
        found.append(Contrast(one, other, mean, low, high, raw, whole))
    return found


def _flip(differences: NDArray[np.float64]) -> float:
    """Return how often the sum is as far from 0 where each difference may have either sign."""
    signs = np.array(list(product((-1.0, 1.0), repeat=differences.size)))
    sums = np.abs(signs @ differences)
    return float(np.mean(sums >= abs(differences.sum()) - _TOLERANCE))


def _interval(differences: Margins, traps: NDArray[np.int64]) -> tuple[float, float]:
    """Return the 95 % interval from drawing bases, then seeds of each, then clips, again."""
    rng = np.random.default_rng(0)
    bases, seeds, clips = differences.shape
    drawn = np.empty(_DRAWS)
    for draw in range(_DRAWS):
        # The clips are the same for all runs, so they are drawn once for all.
        times = np.bincount(rng.integers(clips, size=clips), minlength=clips)
        of_runs = differences @ times / (traps @ times)
        chosen = rng.integers(bases, size=(bases, 1))
        again = rng.integers(seeds, size=(bases, seeds))
        drawn[draw] = of_runs[chosen, again].mean()
    low, high = np.quantile(drawn, [_LEVEL / 2, 1 - _LEVEL / 2])
    return float(low), float(high)


def arrange(
    records: Sequence[Mapping[str, Any]], bases: Sequence[int], seeds: Sequence[int], clips: int
) -> tuple[dict[str, Margins], NDArray[np.int64]]:
    """Return what :func:`compare` takes, of the records of all trials on biased pairs.

    Args:
        records: Of :func:`recipes.tiny_omni.confirming.confirm`.
        bases: Their seeds.
        seeds: Of the adapters.
        clips: How many were asked about.
    """
    margins: dict[str, Margins] = {}
    traps = np.zeros(clips, np.int64)
    for record in records:
        if "method" not in record or record["balanced"]:
            continue
        shape = (len(bases), len(seeds), clips)
        of_method = margins.setdefault(str(record["method"]), np.zeros(shape))
        found = np.array(record["traps"], np.float64)
        numbers = found[:, 0].astype(np.int64)
        traps = np.bincount(numbers, minlength=clips)
        place = bases.index(record["base"]), seeds.index(record["seed"])
        of_method[place] = np.bincount(numbers, found[:, 1], minlength=clips)
    return margins, traps

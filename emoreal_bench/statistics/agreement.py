"""How far repeated judgements of the same things agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction


def krippendorff_alpha(units: Iterable[Sequence[int]]) -> float | None:
    """Compute Krippendorff's alpha with the interval metric.

    One minus the disagreement observed within units over the disagreement
    expected by chance, the disagreement of two values being their squared
    difference. Units may have different numbers of values; one with fewer than
    two says nothing of agreement and is left out. The result is exact up to its
    last rounding, whatever the order of units and values.

    Args:
        units: The whole numbers that each unit was given.

    Returns:
        1 for full agreement, 0 for agreement by chance, less for worse than
        chance; None where it is not defined: without two values of one unit, or
        if all values are equal.

    Source: Krippendorff, Computing Krippendorff's alpha-reliability, 2011.
    """
    within: defaultdict[int, int] = defaultdict(int)
    count = total = squares = 0
    for values in units:
        if len(values) < 2:
            continue
        its_total, its_squares = sum(values), sum(value * value for value in values)
        # Over all ordered pairs: sum of (x - y)^2 = 2 (m * sum of x^2 - (sum of x)^2).
        within[len(values)] += 2 * (len(values) * its_squares - its_total**2)
        count, total, squares = count + len(values), total + its_total, squares + its_squares
    overall = 2 * (count * squares - total**2)
    if overall == 0:
        return None
    observed = sum((Fraction(pairs, size - 1) for size, pairs in within.items()), Fraction(0))
    return float(1 - observed * (count - 1) / overall)

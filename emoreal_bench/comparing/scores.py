"""Compare two runs of the same items. Whether they may be compared is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from emoreal_bench.comparing.paired import (
    Paired,
    PairedTest,
    corrected,
    difference_of,
    exchange_clips,
)
from emoreal_bench.contracts.comparison import AVERAGE, Comparison, Difference, Verdict
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.metrics import metric_of

MetricTests = Mapping[tuple[str, str], PairedTest]
"""Tests of metrics, by metric and subtask."""

_OTHER_WAY = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}


def compare_pair(pair: Paired, scoring: Scoring, metrics: MetricTests | None = None) -> Comparison:
    """Compare two runs of a paired sample: the subtasks, the average, and other metrics.

    Args:
        pair: The sample.
        scoring: By which the answers were read.
        metrics: Tests of other metrics of the same runs, which belong to the same table.
    """
    metrics = metrics or {}
    tests = accuracy_tests(pair)
    found = corrected({key: test.p_value for key, test in (*tests.items(), *metrics.items())})
    by_metric: dict[str, dict[str, Difference]] = {}
    for key, test in metrics.items():
        metric, subtask = key
        difference = difference_of(test, found[key])
        if metric_of(metric).better == "lower":
            verdict = _OTHER_WAY.get(difference.verdict, difference.verdict)
            difference = difference.model_copy(update={"verdict": verdict})
        by_metric.setdefault(metric, {})[subtask] = difference
    return Comparison(
        scoring=scoring,
        subtasks={name: difference_of(tests[name], found[name]) for name in pair.names},
        average=difference_of(tests[AVERAGE], found[AVERAGE]),
        metrics=by_metric,
        notes=tuple(f"no items of {name} in common" for name in pair.absent),
    )


def accuracy_tests(pair: Paired) -> dict[str, PairedTest]:
    """Test each subtask, and the average over them."""
    subtasks = {name: exchange_clips(pair.subtask(name)) for name in pair.names}
    return {**subtasks, AVERAGE: exchange_clips(pair)}

"""How often a 95 % interval holds the truth: simulated runs of models whose scores are known.

Clips have one or several questions, which are hard or easy together (correlation: of
two answers about one clip). Each row is a grid of nearby accuracies: the coverage
over them all, the lowest of one, and the misses on each side. A run matters only
through its sums over clips, so where clips have few possible outcomes, how often each
comes is drawn, and not clip by clip.

Usage: python benchmarks/coverage.py [--quick] [--scale 4] [--processes 2]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from math import comb, exp, lgamma
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.scoring.clip_intervals import (
    CLIPS_OF_A_CLASS,
    mean_share,
    metric_groupings,
    share_groupings,
)
from emoreal_bench.scoring.counts import feature_width
from emoreal_bench.scoring.frame import Layout
from emoreal_bench.scoring.metrics import compute_metrics
from emoreal_bench.statistics.clustered import SHARE, Moments, interval_bounds

if TYPE_CHECKING:
    Numbers = NDArray[np.float64]
    Formula = Callable[[Numbers], Mapping[str, Numbers]]

RESULTS = Path(__file__).parent / "results" / "coverage.json"
ITEMS = (48, 100, 200, 400, 1000, 4000)
ACCURACIES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99, 1.0)
NEARBY = (-1.0, -0.5, 0.0, 0.5, 1.0)
SHAPES: Mapping[str, tuple[int, ...]] = {
    "1": (1,),
    "1 to 5": (1, 2, 3, 4, 5),
    "5": (5,),
    # The clips of "AV Hallucination (Audio)" by their questions, in the owners' file
    # AVHBench-Align-FT/qa_final_single_filtered.json.
    "AVHBench": (1,) * 470 + (2,) * 560 + (3,) * 188 + (4,) * 34,
}
SEVEN_CLASSES = np.array([2488, 1979, 2709, 2231, 1498, 146, 981]) / 12032
"""Those of DFEW (Jiang et al., 2020), in its single-labelled clips: disgust is one in 82."""
THREE_CLASSES = np.array([0.3, 0.3, 0.4])
HARDER = 0.6
"""As often as in the others is the rarest class right where it is hard."""
LEAST, LEAST_OF_ONE, MOST = 0.935, 0.91, 0.97
COLUMNS = (
    *("kind", "score", "shape", "correlation", "items", "accuracy", "samples", "without"),
    *("coverage", "lowest", "too_low", "too_high", "width"),
)
"""Of the record: ``samples`` runs at each accuracy, ``without`` the share that has no interval."""
_CELLS_AT_ONCE = 3_000_000
_PRODUCTS_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    """One kind of runs.

    Attributes:
        kind: What is scored.
        shape: Questions of a clip.
        correlation: Of two answers about a clip.
        items: Of a run, or of each subtask of an average.
        accuracy: In the middle of the grid.
        samples: Runs at each accuracy of the grid.
    """

    kind: str
    shape: str
    correlation: float
    items: int
    accuracy: float
    samples: int

    @property
    def clips(self) -> int:
        """How many a run has."""
        return round(self.items / float(np.mean(SHAPES[self.shape])))

    def grid(self) -> list[float]:
        """Return the nearby accuracies."""
        step = min(0.01, (1 - self.accuracy) / 2)
        return [self.accuracy + step * place for place in NEARBY] if step else [1.0]


@dataclass(frozen=True, slots=True)
class Runs:
    """Simulated runs of one accuracy.

    Attributes:
        moments: Of ``(samples,)`` runs.
        expected: ``(features,)`` what is counted on average, up to a factor.
        of_class: ``(samples, classes)`` how many clips each class has; of no class if empty.
    """

    moments: Moments
    expected: Numbers
    of_class: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))

    @property
    def enough(self) -> NDArray[np.bool_]:
        """``(samples,)`` which runs have enough clips of every class for an interval."""
        if not self.of_class.size:
            return np.ones(len(self.moments.totals), np.bool_)
        return np.asarray((self.of_class >= CLIPS_OF_A_CLASS).all(axis=1))


def draw_outcomes(
    outcomes: Numbers, odds: Numbers, clips: int, samples: int, source: np.random.Generator
) -> tuple[NDArray[np.int64], Moments]:
    """Draw how often clips have each outcome, and sum them.

    Args:
        outcomes: ``(outcomes, features)`` what a clip counts.
        odds: ``(outcomes,)`` of each.
        clips: Of a run.
        samples: How many runs.
        source: Of chance.
    """
    times = source.multinomial(clips, odds / odds.sum(), size=samples)
    squares = np.einsum("oi,oj->oij", outcomes, outcomes).reshape(len(outcomes), -1)
    width = outcomes.shape[1]
    products = (times.astype(float) @ squares).reshape(samples, width, width)
    return times, Moments(times @ outcomes, products, clips)


@dataclass(frozen=True, slots=True)
class Kind:
    """What is scored.

    Attributes:
        simulate: Draws runs.
        formula: Computes the scores from totals.
        layout: Of metrics; None for a mean of shares.
        names: Of the scores.
    """

    simulate: Callable[[Setting, float, int, np.random.Generator], Runs]
    formula: Formula
    layout: Layout | None = None
    names: tuple[str, ...] = ("mean",)


def ask(
    setting: Setting, clips: NDArray[np.float32], source: np.random.Generator
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.float32]]]:
    """Yield, question by question, which clips have one more, and how hard it is from 0 to 1.

    It is as hard as its clip with the probability of the square root of the correlation,
    else as hard as it is itself: so two answers correlate.

    Args:
        setting: Of the runs.
        clips: ``(samples, clips)`` how hard they are.
        source: Of chance.
    """
    sizes = source.choice(SHAPES[setting.shape], size=clips.shape)
    for question in range(int(sizes.max())):
        own = source.random(clips.shape, np.float32)
        as_its_clip = source.random(clips.shape, np.float32) < np.sqrt(setting.correlation)
        yield question < sizes, np.where(as_its_clip, clips, own)


def simulate_accuracy(
    setting: Setting, accuracy: float, samples: int, source: np.random.Generator
) -> Runs:
    """Draw questions and right answers; how hard clips are follows a beta distribution."""
    sizes, times = np.unique(SHAPES[setting.shape], return_counts=True)
    outcomes, odds = [], []
    for size, often in zip(sizes.tolist(), times.tolist(), strict=True):
        for right in range(size + 1):
            outcomes.append((size, right))
            odds.append(often * _odds_of(right, size, accuracy, setting.correlation))
    drawn = draw_outcomes(
        np.array(outcomes, float), np.array(odds), setting.clips, samples, source
    )[1]
    return Runs(drawn, np.array([1, accuracy]))


def _odds_of(right: int, size: int, accuracy: float, correlation: float) -> float:
    """Return how likely so many of a clip's questions are right: beta-binomial."""
    if accuracy == 1 or not correlation:
        return comb(size, right) * accuracy**right * (1 - accuracy) ** (size - right)
    spread = 1 / correlation - 1
    ones, others = accuracy * spread, (1 - accuracy) * spread
    logarithm = lgamma(right + ones) + lgamma(size - right + others) - lgamma(size + spread)
    return comb(size, right) * exp(logarithm + lgamma(spread) - lgamma(ones) - lgamma(others))


def simulate_average(
    setting: Setting, accuracy: float, samples: int, source: np.random.Generator
) -> Runs:
    """Draw five subtasks about the same clips, which are hard or easy in all of them."""
    accuracies = accuracy + (1 - accuracy) * np.array([-0.4, -0.2, 0.0, 0.2, 0.4])
    clips = source.random((samples, setting.clips), np.float32)
    counts = np.zeros((samples, setting.clips, 10), np.int64)
    for subtask, its_accuracy in enumerate(accuracies):
        for asked, hard in ask(setting, clips, source):
            counts[..., 2 * subtask] += asked
            counts[..., 2 * subtask + 1] += asked & (hard < its_accuracy)
    return Runs(Moments.of(counts), np.stack([np.ones(5), accuracies], axis=1).ravel())


def simulate_yes_no(
    setting: Setting, accuracy: float, samples: int, source: np.random.Generator
) -> Runs:
    """Draw a stress test: half of the questions are about cues that are there."""
    share = np.array([0.5, 0.25, 0.25])
    recall = accuracy + 0.3 * (1 - accuracy) * np.array([1, -1, -1])
    # The features of a wrong and of a right answer: to gold yes, and to two kinds of gold no.
    features = np.zeros((3, 2, feature_width(YES_NO)), np.int64)
    features[0, (0, 1), (1, 0)] = features[1:, 0, 3] = features[1:, 1, 4] = 1
    features[1, :, 6] = features[2, :, 8] = features[1, 0, 7] = features[2, 0, 9] = 1
    clips = source.random((samples, setting.clips), np.float32)
    counts = np.zeros((*clips.shape, features.shape[-1]), np.int64)
    of_class = np.zeros((*clips.shape, 2), np.bool_)
    for asked, hard in ask(setting, clips, source):
        gold = source.choice(3, p=share, size=clips.shape)
        counts += features[gold, (hard < recall[gold]).astype(int)] * asked[..., None]
        of_class[..., 0] |= asked & (gold == 0)
        of_class[..., 1] |= asked & (gold > 0)
    odds = np.stack([1 - recall, recall], axis=1) * share[:, None]
    expected = np.einsum("ga,gaf->f", odds, features)
    return Runs(Moments.of(counts), expected, of_class.sum(axis=1))


def simulate_labels(
    share: Numbers,
    harder: float,
    setting: Setting,
    accuracy: float,
    samples: int,
    source: np.random.Generator,
) -> Runs:
    """Draw clips of one class each; wrong labels are others by their share, one in ten none.

    Args:
        share: Of each class in the clips.
        harder: As often as otherwise is the rarest class right.
        setting: Of the runs.
        accuracy: Mean recall of the classes, but for that.
        samples: How many runs.
        source: Of chance.
    """
    classes = share.size
    recall = accuracy + (1 - accuracy) * np.linspace(-0.5, 0.5, classes)
    recall[share.argmin()] *= harder
    odds = np.tile(np.append(share, 0), (classes, 1)) * (1 - np.eye(classes, classes + 1))
    odds *= 0.9 * (1 - recall[:, None]) / odds.sum(axis=1, keepdims=True)
    odds[:, -1] = 0.1 * (1 - recall)
    table = odds.copy()
    table[np.arange(classes), np.arange(classes)] = recall
    expected = (share[:, None] * table).ravel()
    if setting.shape == "1":
        times, moments = draw_outcomes(
            np.eye(expected.size), expected, setting.clips, samples, source
        )
        return Runs(moments, expected, times.reshape(samples, classes, -1).sum(axis=2))
    # The right label first, so that a question is answered right if it is not too hard.
    ranges = np.cumsum(np.column_stack([recall, odds]), axis=1)
    clips = source.random((samples, setting.clips), np.float32)
    gold = source.choice(classes, p=share, size=clips.shape)
    cells = classes * (classes + 1)
    counts = np.zeros(clips.size * cells, np.int64)
    first = np.arange(clips.size).reshape(clips.shape) * cells + gold * (classes + 1)
    for asked, hard in ask(setting, clips, source):
        place = np.minimum((hard[..., None] > ranges[gold]).sum(axis=-1), classes + 1)
        answer = np.where(place == 0, gold, place - 1)
        counts += np.bincount((first + answer)[asked], minlength=counts.size)
    of_class = (gold[..., None] == np.arange(classes)).sum(axis=1)
    return Runs(Moments.of(counts.reshape(*clips.shape, cells)), expected, of_class)


YES_NO = Layout(AnswerKind.YES_NO, ("yes", "no"))


def _kinds() -> dict[str, Kind]:
    kinds = {
        "accuracy": Kind(simulate_accuracy, mean_share),
        "average of five subtasks": Kind(simulate_average, mean_share),
    }
    for name, share, harder in (
        ("three classes", THREE_CLASSES, 1.0),
        ("classes of DFEW", SEVEN_CLASSES, 1.0),
        ("classes of DFEW, disgust hard", SEVEN_CLASSES, HARDER),
    ):
        layout = Layout(AnswerKind.LABEL, tuple("abcdefg"[: share.size]))
        formula = partial(compute_metrics, layout, predicted_classes_count=False)
        names = ("uar", "macro_f1", "weighted_f1", "war")
        kinds[name] = Kind(partial(simulate_labels, share, harder), formula, layout, names)
    formula = partial(compute_metrics, YES_NO, predicted_classes_count=False)
    names = ("f1", "yes_recall", "hallucination_rate", "yes_precision")
    kinds["yes or no"] = Kind(simulate_yes_no, formula, YES_NO, names)
    return kinds


KINDS = _kinds()


def bounds_of(kind: Kind, moments: Moments) -> Iterator[dict[str, tuple[Numbers, Numbers]]]:
    """Compute the intervals of the product, part by part."""
    step = max(1, _PRODUCTS_AT_ONCE // moments.products[0].size)
    for start in range(0, len(moments.totals), step):
        totals = moments.totals[start : start + step]
        part = Moments(totals, moments.products[start : start + step], moments.clips)
        groupings = (
            metric_groupings([kind.layout], totals, kind.names)
            if kind.layout
            else share_groupings(totals)
        )
        yield interval_bounds(part, kind.formula, dict.fromkeys(kind.names, SHARE), groupings)


@dataclass(slots=True)
class Tally:
    """How often intervals held the truth at each accuracy of a grid."""

    held: list[float]
    below: list[float]
    above: list[float]
    width: list[float]

    def row(self) -> dict[str, float]:
        """Return means over the grid, and the lowest coverage of one accuracy."""
        return {
            "coverage": round(float(np.mean(self.held)), 4),
            "lowest": round(min(self.held), 4),
            "too_low": round(float(np.mean(self.below)), 4),
            "too_high": round(float(np.mean(self.above)), 4),
            "width": round(float(np.mean(self.width)), 4),
        }


def measure(numbered: tuple[int, Setting]) -> list[dict[str, Any]]:
    """Simulate the runs of a setting; return a row for each score."""
    seed, setting = numbered
    source = np.random.default_rng(seed)
    kind = KINDS[setting.kind]
    tallies = {name: Tally([], [], [], []) for name in kind.names}
    without = []
    for accuracy in setting.grid():
        bounds: dict[str, list[Numbers]] = {name: [] for name in kind.names}
        enough, truth, done = [], {}, 0
        step = max(1, _CELLS_AT_ONCE // (setting.clips * (10 if kind.layout is None else 56)))
        while done < setting.samples:
            runs = kind.simulate(setting, accuracy, min(step, setting.samples - done), source)
            truth = {name: float(kind.formula(runs.expected)[name]) for name in kind.names}
            enough.append(runs.enough)
            done += len(runs.enough)
            kept, clips = runs.enough, runs.moments.clips
            moments = Moments(runs.moments.totals[kept], runs.moments.products[kept], clips)
            for found in bounds_of(kind, moments) if kept.any() else ():
                for name, pair in found.items():
                    bounds[name].append(np.stack(pair, axis=1))
        without.append(1 - float(np.concatenate(enough).mean()))
        for name in kind.names:
            _add(tallies[name], np.concatenate(bounds[name]) if bounds[name] else None, truth[name])
    about = asdict(setting) | {"without": round(float(np.mean(without)), 3)}
    return [
        about | {"score": "accuracy" if name == "war" else name} | tally.row()
        for name, tally in tallies.items()
        if tally.held
    ]


def _add(tally: Tally, bounds: Numbers | None, truth: float) -> None:
    if bounds is None:
        return
    low, high = bounds.T
    # Rounded, since 1 may be computed as 0.9999999999999999. No interval holds nothing.
    truth = round(truth, 10)
    tally.held.append(float(((low <= truth) & (truth <= high)).mean()))
    tally.below.append(float((high < truth).mean()))
    tally.above.append(float((low > truth).mean()))
    tally.width.append(float(np.nanmean(high - low)) if not np.isnan(low).all() else 0.0)


def settings(*, quick: bool) -> Iterator[Setting]:
    """List what is simulated; in full some minutes of one processor, quickly some seconds."""
    for shape in SHAPES:
        for correlation in (0.0,) if shape == "1" else (0.0, 0.3, 0.5):
            for items in ITEMS:
                for accuracy in ACCURACIES:
                    is_shown = correlation == 0.3 and shape == "1 to 5"
                    if not quick or (is_shown and items in (48, 200) and accuracy in (0.5, 0.95)):
                        samples = 400 if quick else 1500
                        yield Setting("accuracy", shape, correlation, items, accuracy, samples)
    if quick:
        yield Setting("classes of DFEW", "1", 0.0, 400, 0.9, 40)
        yield Setting("average of five subtasks", "1", 0.3, 48, 0.95, 100)
        yield Setting("yes or no", "1 to 5", 0.3, 200, 0.9, 100)
        return
    for kind, shape, correlation, sizes, samples in (
        ("average of five subtasks", "1", 0.0, (48, 200, 1000), 400),
        ("average of five subtasks", "1", 0.3, (48, 200, 1000), 400),
        ("average of five subtasks", "1", 0.5, (48, 200), 400),
        ("average of five subtasks", "1 to 5", 0.3, (48, 200, 1000), 400),
        ("yes or no", "1", 0.0, (48, 100, 200, 400, 1000), 200),
        ("yes or no", "1 to 5", 0.3, (48, 100, 200, 400, 1000), 200),
        ("yes or no", "AVHBench", 0.5, (200, 1000), 200),
        ("three classes", "1", 0.0, (48, 100, 200, 1000), 200),
        ("three classes", "1 to 5", 0.3, (200, 1000), 200),
        ("classes of DFEW", "1", 0.0, (400, 1000, 4000), 200),
        ("classes of DFEW", "1 to 5", 0.3, (1000, 4000), 120),
        ("classes of DFEW, disgust hard", "1", 0.0, (400, 1000), 200),
    ):
        for items in sizes:
            for accuracy in (0.5, 0.7, 0.9, 0.95, 0.97, 0.99, 1.0):
                yield Setting(kind, shape, correlation, items, accuracy, samples)


def missed_bars(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """List the rows that miss a bar."""
    missed: dict[str, list[str]] = {
        f"under {LEAST:.1%} over the grid": [],
        f"under {LEAST_OF_ONE:.0%} at one accuracy": [],
        f"over {MOST:.0%} from 200 items and up to 95 %": [],
    }
    least, least_of_one, most = missed.values()
    for row in rows:
        if row["coverage"] < LEAST:
            least.append(f"{describe(row)}: {row['coverage']:.1%}")
        # A lowest of five is below it by chance too.
        chance = 2 * float(np.sqrt(0.05 * 0.95 / (row["samples"] * (1 - row["without"]))))
        if row["lowest"] < LEAST_OF_ONE - chance:
            least_of_one.append(f"{describe(row)}: {row['lowest']:.1%}")
        if row["items"] >= 200 and row["accuracy"] <= 0.95 and row["coverage"] > MOST:
            most.append(f"{describe(row)}: {row['coverage']:.1%}")
    return missed


def describe(row: Mapping[str, Any]) -> str:
    """Name a row."""
    return (
        f"{row['kind']}, {row['score']}, {row['items']} items, {row['shape']} a clip, "
        f"correlation {row['correlation']}, accuracy {row['accuracy']}"
    )


def record_text(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the record, a line for each row."""
    lines = ",\n".join("    " + json.dumps([row[name] for name in COLUMNS]) for row in rows)
    return json.dumps(record, indent=2)[:-2] + f',\n  "rows": [\n{lines}\n  ]\n}}\n'


def line(row: Mapping[str, Any]) -> str:
    """Write a row for the terminal."""
    return (
        f"{describe(row)}: {row['coverage']:.3f} (lowest {row['lowest']:.3f}, too low "
        f"{row['too_low']:.3f}, too high {row['too_high']:.3f}), {row['width']:.3f} wide"
    )


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few settings, and no record")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--scale", type=int, default=1, help="so many times as many runs")
    options = parser.parse_args()
    started = time.perf_counter()
    numbered = list(
        enumerate(
            replace(setting, samples=options.scale * setting.samples)
            for setting in settings(quick=options.quick)
        )
    )
    rows = []
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        for found in pool.map(measure, numbered, chunksize=4):
            rows += found
            print(*(line(row) for row in found), sep="\n", flush=True)
    missed = missed_bars(rows)
    print(json.dumps(missed, indent=2))
    if options.quick:
        return
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numpy",)},
        "cores": os.cpu_count(),
        "seconds": round(time.perf_counter() - started),
        "missed_bars": missed,
        "columns": COLUMNS,
    }
    RESULTS.write_text(record_text(record, rows), encoding="utf-8")


if __name__ == "__main__":
    main()

"""How often a 95 % interval holds the truth: simulated runs of models whose scores are known.

Clips have one or several questions, which are hard or easy together (correlation: of
two answers about one clip). Each row is a grid of nearby accuracies: the coverage
over them all, the lowest of one, and the misses on each side. Beside the intervals of
the product stand those that it had before: percentiles of a bootstrap over clips, and
of an accuracy that is the same in every clip Wilson's.

Usage: python benchmarks/coverage.py [--quick] [--scale 4]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
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
from emoreal_bench.statistics.intervals import wilson_interval

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
LEAST, LEAST_OF_ONE, MOST = 0.935, 0.91, 0.97
REPLICATES = 1000
COLUMNS = (
    *("kind", "score", "shape", "correlation", "items", "accuracy", "samples", "without"),
    *("coverage", "lowest", "too_low", "too_high", "width", "before", "before_width"),
)
"""Of the record: ``samples`` runs at each accuracy, ``without`` the share that has no interval."""
_CELLS_AT_ONCE = 3_000_000


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
        bootstrapped: How many of these get the intervals of before too.
    """

    kind: str
    shape: str
    correlation: float
    items: int
    accuracy: float
    samples: int
    bootstrapped: int

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
        counts: ``(samples, clips, features)``.
        expected: ``(features,)`` what is counted on average, up to a factor.
    """

    counts: NDArray[np.int64]
    expected: Numbers


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
    sizes = source.choice(SHAPES[setting.shape], size=(samples, setting.clips))
    chance: Numbers | float = accuracy
    if setting.correlation and accuracy < 1:
        spread = 1 / setting.correlation - 1
        chance = source.beta(accuracy * spread, (1 - accuracy) * spread, size=sizes.shape)
    counts = np.stack([sizes, source.binomial(sizes, chance)], axis=-1)
    return Runs(counts, np.array([1, accuracy]))


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
    return Runs(counts, np.stack([np.ones(5), accuracies], axis=1).ravel())


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
    for asked, hard in ask(setting, clips, source):
        gold = source.choice(3, p=share, size=clips.shape)
        counts += features[gold, (hard < recall[gold]).astype(int)] * asked[..., None]
    odds = np.stack([1 - recall, recall], axis=1) * share[:, None]
    return Runs(counts, np.einsum("ga,gaf->f", odds, features))


def simulate_labels(
    share: Numbers, setting: Setting, accuracy: float, samples: int, source: np.random.Generator
) -> Runs:
    """Draw clips of one class each; wrong labels are others by their share, one in ten none."""
    classes = share.size
    recall = accuracy + (1 - accuracy) * np.linspace(-0.5, 0.5, classes)
    odds = np.tile(np.append(share, 0), (classes, 1)) * (1 - np.eye(classes, classes + 1))
    odds *= 0.9 * (1 - recall[:, None]) / odds.sum(axis=1, keepdims=True)
    odds[:, -1] = 0.1 * (1 - recall)
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
    odds[np.arange(classes), np.arange(classes)] = recall
    return Runs(counts.reshape(*clips.shape, cells), (share[:, None] * odds).ravel())


YES_NO = Layout(AnswerKind.YES_NO, ("yes", "no"))


def _kinds() -> dict[str, Kind]:
    kinds = {
        "accuracy": Kind(simulate_accuracy, mean_share),
        "average of five subtasks": Kind(simulate_average, mean_share),
    }
    for name, share in (("three classes", THREE_CLASSES), ("classes of DFEW", SEVEN_CLASSES)):
        layout = Layout(AnswerKind.LABEL, tuple("abcdefg"[: share.size]))
        formula = partial(compute_metrics, layout, predicted_classes_count=False)
        names = ("uar", "macro_f1", "weighted_f1", "war")
        kinds[name] = Kind(partial(simulate_labels, share), formula, layout, names)
    formula = partial(compute_metrics, YES_NO, predicted_classes_count=False)
    names = ("f1", "yes_recall", "hallucination_rate", "yes_precision")
    kinds["yes or no"] = Kind(simulate_yes_no, formula, YES_NO, names)
    return kinds


KINDS = _kinds()


def bounds_of(kind: Kind, counts: NDArray[np.int64]) -> dict[str, tuple[Numbers, Numbers]]:
    """Compute the intervals of the product for ``(samples, clips, features)`` counts."""
    moments = Moments.of(counts)
    groupings = (
        metric_groupings([kind.layout], moments.totals, kind.names)
        if kind.layout
        else share_groupings(moments.totals)
    )
    return interval_bounds(moments, kind.formula, dict.fromkeys(kind.names, SHARE), groupings)


def bootstrap_bounds(
    kind: Kind, counts: NDArray[np.int64], source: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """Compute the intervals of before for ``(clips, features)`` counts; NaN for none."""
    distinct, times = np.unique(counts, axis=0, return_counts=True)
    drawn = source.multinomial(len(counts), times / len(counts), size=REPLICATES)
    replicates = kind.formula(drawn.astype(float) @ distinct)
    found = {}
    for name in kind.names:
        low, high = np.nanquantile(replicates[name], [0.025, 0.975])
        if low == high:
            none = (np.nan, np.nan)
            is_accuracy = name == "war" or (name == "mean" and counts.shape[1] == 2)
            low, high = wilson_interval(low * len(counts), len(counts)) if is_accuracy else none
        found[name] = low, high
    return found


def few_of_a_class(kind: Kind, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return ``(samples,)`` which runs have too few clips of a class for an interval."""
    if kind.layout is None:
        return np.zeros(len(counts), np.bool_)
    classes = len(kind.layout.classes)
    rows = counts[..., : classes * (classes + 1)]
    clips = np.count_nonzero(rows.reshape(*counts.shape[:2], classes, -1).any(-1), axis=1)
    few: NDArray[np.bool_] = ((clips > 0) & (clips < CLIPS_OF_A_CLASS)).any(axis=1)
    return few


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
    new, old = ({name: Tally([], [], [], []) for name in kind.names} for _ in range(2))
    without = []
    for accuracy in setting.grid():
        bounds: dict[str, list[Numbers]] = {name: [] for name in kind.names}
        before: dict[str, list[tuple[float, float]]] = {name: [] for name in kind.names}
        few, truth, done = [], {}, 0
        width = 10 if kind.layout is None else feature_width(kind.layout)
        step = max(1, _CELLS_AT_ONCE // (setting.clips * width))
        while done < setting.samples:
            runs = kind.simulate(setting, accuracy, min(step, setting.samples - done), source)
            truth = {name: float(kind.formula(runs.expected)[name]) for name in kind.names}
            is_few = few_of_a_class(kind, runs.counts)
            few.append(is_few)
            enough = runs.counts[~is_few]
            for name, found in bounds_of(kind, enough).items() if len(enough) else ():
                bounds[name].append(np.stack(found, axis=1))
            for counts in enough[: max(0, setting.bootstrapped - done)]:
                for name, one in bootstrap_bounds(kind, counts, source).items():
                    before[name].append(one)
            done += len(runs.counts)
        without.append(float(np.concatenate(few).mean()))
        for name in kind.names:
            _add(new[name], np.concatenate(bounds[name]) if bounds[name] else None, truth[name])
            _add(old[name], np.array(before[name]) if before[name] else None, truth[name])
    about = asdict(setting) | {"without": round(float(np.mean(without)), 3)}
    return [
        about
        | {"score": "accuracy" if name == "war" else name}
        | new[name].row()
        | ({"before": old[name].row()} if old[name].held else {})
        for name in kind.names
        if new[name].held
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
    """List what is simulated; in full some minutes, quickly some seconds."""
    for shape in SHAPES:
        for correlation in (0.0,) if shape == "1" else (0.0, 0.3, 0.5):
            for items in ITEMS:
                for accuracy in ACCURACIES:
                    is_shown = correlation == 0.3 and shape == "1 to 5" and items < 4000
                    chosen = is_shown and items in (48, 200) and accuracy in (0.5, 0.95)
                    samples = min(1000, 600_000 // items)
                    if not quick or chosen:
                        yield Setting(
                            *("accuracy", shape, correlation, items, accuracy),
                            samples=400 if quick else samples,
                            bootstrapped=(20 if quick else 40) if is_shown else 0,
                        )
    if quick:
        yield Setting("classes of DFEW", "1", 0.0, 400, 0.9, 40, 2)
        yield Setting("average of five subtasks", "1", 0.3, 48, 0.95, 100, 2)
        yield Setting("yes or no", "1 to 5", 0.3, 200, 0.9, 100, 2)
        return
    for kind, shape, correlation, sizes in (
        ("average of five subtasks", "1", 0.0, (48, 200, 1000)),
        ("average of five subtasks", "1", 0.3, (48, 200, 1000)),
        ("average of five subtasks", "1", 0.5, (48, 200)),
        ("average of five subtasks", "1 to 5", 0.3, (48, 200, 1000)),
        ("yes or no", "1", 0.0, (48, 100, 200, 400, 1000)),
        ("yes or no", "1 to 5", 0.3, (48, 100, 200, 400, 1000)),
        ("yes or no", "AVHBench", 0.5, (200, 1000)),
        ("three classes", "1", 0.0, (48, 100, 200, 1000)),
        ("three classes", "1 to 5", 0.3, (200, 1000)),
        ("classes of DFEW", "1", 0.0, (400, 1000, 4000)),
        ("classes of DFEW", "1 to 5", 0.3, (1000, 4000)),
    ):
        for items in sizes:
            for accuracy in (0.5, 0.7, 0.9, 0.95, 0.97, 0.99, 1.0):
                yield Setting(
                    kind,
                    shape,
                    correlation,
                    items,
                    accuracy,
                    samples=min(300, 150_000 // items),
                    bootstrapped=10 if correlation in (0.0, 0.3) and items <= 1000 else 0,
                )


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
    flat = [{**row, "before": None, "before_width": None, **_flat_before(row)} for row in rows]
    lines = ",\n".join("    " + json.dumps([row[name] for name in COLUMNS]) for row in flat)
    return json.dumps(record, indent=2)[:-2] + f',\n  "rows": [\n{lines}\n  ]\n}}\n'


def _flat_before(row: Mapping[str, Any]) -> dict[str, float]:
    before = row.get("before")
    return {"before": before["coverage"], "before_width": before["width"]} if before else {}


def line(row: Mapping[str, Any]) -> str:
    """Write a row for the terminal."""
    before = row.get("before")
    return (
        f"{describe(row)}: {row['coverage']:.3f} (lowest {row['lowest']:.3f}, too low "
        f"{row['too_low']:.3f}, too high {row['too_high']:.3f}), {row['width']:.3f} wide"
        + (f"; before {before['coverage']:.3f}, {before['width']:.3f} wide" if before else "")
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
            replace(
                setting,
                samples=options.scale * setting.samples,
                bootstrapped=options.scale * setting.bootstrapped,
            )
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

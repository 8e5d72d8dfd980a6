"""How often the paired test is wrong, and what it finds: false alarms and power, by simulation.

Usage: python benchmarks/paired.py [--quick] [--processes 2]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.comparing.paired import ClipSums, Paired
from emoreal_bench.comparing.ranks import LoneScore, paired_rank_ranges, rank_ranges
from emoreal_bench.comparing.scores import compare_pair
from emoreal_bench.contracts.check import DEFAULT_LEVEL
from emoreal_bench.contracts.comparison import Verdict
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.statistics.intervals import wilson_interval

RESULTS = Path(__file__).parent / "results" / "paired.json"
EMOREALM = (972, 1024, 456, 820, 728)
# Questions on what is heard, on what is seen, and on whether the two belong together, and how
# many clips of AVHBench have so many: counted in the owners' file
# AVHBench-Align-FT/qa_final_single_filtered.json, of github.com/kaist-ami/AVHBench.
AVHBENCH = (
    "001 805, 211 224, 101 165, 221 142, 201 137, 111 102, 301 97, 100 90, 321 66, 110 56, "
    "121 35, 011 26, 200 26, 401 20, 120 20, 331 19, 231 13, 220 12, 431 8, 010 6, 311 4, "
    "421 3, 021 3, 210 3, 341 2, 441 2, 131 2, 230 2, 241 1, 410 1"
)
FOUND = (Verdict.BETTER, Verdict.WORSE)
Bits = NDArray[np.bool_]
Answers = Callable[[np.random.Generator], Bits]


@dataclass(frozen=True)
class Questions:
    """A set of questions: the clip and the subtask of each."""

    clip: NDArray[np.int64]
    subtask: NDArray[np.int64]

    def sums(self, right: Bits) -> ClipSums:
        """Sum answers by clip and subtask."""
        return ClipSums(self._count(np.ones(right.size, np.bool_)), self._count(right))

    def pair(self, first: Bits, second: Bits) -> Paired:
        """Pair the answers of two models."""
        names = tuple(f"subtask {number}" for number in range(int(self.subtask.max()) + 1))
        lost, won = (self._count(one).sum(0) for one in (first & ~second, second & ~first))
        return Paired(self.sums(first), self.sums(second), names, np.stack([lost, won]))

    def _count(self, chosen: Bits) -> NDArray[np.int64]:
        shape = int(self.clip.max()) + 1, int(self.subtask.max()) + 1
        cells = self.clip[chosen] * shape[1] + self.subtask[chosen]
        return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)


def one_subtask_to_a_clip(source: np.random.Generator, items: int, largest: int = 5) -> Questions:
    """Ask one to ``largest`` questions about a clip, all of one of five subtasks."""
    sizes = source.integers(1, largest + 1, items)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), items)) + 1]
    clip = np.repeat(np.arange(sizes.size), sizes)[:items]
    return Questions(clip, (np.arange(sizes.size) % 5)[clip])


def like_emorealm(source: np.random.Generator) -> Questions:
    """Ask 4,000 questions of five subtasks, 1.5 to a clip."""
    subtask = np.repeat(np.arange(5), EMOREALM)
    _, clip = np.unique(
        source.integers(0, round(subtask.size / 1.5), subtask.size), return_inverse=True
    )
    return Questions(clip, subtask)


def like_avhbench(_: np.random.Generator) -> Questions:
    """Ask of each clip the questions that AVHBench asks of it, 5,302 of 2,092 clips."""
    kinds = [kind.split() for kind in AVHBENCH.split(", ")]
    counts = np.repeat(
        [list(map(int, digits)) for digits, _ in kinds], [int(n) for _, n in kinds], 0
    )
    clip, subtask = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), counts.shape[1])
    return Questions(clip, subtask)


def every_subtask(_: np.random.Generator, clips: int, subtasks: int = 3) -> Questions:
    """Ask one question of each subtask about each clip."""
    return Questions(np.repeat(np.arange(clips), subtasks), np.tile(np.arange(subtasks), clips))


def whole_clips(questions: Questions, share: float, _: np.random.Generator) -> Answers:
    """Make a model that has all questions of a clip right, or none."""
    clips = int(questions.clip.max()) + 1
    return lambda source: (source.random(clips) < share)[questions.clip]


def single(questions: Questions, share: float, _: np.random.Generator) -> Answers:
    """Make a model to which every question is as hard, whatever its clip."""
    return lambda source: source.random(questions.clip.size) < share


def by_difficulty(questions: Questions, share: float, source: np.random.Generator) -> Answers:
    """Make a model for which clips differ in difficulty, and that answers by chance within them."""
    ease = source.beta(0.6, 0.6 / share - 0.6, int(questions.clip.max()) + 1)[questions.clip]
    return lambda source: source.random(ease.size) < ease


def worsened(questions: Questions, answers: Answers, loss: float) -> Answers:
    """Make a model that loses so much in every subtask: right answers at random become wrong."""

    def answer(source: np.random.Generator) -> Bits:
        right = answers(source)
        for subtask in range(int(questions.subtask.max()) + 1):
            its = questions.subtask == subtask
            right &= ~its | (source.random(right.size) >= loss / right[its].mean())
        return right

    return answer


@dataclass(frozen=True)
class Setting:
    """What is compared, and how often.

    Attributes:
        name: In the results.
        questions: Makes a set of questions.
        first: Makes a model that answers them.
        share: Accuracy of the model.
        loss: By how much the second model is worse.
        second: Makes the second model; the first answers again if None.
        tables: How many comparisons.
        is_quick: Whether it is part of the quick form too.
    """

    name: str
    questions: Callable[[np.random.Generator], Questions]
    first: Callable[[Questions, float, np.random.Generator], Answers]
    share: float = 0.7
    loss: float = 0.0
    second: Callable[[Questions, float, np.random.Generator], Answers] | None = None
    tables: int = 6000
    is_quick: bool = False


_ITEMS_4000 = partial(one_subtask_to_a_clip, items=4000)
_ITEMS_400 = partial(one_subtask_to_a_clip, items=400)
SETTINGS = (
    Setting("whole clips, 4,000 items", _ITEMS_4000, whole_clips),
    Setting("whole clips, 400 items", _ITEMS_400, whole_clips, is_quick=True),
    Setting("whole clips at 95 %, 400 items", _ITEMS_400, whole_clips, share=0.95),
    Setting("whole clips against single items, 400 items", _ITEMS_400, whole_clips, second=single),
    Setting(
        "whole clips against single items at 90 %, 400 items",
        _ITEMS_400,
        whole_clips,
        share=0.9,
        second=single,
        is_quick=True,
    ),
    Setting(
        "whole clips against single items, AVHBench", like_avhbench, whole_clips, second=single
    ),
    Setting("whole clips, AVHBench", like_avhbench, whole_clips),
    Setting("clips of their own difficulty, AVHBench", like_avhbench, by_difficulty),
    Setting("clips of their own difficulty, EmoReAlM", like_emorealm, by_difficulty),
    Setting("whole clips, 2 clips", partial(every_subtask, clips=2), whole_clips, is_quick=True),
    Setting("30 clips", partial(every_subtask, clips=30), by_difficulty, is_quick=True),
    Setting(
        "loss of 3 points, EmoReAlM",
        like_emorealm,
        by_difficulty,
        share=0.6,
        loss=0.03,
        tables=2000,
        is_quick=True,
    ),
    Setting("loss of 3 points, whole clips", _ITEMS_4000, whole_clips, loss=0.03, tables=2000),
)


def compare_often(setting: Setting, tables: int) -> dict[str, float]:
    """Compare pairs of models and return the shares of comparisons that end in each way."""
    source = np.random.default_rng(7)
    counts = dict.fromkeys(("any", "average", "average: no evidence", "contradictions"), 0)
    for _ in range(tables):
        questions = setting.questions(source)
        answers = other = setting.first(questions, setting.share, source)
        if setting.second is not None:
            other = setting.second(questions, setting.share, source)
        if setting.loss:
            other = worsened(questions, answers, setting.loss)
        table = compare_pair(questions.pair(answers(source), other(source)), Scoring.STRICT)
        rows = (*table.subtasks.values(), table.average)
        found = [row.verdict in FOUND for row in rows]
        counts["any"] += any(found)
        counts["average"] += found[-1]
        counts["average: no evidence"] += rows[-1].verdict is Verdict.NO_EVIDENCE
        counts["contradictions"] += sum(
            row.interval is not None and (row.interval[0] > 0 or row.interval[1] < 0) is not hit
            for row, hit in zip(rows, found, strict=True)
        )
    return {name: count / tables for name, count in counts.items()}


@dataclass(frozen=True)
class Board:
    """Equal models on one leaderboard, so that any two told apart are a false finding."""

    models: int
    clips: int
    share: float
    paired: bool
    boards: int = 2000

    @property
    def name(self) -> str:
        """Say what is ranked how."""
        how = "paired" if self.paired else "from intervals"
        return f"{self.models} models at {self.share:.0%} on {self.clips} clips, {how}"


BOARDS = tuple(
    Board(models, clips, share, paired)
    for paired in (True, False)
    for models, clips, share in (
        (2, 2, 0.5),
        (2, 3, 0.5),
        (10, 30, 0.7),
        (20, 30, 0.7),
        (20, 30, 0.95),
        (10, 700, 0.7),
        (20, 700, 0.7),
    )
)


def rank_often(board: Board, boards: int) -> float:
    """Rank equal models and return the share of leaderboards on which any two are told apart."""
    source = np.random.default_rng(8)
    apart = 0
    for _ in range(boards):
        questions = every_subtask(source, board.clips, subtasks=1)
        answers = whole_clips(questions, board.share, source)
        runs = [questions.sums(answers(source)) for _ in range(board.models)]
        ranges = paired_rank_ranges(runs) if board.paired else rank_ranges(list(map(alone, runs)))
        apart += any(ranks != (1, board.models) for ranks in ranges)
    return apart / boards


def alone(run: ClipSums) -> LoneScore:
    """Keep of a run what its results say."""
    clips, right = len(run.right), float(run.right.sum())
    return LoneScore(right / clips, wilson_interval(right, clips), clips)


def measure(part: Setting | Board, share: float) -> dict[str, object]:
    """Simulate one part, with a share of its full number of draws."""
    start = time.process_time()
    if isinstance(part, Setting):
        count = round(part.tables * share)
        found: dict[str, object] = {"tables": count, **compare_often(part, count)}
    else:
        count = round(part.boards * share)
        found = {"boards": count, "told apart": rank_often(part, count)}
    return {"name": part.name, **found, "cpu_seconds": round(time.process_time() - start, 1)}


def main() -> None:
    """Simulate, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the smallest settings, a tenth")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    parts: list[Setting | Board] = [*SETTINGS, *BOARDS]
    if arguments.quick:
        parts = [part for part in SETTINGS if part.is_quick]
        parts += [board for board in BOARDS if board.clips <= 30]
    with ProcessPoolExecutor(arguments.processes, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(measure, parts, repeat(0.1 if arguments.quick else 1.0)))
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("emoreal-bench", "numpy")},
        },
        "level": DEFAULT_LEVEL,
        "comparisons": [one for one in found if "tables" in one],
        "leaderboards": [one for one in found if "boards" in one],
    }
    text = json.dumps(record, indent=2) + "\n"
    if not arguments.quick:
        RESULTS.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()

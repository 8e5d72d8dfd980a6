"""Measure, print and record; the package says what."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import benchmarks.peers
from benchmarks.decode import SECONDS, write_clips
from benchmarks.overhead import START_UP_ITEMS, about_here
from benchmarks.peers.clips import BOTH, FRAMES, PICTURE, WAYS, load_ours, load_theirs
from benchmarks.peers.environments import ENVIRONMENTS, NotRunError, install, python_of
from benchmarks.peers.process import Taken
from benchmarks.peers.questions import (
    SIDES,
    Questions,
    Scored,
    ask_ours,
    check_same,
    make_questions,
)

RESULTS = Path(__file__).parents[1] / "results" / "peers.json"
OURS = "emoreal-bench"
SIZE = (640, 360)
FEW_CLIPS = 1
_NAMED = ("inspect-ai", "lm-eval", "lmms-eval")


@dataclass(slots=True)
class Subject:
    """One side of a comparison.

    Attributes:
        name: Of the harness.
        settings: In words.
        few: Takes what start-up costs, and hardly more.
        many: Takes all.
        against: The side of ours; None for ours.
        runs: Few and many of each repeat.
        not_run: Why there are none; empty if there are.
    """

    name: str
    settings: str
    few: Callable[[], Taken]
    many: Callable[[], Taken]
    against: Subject | None = None
    runs: list[tuple[Taken, Taken]] = field(default_factory=list)
    not_run: str = ""

    def measure(self) -> None:
        """Measure once more, if nothing went wrong before."""
        if self.not_run:
            return
        print(f"measuring {self.name}: {self.settings}", file=sys.stderr)
        try:
            self.runs.append((self.few(), self.many()))
        except NotRunError as error:
            self.not_run = str(error)


def install_all(root: Path) -> dict[str, str]:
    """Install every peer below a folder, and return why some could not be."""
    reasons = {}
    for name in ENVIRONMENTS:
        try:
            install(name, root)
        except NotRunError as error:
            reasons[name] = str(error)
    return reasons


def question_subjects(folder: Path, items: int, environments: Path) -> list[Subject]:
    """Return the sides that put questions to a free model, ours first."""
    few, many = (make_questions(folder / str(count), count) for count in (START_UP_ITEMS, items))

    def ask(given: Questions, scored: Callable[[Questions, Path], Scored]) -> Taken:
        with tempfile.TemporaryDirectory(dir=folder) as empty:
            found = scored(given, Path(empty))
        check_same(given.expected, found)
        return found.taken

    ours = Subject(OURS, "as it comes", partial(ask, few, ask_ours), partial(ask, many, ask_ours))
    subjects = [ours]
    for side in SIDES:
        scored = partial(side.ask, python_of(side.environment, environments))
        ask_few, ask_many = (partial(ask, given, scored) for given in (few, many))
        subjects.append(Subject(side.environment, side.settings, ask_few, ask_many, ours))
    return subjects


def clip_subjects(folder: Path, clips: int, environments: Path) -> list[Subject]:
    """Return the sides that load clips, ours first."""
    python = python_of("lmms-eval", environments)
    paths = [folder / f"{number}.mp4" for number in range(clips)]
    write_clips(paths, SIZE)
    few = paths[:FEW_CLIPS]
    ours = {
        what: Subject(OURS, what, partial(load_ours, what, few), partial(load_ours, what, paths))
        for what in (PICTURE, BOTH)
    }
    subjects = list(ours.values())
    for way in WAYS:
        load_few, load_many = (partial(load_theirs, python, way, some) for some in (few, paths))
        own = ours[way.what]
        subjects.append(Subject("lmms-eval", way.settings, load_few, load_many, own))
    return subjects


def figures(subject: Subject, few: int, many: int) -> dict[str, float]:
    """Return the medians of what a side took."""
    start, whole = ([run[place] for run in subject.runs] for place in (0, 1))
    further = [
        1000 * (end.cpu_seconds - begin.cpu_seconds) / (many - few) for begin, end in subject.runs
    ]
    return {
        "cpu_seconds": round(median(run.cpu_seconds for run in whole), 2),
        "start_up_cpu_seconds": round(median(run.cpu_seconds for run in start), 2),
        "cpu_milliseconds_per_further": round(median(further), 3),
        "wall_seconds": round(median(run.wall_seconds for run in whole), 1),
    }


def describe(subject: Subject, few: int, many: int) -> dict[str, Any]:
    """Return what the record says of a side: figures, and how many times ours they are."""
    said: dict[str, Any] = {"name": subject.name, "settings": subject.settings}
    if subject.not_run:
        return {**said, "not_run": subject.not_run}
    said |= figures(subject, few, many)
    said["repeats"] = len(subject.runs)
    said["cpu_seconds_of_each"] = [round(whole.cpu_seconds, 2) for _, whole in subject.runs]
    if (ours := subject.against) is not None and ours.runs:
        own = figures(ours, few, many)
        said["against"] = ours.settings
        said["times_ours"] = {
            name: round(said[name] / own[name], 2) for name in own if own[name] > 0
        }
    return said


def write_record(
    questions: Sequence[Subject], clips: Sequence[Subject], given: argparse.Namespace, load: float
) -> str:
    """Record what was measured so far, and return it as text."""
    versions = {
        name: number
        for packages in ENVIRONMENTS.values()
        for name, number in (package.split("==") for package in packages)
    }
    here = about_here("numpy", "av")
    own = here.pop("versions")
    assert isinstance(own, dict)
    record = {
        **here,
        "versions": {**own, **{name: versions[name] for name in _NAMED}},
        # Without the folder of the environments: it is this machine's own.
        "command": f"python -m benchmarks.peers --items {given.items} --clips {given.clips} "
        f"--repeats {given.repeats}",
        "load_before": round(load, 1),
        "load_after": round(os.getloadavg()[0], 1),
        "environments": {name: list(packages) for name, packages in ENVIRONMENTS.items()},
        "questions": {
            "items": given.items,
            "few": START_UP_ITEMS,
            "sides": [describe(one, START_UP_ITEMS, given.items) for one in questions],
        },
        "clips": {
            "clips": given.clips,
            "few": FEW_CLIPS,
            "clip": f"{SIZE[0]}x{SIZE[1]}, {SECONDS} s, {FRAMES} frames",
            "sides": [describe(one, FEW_CLIPS, given.clips) for one in clips],
        },
    }
    text = json.dumps(record, indent=2) + "\n"
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text, encoding="utf-8")
    return text


def main() -> None:
    """Measure, print and record, from the first whole round on: an early end keeps its figures."""
    parser = argparse.ArgumentParser(description=benchmarks.peers.__doc__)
    parser.add_argument("--items", type=int, default=4_000, help="questions")
    parser.add_argument("--clips", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--environments", type=Path, default=Path("build/peers"))
    given = parser.parse_args()
    environments = given.environments.absolute()
    reasons = install_all(environments)
    load, text = os.getloadavg()[0], ""
    root = Path(tempfile.mkdtemp())
    try:
        (root / "clips").mkdir()
        clips = clip_subjects(root / "clips", given.clips, environments)
        questions = question_subjects(root, given.items, environments)
        sides = (*clips, *questions)
        for side in sides:
            side.not_run = reasons.get(side.name, "")
        for side in sides * given.repeats:
            side.measure()
            if all(one.runs or one.not_run for one in sides):
                text = write_record(questions, clips, given, load)
    finally:
        shutil.rmtree(root)
    print(text, end="")


if __name__ == "__main__":
    main()

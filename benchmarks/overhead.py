"""What the harness itself costs: CPU and memory per item with a model that costs nothing.

Makes data sets in the layout of EmoReAlM (its JSON, its shares of the subtasks,
its number of clips, each clip a file of a few bytes), runs the first-choice
baseline over them through the command line, each in a process of its own, and
records CPU seconds and peak memory. A run of 5 items stands for start-up. The
large run is measured twice: over the clips of EmoReAlM, and with a clip for each item.

Usage: python benchmarks/overhead.py [--items 4000] [--many 1000000]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "overhead.json"
CLIPS = 2649
SHARES = {
    "reasoning_basic_audio": 972,
    "reasoning_basic_video": 1024,
    "modality_agreement": 456,
    "reasoning_stress_audio": 820,
    "reasoning_stress_video": 728,
}
START_UP_ITEMS = 5
CPU_BUDGET_MILLISECONDS = 1.0
MEMORY_BUDGET_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took.

    Attributes:
        items: Of its data set.
        cpu_seconds: User and system time, its children included.
        peak_bytes: Most memory that it held at a time.
    """

    items: int
    cpu_seconds: float
    peak_bytes: int


def write_dataset(root: Path, items: int, clips: int = CLIPS) -> None:
    """Write a data set in the layout of EmoReAlM, so many items over at most so many clips."""
    subtasks = [name for name, share in SHARES.items() for _ in range(share)]
    step = 1597  # Coprime to the 4,000 places, so that the subtasks are mixed and in proportion.
    videos = root / "videos"
    for number in range(min(items, clips)):
        path = videos / clip_name(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"clip {number}".encode())
    with (root / "emorealm_v1.json").open("w", encoding="utf-8") as file:
        for number in range(items):
            subtask = subtasks[number * step % len(subtasks)]
            file.write("[" if number == 0 else ",\n")
            json.dump(make_item(number, subtask, number % clips), file)
        file.write("]")


def clip_name(number: int) -> str:
    """Give the path of a clip below the clip tree."""
    return f"part_{number % 11 + 1}/{number}.mp4"


def make_item(number: int, subtask: str, clip: int) -> dict[str, object]:
    """Make an item as long as those of EmoReAlM are."""
    is_basic = subtask.startswith("reasoning_basic")
    choices = ["Yes", "No"]
    if is_basic:
        choices = [f"A description of cue {number + place} in a few words" for place in range(4)]
    return {
        "id": f"{subtask}_{number}",
        "video": clip_name(clip),
        "task": subtask,
        "question": f"Which of these goes with the emotion that the person shows in clip {number}?",
        "choices": [f"({letter}) {text}" for letter, text in zip("ABCD", choices, strict=False)],
        "answer": "ABCD"[number % len(choices)],
    }


def measure(root: Path, items: int, runs: Path, options: Sequence[str] = ()) -> Cost:
    """Run the baseline over a data set in a process of its own.

    Args:
        root: The data set.
        items: How many it has.
        runs: Folder of runs.
        options: More of the command's.

    Raises:
        RuntimeError: If the command fails.
    """
    command = [
        *(sys.executable, "-c", "from emoreal_bench.cli import main; main()"),
        *("run", "--model", "baseline/first-choice"),
        *("--task", "emorealm", "--data", str(root), "--runs", str(runs), "--quiet", "--json"),
        *options,
    ]
    with Path(os.devnull).open("wb") as nowhere:
        process = os.posix_spawn(
            sys.executable,
            command,
            {**os.environ, "OMP_NUM_THREADS": "1"},
            file_actions=[(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1)],
        )
        _, status, usage = os.wait4(process, 0)
    if status:
        raise RuntimeError(f"the run of {items} items ended with status {status}")
    # Linux counts the peak in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(items, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def measure_all(
    sizes: Sequence[int], options: Sequence[str] = (), clips: int = CLIPS
) -> Iterator[Cost]:
    """Measure a fresh run of each size.

    Args:
        sizes: Numbers of items.
        options: More of the command's.
        clips: How many there are at most.
    """
    for items in sizes:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "data"
            root.mkdir()
            write_dataset(root, items, clips)
            yield measure(root, items, Path(folder) / "runs", options)


def milliseconds_per_item(start_up: Cost, run: Cost) -> float:
    """Return the CPU that each item takes beyond what a run takes to start."""
    return round(1000 * (run.cpu_seconds - start_up.cpu_seconds) / (run.items - start_up.items), 3)


def bytes_per_item(few: Cost, many: Cost) -> int:
    """Return the memory that a further item takes."""
    return round((many.peak_bytes - few.peak_bytes) / (many.items - few.items))


def describe(cost: Cost) -> dict[str, float | int]:
    """Return what the record says of a run."""
    return {
        "items": cost.items,
        "cpu_seconds": round(cost.cpu_seconds, 3),
        "peak_mebibytes": round(cost.peak_bytes / 2**20, 1),
    }


def about_here(*packages: str) -> dict[str, object]:
    """Return the date, the machine, and the versions of Python and of packages."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("emoreal-bench", *packages)},
        },
    }


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=4_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    given = parser.parse_args()
    start_up, usual, many = measure_all([START_UP_ITEMS, given.items, given.many])
    (own_clips,) = measure_all([given.many], clips=given.many)
    record = {
        **about_here("numpy", "jinja2", "pydantic"),
        "runs": [describe(cost) for cost in (start_up, usual, many)],
        "with_a_clip_for_each_item": describe(own_clips),
        "cpu_milliseconds_per_item": milliseconds_per_item(start_up, usual),
        "cpu_milliseconds_per_item_of_many": milliseconds_per_item(start_up, many),
        "cpu_milliseconds_per_item_with_its_own_clip": milliseconds_per_item(start_up, own_clips),
        "cpu_milliseconds_per_item_allowed": CPU_BUDGET_MILLISECONDS,
        "bytes_per_further_item": bytes_per_item(usual, many),
        "bytes_per_further_item_with_its_own_clip": bytes_per_item(usual, own_clips),
        "bytes_per_further_item_allowed": MEMORY_BUDGET_BYTES,
    }
    text = json.dumps(record, indent=2) + "\n"
    sys.stdout.write(text)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

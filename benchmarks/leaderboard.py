"""What a leaderboard costs: seconds to build 100 models on 5 tasks, twice, to the same bytes.

Usage: python benchmarks/leaderboard.py [--models 100] [--tasks 5]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "leaderboard.json"
BUDGET_SECONDS = 2.0


def write_runs(folder: Path, models: int, tasks: int) -> list[Path]:
    """Write made-up run folders, one for each model and task, some below full coverage."""
    sys.path.insert(0, str(ROOT))
    from tests.run_factory import MadeUpRun
    from tests.run_factory import write_runs as write

    random = np.random.default_rng(0)
    return write(
        folder,
        *(
            MadeUpRun(
                model=f"hf/example/model-{model:03d}",
                accuracy=float(random.uniform(0.3, 0.9)),
                hallucination_rate=float(random.uniform(0, 1)),
                failed=int(random.integers(0, 2) * random.integers(0, 2) * 40),
                task=f"task-{task}",
                request_hash=str(task) * 64,
            )
            for task in range(tasks)
            for model in range(models)
        ),
    )


@dataclass(frozen=True, slots=True)
class Build:
    """One build of a site: how long it took, of the clock and of the processor, and its files."""

    seconds: float
    cpu_seconds: float
    files: dict[str, bytes]


def build_timed(runs: list[Path], out: Path) -> Build:
    """Build the site, with loading the runs."""
    from emoreal_bench.reporting.leaderboard.build import build_leaderboard

    start, cpu_start = time.perf_counter(), time.process_time()
    build_leaderboard(runs, out)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    paths = (path for path in out.rglob("*") if path.is_file())
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}
    return Build(seconds, cpu_seconds, files)


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = write_runs(folder / "runs", arguments.models, arguments.tasks)
        builds = [build_timed(runs, folder / name) for name in ("first", "second")]
    sizes = [len(content) for content in builds[0].files.values()]
    are_same = builds[0].files == builds[1].files
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("emoreal-bench", "jinja2", "pydantic")},
        },
        "runs": len(runs),
        "load": round(os.getloadavg()[0], 1),
        "seconds": [round(build.seconds, 2) for build in builds],
        "cpu_seconds": [round(build.cpu_seconds, 2) for build in builds],
        "seconds_budget": BUDGET_SECONDS,
        "page_megabytes": round(len(builds[0].files["index.html"]) / 1e6, 2),
        "files": len(sizes),
        "megabytes": round(sum(sizes) / 1e6, 2),
        "same_bytes": are_same,
    }
    text = json.dumps(record, indent=2) + "\n"
    RESULTS.write_text(text, encoding="utf-8")
    print(text, end="")
    if not are_same:
        sys.exit("the same runs gave other bytes")


if __name__ == "__main__":
    main()

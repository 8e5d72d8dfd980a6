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


def build_timed(runs: list[Path], out: Path) -> tuple[float, bytes]:
    """Build the page, with loading the runs; give the seconds and the page."""
    from emoreal_bench.reporting.leaderboard import build_leaderboard

    start = time.perf_counter()
    page = build_leaderboard(runs, out)
    return time.perf_counter() - start, page.read_bytes()


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = write_runs(folder / "runs", arguments.models, arguments.tasks)
        seconds, page = build_timed(runs, folder / "first")
        seconds_again, page_again = build_timed(runs, folder / "second")
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("emoreal-bench", "jinja2", "pydantic")},
        },
        "runs": len(runs),
        "seconds": [round(seconds, 2), round(seconds_again, 2)],
        "seconds_budget": BUDGET_SECONDS,
        "page_megabytes": round(len(page) / 1e6, 2),
        "same_bytes": page == page_again,
    }
    text = json.dumps(record, indent=2) + "\n"
    RESULTS.write_text(text, encoding="utf-8")
    print(text, end="")
    if page != page_again:
        sys.exit("the same runs gave other bytes")


if __name__ == "__main__":
    main()

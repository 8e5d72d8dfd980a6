"""What 64 copies of a free model cost the process that drives them and writes the run.

A Ray cluster of this machine says that it has 64 CPUs, so that it holds 64 copies: real
processes, which answer at once. CPU and memory are those of the driver alone, of a run and
of one twice as large: what a few thousand items take at first is no cost of a further one.

Usage: python -m benchmarks.many_copies [--items 50000] [--copies 64]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.overhead import (
    CPU_BUDGET_MILLISECONDS,
    MEMORY_BUDGET_BYTES,
    about_here,
    bytes_per_item,
    describe,
    measure_all,
    milliseconds_per_item,
)

RESULTS = Path(__file__).parent / "results" / "many_copies.json"
PLACE_SECONDS = 1_200.0
"""Sixty-four processes take minutes to start on two cores."""


def main() -> None:
    """Measure, print and record."""
    # Before Ray is imported: its processes listen on the loopback interface only.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    from ray.cluster_utils import Cluster

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--copies", type=int, default=64)
    given = parser.parse_args()
    cluster: Any = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": given.copies, "include_dashboard": False},
    )
    options = [
        *("--executor", "ray", "--address", cluster.address, "--copies", str(given.copies)),
        *("--per-copy", "cpus=1", "--wait-for-copies", f"{PLACE_SECONDS:g}"),
    ]
    started = time.perf_counter()
    try:
        run, larger = measure_all([given.items, 2 * given.items], options)
    finally:
        cluster.shutdown()
    record = {
        **about_here("ray"),
        "copies": given.copies,
        "seconds": round(time.perf_counter() - started),
        "runs_of_the_driver": [describe(run), describe(larger)],
        "cpu_milliseconds_per_further_item": milliseconds_per_item(run, larger),
        "cpu_milliseconds_per_item_allowed": CPU_BUDGET_MILLISECONDS,
        "bytes_per_further_item": bytes_per_item(run, larger),
        "bytes_per_further_item_allowed": MEMORY_BUDGET_BYTES,
    }
    text = json.dumps(record, indent=2) + "\n"
    sys.stdout.write(text)
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

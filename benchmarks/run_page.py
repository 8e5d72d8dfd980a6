"""What a run page costs: seconds to write it, until a browser lists its items, and to search it.

Usage: python benchmarks/run_page.py [--items 400000]
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

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "run_page.json"
CHROMIUM = "/usr/bin/chromium"
WRITE_BUDGET_SECONDS = 40.0
OPEN_BUDGET_SECONDS = 2.0


def write_run(folder: Path, items: int) -> Path:
    """Write the plan and the log of a made-up run; two of three replies are right."""
    sys.path.insert(0, str(ROOT))
    from emoreal_bench.catalog import find_task
    from emoreal_bench.contracts.item import Item
    from emoreal_bench.contracts.run_record import ITEMS_FILE, MANIFEST_FILE, PLAN_FILE
    from emoreal_bench.identity import canonical_json, item_record
    from emoreal_bench.record.log import seal
    from tests.run_factory import MadeUpRun

    choices = ("(A) a smile", "(B) a frown", "(C) a shrug", "(D) a nod")
    folder.mkdir()
    with (folder / PLAN_FILE).open("w") as plan, (folder / ITEMS_FILE).open("wb") as log:
        for number in range(items):
            name = f"{number:06d}_reasoning_basic_video"
            answer = "ABCD"[number % 4]
            question = "Which cue in the video speaks for the emotion of the person?"
            metadata = {"emotion": ("joy", "fear", "anger")[number % 3]}
            item = Item(
                name, "reasoning_basic_video", question, choices, answer, f"{number // 2}", metadata
            )
            plan.write(canonical_json(item_record(item)) + "\n")
            text = f"({answer if number % 3 else 'A'}) because of the corners of the mouth"
            log.write(
                seal({"id": name, "status": "ok", "text": text, "attempts": 1, "seconds": 0.1})
            )
    manifest = MadeUpRun().manifest()
    task = find_task("emorealm").task.model_dump(mode="json", by_alias=True)
    data = manifest.data.model_copy(update={"items": items})
    manifest = manifest.model_copy(update={"task_definition": task, "data": data})
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json(by_alias=True))
    return folder


def seconds_to_open(page: Path) -> tuple[list[float], float]:
    """Give the seconds from asking for the page to a list of its items, and of a search.

    The page is opened three times; the search goes through every question and reply.
    """
    from playwright.sync_api import sync_playwright

    times = []
    searched = 0.0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for _ in range(3):
            tab = browser.new_page()
            start = time.perf_counter()
            tab.goto(page.as_uri())
            tab.wait_for_function("document.getElementById('shown').textContent")
            times.append(round(time.perf_counter() - start, 2))
            start = time.perf_counter()
            tab.fill("#search", "no reply says so")
            tab.wait_for_selector("#list tbody tr", state="detached")
            searched = round(time.perf_counter() - start, 2)
            tab.close()
        browser.close()
    return times, searched


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=400_000)
    parser.add_argument("--out", type=Path, default=RESULTS, help="File of the record.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run = write_run(Path(name) / "run", arguments.items)
        from emoreal_bench.reporting.run_page.page import write_run_page
        from emoreal_bench.running.results import score_folder, write_results

        write_results(run, score_folder(run))
        start, cpu = time.perf_counter(), time.process_time()
        page = write_run_page(run, Path(name) / "page")
        written, cpu = time.perf_counter() - start, time.process_time() - cpu
        index = (page.parent / "items" / "index.js").stat().st_size
        opened, searched = seconds_to_open(page)
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("emoreal-bench", "jinja2", "playwright")},
        },
        "items": arguments.items,
        "seconds_to_write": round(written, 1),
        "cpu_seconds_to_write": round(cpu, 1),
        "seconds_to_write_budget": WRITE_BUDGET_SECONDS,
        "index_megabytes": round(index / 1e6, 1),
        "seconds_to_open": opened,
        "seconds_to_open_budget": OPEN_BUDGET_SECONDS,
        "seconds_to_search": searched,
    }
    text = json.dumps(record, indent=2) + "\n"
    arguments.out.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()

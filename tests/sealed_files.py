"""Changes files of a run as somebody would who makes their checksums fit again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.run_record import MANIFEST_FILE, PLAN_FILE, RESULTS_FILE
from emoreal_bench.identity import checksum, hash_file


def edit_sealed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a record and write it with the checksum that now fits."""
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    record["checksum"] = checksum(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def plan_was_always_so(folder: Path) -> None:
    """Let manifest and results of a run name the plan as it lies there now."""
    digest = hash_file(folder / PLAN_FILE)
    edit_sealed(
        folder / MANIFEST_FILE,
        lambda record: record.update(plan_hash=digest, blank_plan_hash=digest),
    )
    edit_sealed(folder / RESULTS_FILE, lambda record: record.update(plan_hash=digest))

"""EmoReal Bench: does a multimodal model read emotion from what it sees and hears?

The public functions live in :mod:`emoreal_bench.api` and are imported on first
use, so that ``import emoreal_bench`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from emoreal_bench.version import __version__ as __version__

_PUBLIC = (
    "build_leaderboard",
    "check",
    "check_data",
    "compare",
    "doctor",
    "evaluate",
    "judge",
    "list_models",
    "list_runs",
    "list_tasks",
    "load_run",
    "make_synthetic_benchmark",
    "save_baseline",
    "score_predictions",
    "score_run",
)


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module("emoreal_bench.api"), name)
    raise AttributeError(f"module 'emoreal_bench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*_PUBLIC, "__version__"])

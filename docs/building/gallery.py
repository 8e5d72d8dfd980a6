"""Real pages for the gallery: a small synthetic run, and what the commands write of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import emoreal_bench as bench

TASK = "emorealm-synth"


def write_gallery(folder: Path, runs: Path, models: Sequence[str], items: int) -> None:
    """Ask some models about a few drawn clips, and write the pages.

    Args:
        folder: Where the clips, ``leaderboard/``, ``run/`` and ``compare/`` go.
        runs: Where the runs go, which the pages do not need.
        models: The models; the second is compared with the first.
        items: How many questions.
    """
    data = folder / "clips"
    bench.make_synthetic_benchmark(data, {"items": items, "seed": 3})
    for number, model in enumerate(models):
        options = bench.RunOptions(out=runs / str(number))
        bench.evaluate(model, TASK, data, options)
    bench.build_leaderboard([runs], folder / "leaderboard", run_pages=True)
    first, second = runs / "0", runs / "1"
    bench.view_run(first, folder / "run")
    bench.view_run(second, folder / "compare", other=first)

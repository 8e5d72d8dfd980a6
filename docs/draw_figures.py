"""Draws the figures of ``tiny-family.md`` and ``text-prior.md`` from ``benchmarks/results``.

Run it after a study was recorded: ``python -m docs.draw_figures``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from docs.write_performance import FOLDER, RESULTS
from emoreal_bench.contracts.preference import CLIP_MODALITIES
from recipes.tiny_omni.confirming import METHODS

Record = Mapping[str, Any]
_IMAGES = FOLDER / "images"
_COLOURS = ("#0b5cad", "#b04a00", "#3d7a1f")
_MARKERS = ("o", "s", "^")
_SIDES = ("picture", "sound")
_ROW_INCHES = 0.34
# The library types the names of its settings one by one.
_SETTINGS: Any = {
    # Text stays text, and the same record gives the same file.
    "svg.fonttype": "none",
    "svg.hashsalt": "emoreal-bench",
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw_family(record: Record) -> Figure:
    """Draw what each member of the tiny family says of cues that are there and that are not."""
    rows = record["rows"][::-1]
    figure, (left, right) = _panels(len(rows))
    for axes, name, title in (
        (left, "hallucinated", "affirmed although nowhere in the clip,\n% of chances"),
        (right, "other_affirmed", "affirmed where it is there,\n% of unusual cues"),
    ):
        for number, modality in enumerate(CLIP_MODALITIES):
            values = [100 * row["direct"][f"{name}_{modality}"] for row in rows]
            places = [place + 0.2 - 0.4 * number for place in range(len(rows))]
            axes.barh(places, values, 0.36, color=_COLOURS[number], label=_SIDES[number])
        axes.set_title(title, loc="left")
    left.set_yticks(range(len(rows)), [row["model"] for row in rows])
    left.legend(frameon=False, loc="lower right")
    return figure


def draw_test(record: Record) -> Figure:
    """Draw the runs of the test of six methods, and its contrasts."""
    rows = len(METHODS) + 1, 1.5 * len(record["contrasts"])
    # One below the other, so that a narrow screen shows letters that can be read.
    figure = Figure(figsize=(6, 1.6 + _ROW_INCHES * sum(rows)), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=rows)
    _draw_runs(above, record)
    _draw_contrasts(below, record)
    return figure


def _draw_runs(axes: Axes, record: Record) -> None:
    shown = {
        name: [run for run in record["runs"] if _is_shown(run, name)]
        for name in (*reversed([*METHODS]), "base")
    }
    names = [name for name, runs in shown.items() if runs]
    for place, name in enumerate(names):
        runs = shown[name]
        for run in runs:
            axes.plot(
                run["trap_log_odds"],
                place,
                _MARKERS[run["base"]],
                color=_COLOURS[run["base"]],
                alpha=0.7,
                label=f"base {run['base']}" if name == names[-1] else None,
            )
        mean = fmean(run["trap_log_odds"] for run in runs)
        axes.plot([mean, mean], [place - 0.35, place + 0.35], color="black")
    axes.set_yticks(range(len(names)), names)
    axes.set_title("log-odds of the right answer on traps, nats:\nruns on biased pairs", loc="left")
    axes.legend(frameon=False)


def _is_shown(run: Record, name: str) -> bool:
    return run.get("method", "base") == name and not run.get("balanced", False)


def _draw_contrasts(axes: Axes, record: Record) -> None:
    contrasts = record["contrasts"][::-1]
    for place, one in enumerate(contrasts):
        axes.plot([one["low"], one["high"]], [place, place], color=_COLOURS[0])
        axes.plot(one["difference"], place, "o", color=_COLOURS[0])
    axes.axvline(0, color="grey", linewidth=1)
    axes.set_yticks(
        range(len(contrasts)), [f"{one['one']}\nagainst {one['other']}" for one in contrasts]
    )
    axes.margins(y=0.1)
    axes.set_title("differences, nats, with 95 % intervals", loc="left")


def _panels(rows: int) -> tuple[Figure, tuple[Axes, Axes]]:
    figure = Figure(figsize=(10, 1.2 + _ROW_INCHES * rows), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    return figure, (left, right)


FIGURES: Mapping[str, Callable[[Record], Figure]] = {
    "tiny_family": draw_family,
    "text_prior": draw_test,
}
"""What is drawn, by the record that it is drawn from."""


def figure_path(record: str) -> Path:
    """Return where the figure of a record stands."""
    return _IMAGES / f"{record.replace('_', '-')}.svg"


def main() -> None:
    """Draw every figure whose record is there."""
    with mpl.rc_context(_SETTINGS):
        for name, draw in FIGURES.items():
            record = RESULTS / f"{name}.json"
            if record.is_file():
                figure = draw(json.loads(record.read_text(encoding="utf-8")))
                # Without a date, so that drawing again changes nothing.
                figure.savefig(figure_path(name), metadata={"Date": None})


if __name__ == "__main__":
    main()

"""``curves.svg``: what was measured over the steps of a training, as small plots in one picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from emoreal_bench.record.files import write_atomically
from emoreal_bench.training.objectives.losses import CHOSEN_LIKELIHOOD
from emoreal_bench.training.objectives.metrics import (
    EVALUATION,
    GUARD,
    LOSS,
    READABLE,
    STEP,
    TEXT_GAP,
    Metrics,
)

CURVES_FILE = "curves.svg"

_WIDTH, _HEIGHT = 360, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 30, 34
_TICKS = 4
_LINE = 14.0
"""Between two names beneath each other."""
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1b1b1b}.title{font-weight:600}"
    ".grid{stroke:#d0d0d0}.curve{fill:none;stroke-width:2}.page{fill:#fff}"
    ".s0{stroke:#0b5cad;color:#0b5cad}.s1{stroke:#b04a00;color:#b04a00;stroke-dasharray:6 3}"
    ".s2{stroke:#3d7a1f;color:#3d7a1f;stroke-dasharray:2 3}.key{stroke:none}"
    "@media(prefers-color-scheme:dark){text{fill:#eee}.grid{stroke:#555}.page{fill:#161616}"
    ".s0{stroke:#7db8f0;color:#7db8f0}.s1{stroke:#f0a56b;color:#f0a56b}"
    ".s2{stroke:#a5d48a;color:#a5d48a}}"
)


@dataclass(frozen=True, slots=True)
class _Plot:
    """One small plot: which measurements, under which heading."""

    title: str
    is_shown: Callable[[str], bool]


_PLOTS = (
    _Plot("loss", lambda name: name == LOSS),
    _Plot("share of pairs in the right order", lambda name: name.endswith("margin_positive")),
    _Plot("text gap of the sample, nats", lambda name: name == TEXT_GAP),
    _Plot("log-likelihood of the right answer per token", lambda name: name == CHOSEN_LIKELIHOOD),
    _Plot("average accuracy", lambda name: name.startswith((EVALUATION, GUARD))),
    _Plot("share of replies that hold an answer", lambda name: name.startswith(READABLE)),
)
_MOST_SERIES = 3

Points = list[tuple[float, float]]


def write_curves(folder: Path, entries: Sequence[Metrics]) -> Path:
    """Draw the curves of a training into its folder.

    Args:
        folder: Of the training.
        entries: The lines of its metrics.

    Raises:
        RunError: If the system refuses.
    """
    path = folder / CURVES_FILE
    write_atomically(path, [draw_curves(entries).encode()])
    return path


def draw_curves(entries: Sequence[Metrics]) -> str:
    """Draw what was measured, as SVG; a plot without measurements is left out."""
    drawn = [(plot.title, _series(entries, plot)) for plot in _PLOTS]
    shown = [(title, series) for title, series in drawn if series]
    width, height = _WIDTH * max(len(shown), 1), _HEIGHT
    plots = "".join(
        f'<g transform="translate({_WIDTH * number},0)">{_draw_plot(title, series)}</g>'
        for number, (title, series) in enumerate(shown)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="Curves of the training"><style>{_STYLE}</style>'
        f'<rect class="page" width="{width}" height="{height}"/>{plots}</svg>\n'
    )


def _series(entries: Sequence[Metrics], plot: _Plot) -> dict[str, Points]:
    series: dict[str, Points] = {}
    for entry in entries:
        for name, value in entry.items():
            if plot.is_shown(name):
                series.setdefault(name, []).append((entry[STEP], value))
    return dict(list(series.items())[:_MOST_SERIES])


def _draw_plot(title: str, series: dict[str, Points]) -> str:
    points = [point for curve in series.values() for point in curve]
    across = _Scale([x for x, _ in points], _LEFT, _WIDTH - _RIGHT)
    up = _Scale([y for _, y in points], _HEIGHT - _BOTTOM, _TOP)
    lines = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        for value, y in up.ticks()
    )
    steps = "".join(
        f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{value:.0f}</text>'
        for value, x in across.whole_ticks()
    )
    keys: Sequence[float | None] = [None]
    if len(series) > 1:
        keys = _spread([up.place(curve[-1][1]) - 6 for curve in series.values()])
    curves = "".join(
        _draw_curve(number, name, curve, (across, up), key)
        for number, ((name, curve), key) in enumerate(zip(series.items(), keys, strict=True))
    )
    return f'<text class="title" x="{_LEFT}" y="18">{escape(title)}</text>{lines}{steps}{curves}'


def _spread(places: Sequence[float]) -> list[float]:
    """Move the heights of names apart that would be written over each other."""
    moved = list(places)
    lowest = _HEIGHT - _BOTTOM - 4.0
    for index in sorted(range(len(places)), key=lambda one: -places[one]):
        moved[index] = min(places[index], lowest)
        lowest = moved[index] - _LINE
    # What was pushed out at the top goes down again, with all below it.
    highest = _TOP + 8.0
    for index in sorted(range(len(places)), key=lambda one: moved[one]):
        moved[index] = max(moved[index], highest)
        highest = moved[index] + _LINE
    return moved


def _draw_curve(
    number: int, name: str, curve: Points, scales: tuple[_Scale, _Scale], key_y: float | None
) -> str:
    across, up = scales
    path = " ".join(f"{across.place(x):.1f},{up.place(y):.1f}" for x, y in curve)
    end_x, end_y = across.place(curve[-1][0]), up.place(curve[-1][1])
    key = ""
    if key_y is not None:
        place = f'x="{_WIDTH - _RIGHT - 4}" y="{key_y:.1f}" text-anchor="end"'
        key = f"<text {place}>{escape(name)}</text>"
    return (
        f'<polyline class="curve s{number}" points="{path}"><title>{escape(name)}</title>'
        f'</polyline><circle class="key s{number}" fill="currentColor" cx="{end_x:.1f}" '
        f'cy="{end_y:.1f}" r="3"/>{key}'
    )


class _Scale:
    """Values to places along one side of a plot."""

    def __init__(self, values: Sequence[float], start: float, end: float):
        self._low, high = min(values), max(values)
        self._span = high - self._low or 1.0
        self._start, self._length = start, end - start

    def place(self, value: float) -> float:
        return self._start + self._length * (value - self._low) / self._span

    def ticks(self) -> list[tuple[float, float]]:
        values = [self._low + self._span * tick / _TICKS for tick in range(_TICKS + 1)]
        return [(value, self.place(value)) for value in values]

    def whole_ticks(self) -> list[tuple[float, float]]:
        """Return the ticks at whole numbers, each once."""
        wholes = dict.fromkeys(round(value) for value, _ in self.ticks())
        high = self._low + self._span
        return [(value, self.place(value)) for value in wholes if self._low <= value <= high]

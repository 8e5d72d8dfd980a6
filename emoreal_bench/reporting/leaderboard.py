"""Writes a leaderboard: one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.reporting.leaderboard_columns import METRICS
from emoreal_bench.reporting.leaderboard_groups import Group, make_groups
from emoreal_bench.reporting.published import Confidence, load_published_rows
from emoreal_bench.reporting.runs import load_report
from emoreal_bench.reporting.text import UNDEFINED, percent, percent_interval
from emoreal_bench.resources import package_folders
from emoreal_bench.running.files import cannot_write, write_atomically

PAGE_FILE = "index.html"

SCORING_DESCRIPTIONS = {
    Scoring.STRICT: "The headline. One answer is read from each reply; a blank, conflicting or "
    "unreadable reply is wrong, and every planned item counts.",
    Scoring.OFFICIAL: "The authors' evaluator, reproduced with its quirks, so that published "
    "numbers can be compared. Items without a prediction are left out.",
    Scoring.OFFICIAL_LENIENT: "The second way of reading a reply that the authors' evaluator "
    "holds but does not use.",
}


def build_leaderboard(
    run_folders: Sequence[Path], out: Path, least_confidence: Confidence = Confidence.HIGH
) -> Path:
    """Write the leaderboard of some runs to ``out/index.html``.

    The page is a single file without any outside address; its
    content-security policy admits its own style and script by their hashes and
    nothing else. The same runs give the same bytes, in whatever order they come.

    Args:
        run_folders: Folders of finished runs. One that is named twice counts once.
        out: Folder of the site; made if it is not there.
        least_confidence: Reported values below this confidence are left out.

    Returns:
        The path of the page.

    Raises:
        UsageError: If no run is named.
        RunError: If a folder is not a finished run, or the page cannot be written.
    """
    if not run_folders:
        raise UsageError(
            "A leaderboard needs at least one run.",
            remedy="Name run folders: emoreal-bench leaderboard build RUN... --out site",
        )
    folders = sorted({folder.resolve() for folder in run_folders})
    groups = make_groups(
        [load_report(folder) for folder in folders], load_published_rows(), least_confidence
    )
    page = out / PAGE_FILE
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from error
    write_atomically(page, [_render(groups).encode()])
    return page


@dataclass(frozen=True, slots=True)
class _Asset:
    """A style or script of ours, written into the page as it stands.

    Attributes:
        content: The text between the tags.
        hash: What the content-security policy calls it.
    """

    content: Markup
    hash: str


def _asset(path: Path) -> _Asset:
    text = path.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    # Markup: written by this project and holding nothing of a run, it must reach
    # the browser unescaped for its hash to hold.
    return _Asset(Markup(text), f"sha256-{digest}")  # noqa: S704


def _render(groups: Sequence[Group]) -> str:
    templates = package_folders("emoreal_bench.leaderboards")[0] / "templates"
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "percent_interval": percent_interval}
    return environment.get_template("leaderboard.html.j2").render(
        groups=groups,
        metrics=METRICS,
        scoring_descriptions=SCORING_DESCRIPTIONS,
        style=_asset(templates / "leaderboard.css"),
        script=_asset(templates / "leaderboard.js"),
        undefined_number=UNDEFINED,
    )

"""Writes a leaderboard: one HTML file that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.reporting.leaderboard_columns import METRICS
from emoreal_bench.reporting.leaderboard_groups import Group, make_groups
from emoreal_bench.reporting.pages import PAGE_FILE, load_asset, render_page, write_file
from emoreal_bench.reporting.published import Confidence, load_published_rows
from emoreal_bench.reporting.runs import load_report
from emoreal_bench.reporting.text import UNDEFINED

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
    write_file(page, _render(groups))
    return page


def _render(groups: Sequence[Group]) -> bytes:
    return render_page(
        "leaderboard.html.j2",
        groups=groups,
        metrics=METRICS,
        scoring_descriptions=SCORING_DESCRIPTIONS,
        style=load_asset("pages.css"),
        script=load_asset("leaderboard.js"),
        undefined_number=UNDEFINED,
    )

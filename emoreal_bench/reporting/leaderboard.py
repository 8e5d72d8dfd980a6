"""Writes a leaderboard: an HTML file that needs nothing but itself, and its tables as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.identity import hash_json, short
from emoreal_bench.reporting.leaderboard_columns import METRICS
from emoreal_bench.reporting.leaderboard_exports import ExportFormat, write_exports
from emoreal_bench.reporting.leaderboard_groups import Group, RunExtras, make_groups, slug
from emoreal_bench.reporting.leaderboard_rows import BLIND_PROVIDER
from emoreal_bench.reporting.pages import PAGE_FILE, load_asset, render_page, write_file
from emoreal_bench.reporting.paired_ranks import ClipScores, has_items, load_clip_scores
from emoreal_bench.reporting.published import Confidence, load_published_rows
from emoreal_bench.reporting.reproduced import reproduced_folders
from emoreal_bench.reporting.run_page import RunPageOptions, write_run_page
from emoreal_bench.reporting.runs import RunReport, load_report
from emoreal_bench.reporting.text import UNDEFINED

SCORING_DESCRIPTIONS = {
    Scoring.STRICT: "The headline. One answer is read from each reply; a blank, conflicting or "
    "unreadable reply is wrong, and every planned item counts.",
    Scoring.OFFICIAL: "The authors' evaluator, reproduced with its quirks, so that published "
    "numbers can be compared. Items without a prediction are left out.",
    Scoring.OFFICIAL_LENIENT: "The second way of reading a reply that the authors' evaluator "
    "holds but does not use.",
}


@dataclass(frozen=True, slots=True)
class LeaderboardOptions:
    """What a leaderboard shows beyond the scores.

    Attributes:
        least_confidence: Reported values below this confidence are left out.
        run_pages: Whether to write a page for each run, without its clips, and
            link its row to it. The pages hold questions and replies.
        paired: Whether to read the items of every run for paired tests; else
            ranks come from the intervals.
        own: Folders of runs that the publisher made; entries that they bear out
            are marked as reproduced.
    """

    least_confidence: Confidence = Confidence.HIGH
    run_pages: bool = False
    paired: bool = True
    own: Sequence[Path] = ()


def build_leaderboard(
    run_folders: Sequence[Path], out: Path, options: LeaderboardOptions | None = None
) -> Path:
    """Write the leaderboard of some runs to ``out/index.html``, its tables beside it.

    The page is complete without any other file, and asks for none; its
    content-security policy admits its own style and script by their hashes and
    nothing else. The same runs give the same bytes, in whatever order they come.

    Args:
        run_folders: Folders of finished runs. One that is named twice counts once.
        out: Folder of the site; made if it is not there.
        options: Everything else.

    Returns:
        The path of the page.

    Raises:
        UsageError: If no run is named.
        RunError: If a folder is not a finished run, or the page cannot be written.
    """
    options = options or LeaderboardOptions()
    if not run_folders:
        raise UsageError(
            "A leaderboard needs at least one run.",
            remedy="Name run folders: emoreal-bench leaderboard build RUN... --out site",
        )
    runs = [load_report(folder) for folder in sorted({folder.resolve() for folder in run_folders})]
    extras = RunExtras(
        pages=_write_run_pages(runs, out) if options.run_pages else {},
        scores=_load_scores(runs) if options.paired else {},
        reproduced=reproduced_folders(runs, [load_report(one.resolve()) for one in options.own]),
    )
    groups = make_groups(runs, load_published_rows(), options.least_confidence, extras)
    page = out / PAGE_FILE
    exports: dict[str, list[tuple[ExportFormat, str]]] = {}
    for group in groups:
        exports |= write_exports(group, out)
    write_file(page, _render(groups, exports))
    return page


def _load_scores(runs: Sequence[RunReport]) -> dict[Path, dict[Scoring, ClipScores]]:
    """Read the items of the runs that contend for a rank."""
    return {
        run.folder: load_clip_scores(run.folder, [Scoring(name) for name in run.results.scores])
        for run in runs
        if run.is_complete
        and run.folder is not None
        and has_items(run.folder)
        and not run.manifest.model.name.startswith(BLIND_PROVIDER)
        and run.results.scores
    }


def _write_run_pages(runs: Sequence[RunReport], out: Path) -> dict[Path, str]:
    pages = {}
    for run in runs:
        if run.folder is not None and has_items(run.folder):
            # The name follows from the run, so that the same runs give the same site.
            manifest = run.manifest.model_dump(mode="json")
            name = f"runs/{slug(run.manifest.run_id)}-{short(hash_json(manifest))}"
            write_run_page(run.folder, out / name, RunPageOptions(clips=False))
            pages[run.folder] = f"{name}/{PAGE_FILE}"
    return pages


def _render(
    groups: Sequence[Group], exports: Mapping[str, Sequence[tuple[ExportFormat, str]]]
) -> bytes:
    return render_page(
        "leaderboard.html.j2",
        groups=groups,
        exports=exports,
        metrics=METRICS,
        scoring_descriptions=SCORING_DESCRIPTIONS,
        style=load_asset("pages.css"),
        script=load_asset("leaderboard.js"),
        undefined_number=UNDEFINED,
    )

"""Writes a leaderboard: pages that need nothing but themselves, and their tables as files."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoreal_bench.comparing.paired import ClipSums
from emoreal_bench.comparing.ranks import has_items, load_clip_sums
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.task import UNSTATED_TERMS
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.identity import hash_json, short
from emoreal_bench.probing.published import Confidence, load_published_rows
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.exports.table_files import ExportLinks, write_table_files
from emoreal_bench.reporting.leaderboard.columns import number_kinds
from emoreal_bench.reporting.leaderboard.exports import heat_map_export, slice_id, write_exports
from emoreal_bench.reporting.leaderboard.figures import HeatMap, make_overview
from emoreal_bench.reporting.leaderboard.groups import Group, make_groups, slug
from emoreal_bench.reporting.leaderboard.judged import (
    JudgedTable,
    judged_export,
    make_judged_tables,
)
from emoreal_bench.reporting.leaderboard.questions import make_question_table
from emoreal_bench.reporting.leaderboard.reproduced import reproduced_folders
from emoreal_bench.reporting.leaderboard.rows import BLIND_PROVIDER
from emoreal_bench.reporting.leaderboard.tables import RunExtras, Table
from emoreal_bench.reporting.run_page.page import RunPageOptions, write_run_page
from emoreal_bench.reporting.site.earlier import forget_earlier, refuse_foreign
from emoreal_bench.reporting.site.garbage import garbage_left_alone
from emoreal_bench.reporting.site.pages import (
    PAGE_FILE,
    check_site_folder,
    load_asset,
    render_page,
    write_file,
)
from emoreal_bench.running.results import load_readable_reports
from emoreal_bench.text import UNDEFINED

_logger = logging.getLogger(__name__)
BREAKDOWNS_FOLDER = "breakdowns"
QUESTIONS_FOLDER = "questions"
OVERVIEW = "overview"

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
        questions: Whether to write a page of the questions that models fail or disagree
            on. It holds the texts of questions.
        own: Folders of runs that the publisher made; entries that they bear out
            are marked as reproduced.
    """

    least_confidence: Confidence = Confidence.HIGH
    run_pages: bool = False
    paired: bool = True
    questions: bool = False
    own: Sequence[Path] = ()


def build_leaderboard(
    run_folders: Sequence[Path], out: Path, options: LeaderboardOptions | None = None
) -> Path:
    """Write the leaderboard of some runs to ``out/index.html``, its tables beside it.

    Each page is complete without any other file, and asks for none; its
    content-security policy admits its own style and script by their hashes and
    nothing else. A page of slices and confusion tables stands behind each table.
    The same runs give the same bytes, in whatever order they come.

    Args:
        run_folders: Folders of finished runs. One that is named twice counts once.
        out: Folder of the site; made if it is not there.
        options: Everything else.

    Returns:
        The path of the page.

    Raises:
        UsageError: If no run is named, or the site is named like one page.
        RunError: If no folder is a finished run, or the page cannot be written. One that is
            not beside others that are is named in a warning.
    """
    options = options or LeaderboardOptions()
    if not run_folders:
        raise UsageError(
            "A leaderboard needs at least one run.",
            remedy="Name run folders: emoreal-bench leaderboard build RUN... --out site",
        )
    check_site_folder(out)
    refuse_foreign(out)
    runs = load_readable_reports(sorted({folder.resolve() for folder in run_folders}))
    pages = _write_run_pages(runs, out) if options.run_pages else {}
    extras = RunExtras(
        pages=pages,
        scores=_load_scores(runs) if options.paired else {},
        reproduced=reproduced_folders(
            runs, load_readable_reports(one.resolve() for one in options.own)
        ),
    )
    with garbage_left_alone():
        asked = [run for run in runs if run.manifest.judged is None]
        groups = make_groups(asked, load_published_rows(), options.least_confidence, extras)
        asked_about = _write_questions(groups, out) if options.questions else frozenset()
        written = _write_site(groups, make_judged_tables(runs, pages), out, asked_about)
    forget_earlier(
        out,
        {
            *(address.removesuffix(PAGE_FILE) for address in pages.values()),
            *(f"{QUESTIONS_FOLDER}/{anchor}.html" for anchor in asked_about),
            *written,
        },
    )
    _warn_of_unstated_terms(runs)
    return out / PAGE_FILE


def _write_questions(groups: Sequence[Group], out: Path) -> frozenset[str]:
    """Write the page of questions of each group that has one; return their anchors."""
    written = set()
    for group in groups:
        table = make_question_table(group.tables[0]) if group.tables else None
        if table is None:
            _logger.warning(
                "No page of questions for %s, %s: it sets models side by side, so two complete "
                "runs of models are needed, blind baselines apart.",
                group.title,
                group.how_asked,
            )
        else:
            page = render_page(
                "questions.html.j2",
                group=group,
                table=table,
                style=load_asset("pages.css"),
                script=load_asset(),
            )
            write_file(out / QUESTIONS_FOLDER / f"{group.anchor}.html", page)
            written.add(group.anchor)
    return frozenset(written)


def _write_site(
    groups: Sequence[Group],
    judged: Sequence[JudgedTable],
    out: Path,
    asked_about: frozenset[str],
) -> set[str]:
    """Write everything but the pages of runs and questions; return the addresses."""
    overview = _overview(groups)
    exports: dict[str, ExportLinks] = {}
    written: set[str] = set()
    for group in groups:
        exports |= write_exports(group, out)
        for part in (group, *group.under_conditions):
            written.update(_write_breakdowns(part, exports, out))
    if overview is not None:
        table = heat_map_export(OVERVIEW, {"table": "Tasks by model"}, (), overview)
        exports[OVERVIEW] = write_table_files(table, out)
    for ratings in judged:
        exports[ratings.export_name] = write_table_files(judged_export(ratings), out)
    write_file(out / PAGE_FILE, _render(groups, judged, overview, exports, asked_about))
    return written | {address for links in exports.values() for _, address in links}


def _warn_of_unstated_terms(runs: Sequence[FinishedRun]) -> None:
    definitions = {run.manifest.task: run.manifest.task_definition for run in runs}
    for task, definition in sorted(definitions.items()):
        if definition.get("license") != UNSTATED_TERMS:
            continue
        _logger.warning(
            "The terms of the data of %s are not stated, and the page says so. Before you publish "
            "it, write them into its task file as 'license', and complete the README.md beside "
            "it; runs made from then on carry them.",
            task,
        )


def _load_scores(runs: Sequence[FinishedRun]) -> dict[Path, dict[Scoring, ClipSums]]:
    """Read the items of the runs that contend for a rank."""
    return {
        run.folder: load_clip_sums(run.folder, [Scoring(name) for name in run.results.scores])
        for run in runs
        if run.is_complete
        and run.folder is not None
        and has_items(run.folder)
        and not run.manifest.model.name.startswith(BLIND_PROVIDER)
        and run.results.scores
    }


def _write_run_pages(runs: Sequence[FinishedRun], out: Path) -> dict[Path, str]:
    pages = {}
    for run in runs:
        if run.folder is not None and has_items(run.folder):
            # The name follows from the run, so that the same runs give the same site.
            manifest = run.manifest.model_dump(mode="json")
            name = f"runs/{slug(run.manifest.run_id)}-{short(hash_json(manifest))}"
            write_run_page(run.folder, out / name, RunPageOptions(clips=False))
            pages[run.folder] = f"{name}/{PAGE_FILE}"
    return pages


def _overview(groups: Sequence[Group]) -> HeatMap | None:
    """Set tasks side by side; one alone has nothing beside it."""
    columns = [
        (f"{group.title} {group.how_asked}", group.headline, group.tables[0].chance)
        for group in groups
        if not group.is_imported and any(row.average for row in group.headline)
    ]
    return make_overview(columns) if len(columns) > 1 else None


def _write_breakdowns(group: Group, exports: Mapping[str, ExportLinks], out: Path) -> Iterator[str]:
    for table in group.tables:
        if table.breakdown is not None:
            page = render_page(
                "breakdown.html.j2",
                group=group,
                table=table,
                exports=exports,
                slice_id=slice_id,
                style=load_asset("pages.css"),
                script=load_asset("breakdown.js"),
                undefined_number=UNDEFINED,
            )
            write_file(out / breakdown_address(group, table), page)
            yield breakdown_address(group, table)


def _render(
    groups: Sequence[Group],
    judged: Sequence[JudgedTable],
    overview: HeatMap | None,
    exports: Mapping[str, ExportLinks],
    asked_about: frozenset[str],
) -> bytes:
    used = {
        column.key.partition(".")[0]
        for group in groups
        for part in (group, *group.under_conditions)
        for table in part.tables
        for column in table.columns
    }
    return render_page(
        "leaderboard.html.j2",
        asked_about=asked_about,
        questions_folder=QUESTIONS_FOLDER,
        groups=groups,
        judged=judged,
        overview=overview,
        overview_id=OVERVIEW,
        exports=exports,
        breakdown_address=breakdown_address,
        metrics=[kind for kind in number_kinds(used) if kind.name in used],
        scoring_descriptions=SCORING_DESCRIPTIONS,
        style=load_asset("pages.css"),
        script=load_asset("leaderboard.js"),
        undefined_number=UNDEFINED,
    )


def breakdown_address(group: Group, table: Table) -> str:
    """Return the address of a table's page of details, relative to the site's folder."""
    return f"{BREAKDOWNS_FOLDER}/{group.table_id(table)}.html"

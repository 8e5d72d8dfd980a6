"""Writes a page of many runs: what was run when, under which conditions, and what came of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.run_record import RESULTS_FILE, Manifest
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, QuestionType
from emoreal_bench.identity import hash_json, short
from emoreal_bench.printable import plain_text
from emoreal_bench.record.departures import conditions
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.reporting.leaderboard.groups import slug
from emoreal_bench.reporting.run_page.page import RunPageOptions, write_run_page
from emoreal_bench.reporting.site.earlier import forget_earlier, refuse_foreign
from emoreal_bench.reporting.site.pages import PAGE_FILE, load_asset, render_page, write_file
from emoreal_bench.running.results import load_report
from emoreal_bench.text import UNDEFINED, count_of, minute_of, percent_of_whole

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListedRun:
    """One run as the page lists it.

    Attributes:
        folder: Where it lies, relative to the folder that was named.
        state: Finished, stopped or damaged.
        problem: What is wrong with a damaged one.
        model: Name of the model, or of the judge.
        label: What stands beside the name.
        task: Name of the task.
        variant: How the task asked.
        condition: What tells it from other runs of the model.
        date: When it was begun, UTC, to the minute.
        items: How many were planned.
        coverage: In percent; a dash where it is not known.
        accuracy: Average accuracy under strict, 0..1.
        rates: Of invented and of meaningless cues that were taken for one, 0..1.
        page: Address of its page; empty if it has none.
    """

    folder: str
    state: str
    problem: str = ""
    model: str = ""
    label: str = ""
    task: str = ""
    variant: str = ""
    condition: str = ""
    date: str = ""
    items: int | None = None
    coverage: str = UNDEFINED
    accuracy: float | None = None
    rates: tuple[float | None, float | None] = (None, None)
    page: str = ""


def write_runs_page(
    root: Path, folders: Sequence[Path], out: Path, options: RunPageOptions | None = None
) -> Path:
    """Write a page of runs to ``out/index.html``, and the page of each beside it.

    Args:
        root: The folder that was named.
        folders: Runs below it, finished or not.
        out: Folder of the pages; made if it is not there.
        options: What the page of each run shows.

    Returns:
        The path of the page.

    Raises:
        RunError: If a page cannot be written.
    """
    refuse_foreign(out)
    manifests: dict[int, Manifest] = {}
    runs = []
    for number, folder in enumerate(folders):
        run, manifest = _list_run(root, folder, out, options or RunPageOptions())
        runs.append(run)
        if manifest is not None:
            manifests[number] = manifest
    for number, words in conditions(manifests).items():
        runs[number] = replace(runs[number], condition=plain_text(words))
    runs.sort(key=lambda run: (run.date, run.folder), reverse=True)
    page = render_page(
        "runs.html.j2",
        runs=runs,
        total=count_of(len(runs), "run"),
        # Names of folders are anybody's too.
        root=plain_text(_named(root.resolve())),
        undefined_number=UNDEFINED,
        style=load_asset("pages.css"),
        script=load_asset("leaderboard.js"),
    )
    write_file(out / PAGE_FILE, page)
    forget_earlier(out, {run.page.removesuffix(PAGE_FILE) for run in runs})
    return out / PAGE_FILE


def _named(root: Path) -> str:
    """Name a folder; one that is called what a folder of runs is called, by what it lies in."""
    return f"{root.parent.name}/{root.name}" if root.name == "runs" else root.name


def _list_run(
    root: Path, folder: Path, out: Path, options: RunPageOptions
) -> tuple[ListedRun, Manifest | None]:
    name = plain_text(folder.relative_to(root).as_posix() if folder != root else folder.name)
    run, manifest = ListedRun(name, "damaged"), None
    try:
        manifest = load_manifest(folder)
        run = _describe(run, manifest)
        results = load_report(folder).results if (folder / RESULTS_FILE).is_file() else None
        key = short(hash_json([name, manifest.model_dump(mode="json")]))
        page = f"runs/{slug(folder.name)}-{key}"
        write_run_page(folder, out / page, options)
    except RunError as error:
        _logger.warning("Warning: %s\n  The page lists it as damaged.", error)
        return replace(run, problem=plain_text(str(error), 500)), manifest
    run = replace(run, page=f"{page}/{PAGE_FILE}", state="finished" if results else "stopped")
    return (run if results is None else _score(run, results)), manifest


def _describe(run: ListedRun, manifest: Manifest) -> ListedRun:
    return replace(
        run,
        model=plain_text(manifest.model.name),
        label=plain_text(manifest.model.label or ""),
        task=plain_text(manifest.task),
        variant=plain_text(manifest.request.variant),
        date=plain_text(minute_of(manifest.created)),
        items=manifest.data.items,
    )


def _score(run: ListedRun, results: Results) -> ListedRun:
    headline = results.scores.get(HEADLINE_SCORING)
    stress = headline.question_types.get(QuestionType.STRESS_TEST) if headline else None
    return replace(
        run,
        coverage=f"{percent_of_whole(results.counted.fraction)} %",
        accuracy=headline.average_accuracy if headline else None,
        rates=(stress.hallucination_rate, stress.spurious_rate) if stress else (None, None),
    )

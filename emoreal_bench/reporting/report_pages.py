"""What ``probe``, ``check`` and ``compare`` found, as pages in the style of the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from emoreal_bench.contracts.check import CheckReport
from emoreal_bench.contracts.comparison import AVERAGE, ComparisonReport, RunComparison, Verdict
from emoreal_bench.contracts.probe import ProbeReport
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING
from emoreal_bench.printable import plain_text
from emoreal_bench.reporting.check.output import CHECK_HEADINGS, check_cells, check_notes
from emoreal_bench.reporting.run_page.page import RunPageOptions, write_run_page
from emoreal_bench.reporting.site.earlier import forget_earlier, refuse_foreign
from emoreal_bench.reporting.site.pages import (
    PAGE_FILE,
    load_asset,
    page_file,
    render_page,
    write_file,
)
from emoreal_bench.reporting.terminal.comparisons import (
    COMPARED,
    COMPARISON_NOTE,
    comparison_notes,
    comparison_rows,
    run_line,
    too_few_clips,
)
from emoreal_bench.reporting.terminal.probing import (
    PROBE_NOTE,
    probe_lines,
    probe_rows,
    what_answers_rest_on,
)
from emoreal_bench.text import points, words


@dataclass(frozen=True, slots=True)
class ReportTable:
    """One table of a report.

    Attributes:
        title: Heading.
        headings: Of the columns.
        rows: The name of each, and its cells; a cell may have several lines.
        bad: Positions of rows that speak against the run.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    bad: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A report, ready to be printed.

    Attributes:
        kind: Which command found it.
        title: Whom it is about.
        verdict: What was found, in a sentence.
        tables: The numbers.
        notes: Everything else, a sentence or two each.
        links: Pages that say more: words and address.
    """

    kind: str
    title: str
    verdict: str
    tables: Sequence[ReportTable]
    notes: Sequence[str] = ()
    links: Sequence[tuple[str, str]] = ()


def write_check_page(report: CheckReport, out: Path) -> Path:
    """Write a check to ``out``, a page if it ends in ``.html``, else ``out/index.html``.

    Raises:
        RunError: If it cannot be written.
    """
    rows = [check_cells(report, rule) for rule in report.rules]
    failed = (place for place, rule in enumerate(report.rules) if report.state_of(rule).fails)
    page = ReportPage(
        kind="Check",
        title=f"{report.model} on {report.task}, against the baseline of {report.baseline_model}",
        verdict=report.summary,
        tables=[ReportTable("Rules", ("State", *CHECK_HEADINGS[1:]), rows, frozenset(failed))],
        notes=check_notes(report),
    )
    return _write(page, out)


def write_probe_page(report: ProbeReport, out: Path) -> Path:
    """Write a probe to ``out``, a page if it ends in ``.html``, else ``out/index.html``.

    Raises:
        RunError: If it cannot be written.
    """
    headings, rows = probe_rows(report)
    page = ReportPage(
        kind="Probe",
        title=f"{report.model} on {report.task}, {report.variant}",
        verdict=_what_it_rests_on(report),
        tables=[ReportTable(f"Accuracy under {report.scoring}, in percent", headings, rows)],
        notes=[*probe_lines(report), PROBE_NOTE],
    )
    return _write(page, out)


def write_comparison_page(report: ComparisonReport, folders: Sequence[Path], out: Path) -> Path:
    """Write a comparison, and beside it a folder with a page of the items of each pair.

    Args:
        report: What was found.
        folders: Of the runs, the one that the others are compared with first.
        out: The page if it ends in ``.html``, else its folder; made if it is not there.

    Raises:
        RunError: If it cannot be written.
    """
    refuse_foreign(out)
    tables: list[ReportTable] = []
    file = page_file(out)
    # Beside a page that was named, the name says whose the folder is.
    prefix = f"{file.stem}-items" if file == out else "items"
    links, verdicts, notes = [], [], [f"First: {run_line(report.first)}"]
    for number, (other, folder) in enumerate(zip(report.others, folders[1:], strict=True), start=2):
        name = f"{prefix}-{number}"
        write_run_page(folder, file.parent / name, RunPageOptions(other=folders[0]))
        links.append((f"Every item of run {number} beside run 1", f"{quote(name)}/{PAGE_FILE}"))
        verdicts.append(_verdict(report, other, number))
        notes += [f"Run {number}: {run_line(other.run)}", *comparison_notes(other)]
        tables += _comparison_tables(other, number)
    page = ReportPage(
        kind="Comparison",
        title=", ".join((report.first.model, *(other.run.model for other in report.others))),
        verdict=" ".join(
            (*dict.fromkeys(filter(None, map(too_few_clips, report.others))), *verdicts)
        ),
        tables=tables,
        notes=[*notes, COMPARISON_NOTE],
        links=links,
    )
    return _write(page, out)


def _write(page: ReportPage, out: Path) -> Path:
    refuse_foreign(out)
    content = render_page(
        "report.html.j2",
        kind=page.kind,
        title=plain_text(page.title, 300),
        verdict=plain_text(page.verdict, 1000),
        tables=page.tables,
        notes=[plain_text(note, 700) for note in page.notes],
        links=page.links,
        style=load_asset("pages.css"),
        script=load_asset(),
    )
    write_file(page_file(out), content)
    forget_earlier(out, {address.removesuffix(PAGE_FILE) for _, address in page.links})
    return page_file(out)


def _what_it_rests_on(report: ProbeReport) -> str:
    told = [
        f"{words(name).replace('-', ' ')} {points(scores.change.average.difference)}"
        f" ({scores.change.average.verdict})"
        for name, scores in report.conditions.items()
        if scores.change is not None
    ]
    against = f"Against the run in full, in points: {', '.join(told)}." if told else ""
    return f"{what_answers_rest_on(report)} {against}".strip()


def _verdict(report: ComparisonReport, other: RunComparison, number: int) -> str:
    average = other.scorings[HEADLINE_SCORING].average
    name, first = f"Run {number} ({other.run.model})", f"run 1 ({report.first.model})"
    difference = points(average.difference)
    match average.verdict:
        case Verdict.BETTER | Verdict.WORSE:
            return f"{name} is {average.verdict} than {first}: {difference} points."
        case Verdict.IDENTICAL:
            return f"{name} answers every item as {first} does."
        case _:
            return f"{name} cannot be told from {first}: {difference} points, {average.verdict}."


def _comparison_tables(other: RunComparison, number: int) -> Iterable[ReportTable]:
    for scoring in other.scorings:
        rows = [tuple(row) for row in comparison_rows(other, scoring)]
        worse = (place for place, row in enumerate(rows) if row[-1] == Verdict.WORSE)
        yield ReportTable(
            f"Run {number} against run 1, {scoring} scoring",
            (AVERAGE.capitalize() + " and subtasks", *COMPARED),
            rows,
            frozenset(worse),
        )

"""Which runs stand in one table: those that were asked the same and scored the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from emoreal_bench.contracts.scores import Interval
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, Modality, Scoring
from emoreal_bench.identity import hash_json, short
from emoreal_bench.reporting.departures import departures
from emoreal_bench.reporting.leaderboard_columns import (
    Cell,
    Column,
    NumberKey,
    choose_columns,
    write_cell,
)
from emoreal_bench.reporting.leaderboard_figures import (
    HeatMap,
    ScatterPoint,
    make_heat_map,
    make_scatter,
)
from emoreal_bench.reporting.leaderboard_rows import (
    Badge,
    Row,
    measured_row,
    reported_rows,
    sort_rows,
    with_ranks,
)
from emoreal_bench.reporting.paired_ranks import ClipScores
from emoreal_bench.reporting.published import Confidence, PublishedRows
from emoreal_bench.reporting.runs import RunReport
from emoreal_bench.reporting.text import count_of, plain_text

SCORING_ORDER = (HEADLINE_SCORING, Scoring.OFFICIAL, Scoring.OFFICIAL_LENIENT)


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row with its cells in the order of the table's columns."""

    row: Row
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """Rows that are sorted among themselves; those of another body never mix with them."""

    title: str
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """All rows under one scoring.

    Attributes:
        scoring: Which.
        columns: Columns after rank, model, coverage and average.
        families: Headings over neighbouring columns, and how many each spans.
        bodies: Ranked rows first, then those below full coverage, fine-tuned ones, and
            reported ones.
        blind_band: Lowest and highest average of the blind baselines, if any were run.
        chance: Average accuracy of guessing.
        ranks_are_paired: Whether ranks come from paired tests rather than from intervals.
    """

    scoring: Scoring
    columns: tuple[Column, ...]
    families: tuple[tuple[str, int], ...]
    bodies: tuple[Body, ...]
    blind_band: Interval | None
    chance: float | None
    ranks_are_paired: bool = False

    @property
    def rows(self) -> list[Row]:
        """All rows in the order shown."""
        return [table_row.row for body in self.bodies for table_row in body.rows]


@dataclass(frozen=True, slots=True)
class Group:
    """Runs with the same task, variant, data hash, request hash and scoring hash."""

    anchor: str
    title: str
    variant: str
    facts: tuple[str, ...]
    license: str
    tables: tuple[Table, ...]
    heat_map: HeatMap
    scatter: tuple[ScatterPoint, ...]
    remarks: tuple[tuple[str, tuple[str, ...]], ...]
    publications: tuple[PublishedRows, ...]
    runs: int


GroupKey = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class RunExtras:
    """What a leaderboard knows of runs beyond their results.

    Attributes:
        pages: Address of a run's page by run folder.
        scores: What each clip adds to the score, by run folder, for paired tests.
        reproduced: Folders of the runs that the publisher has reproduced.
    """

    pages: Mapping[Path, str] = field(default_factory=dict)
    scores: Mapping[Path, Mapping[Scoring, ClipScores]] = field(default_factory=dict)
    reproduced: frozenset[Path] = frozenset()

    def scores_under(self, scoring: Scoring) -> dict[Path, ClipScores]:
        """Give the scores of the runs that have some under a scoring."""
        return {
            folder: by_scoring[scoring]
            for folder, by_scoring in self.scores.items()
            if scoring in by_scoring
        }


def make_groups(
    runs: Sequence[RunReport],
    published: Sequence[PublishedRows],
    least: Confidence,
    extras: RunExtras | None = None,
) -> list[Group]:
    """Sort runs into groups that may be compared, whatever the order they come in.

    Args:
        runs: All runs.
        published: Rows of publications, for the groups that they speak of.
        least: Reported values below this confidence are left out.
        extras: What is known beyond the results.
    """
    extras = extras or RunExtras()
    members: defaultdict[GroupKey, list[RunReport]] = defaultdict(list)
    for run in runs:
        members[_group_key(run)].append(run)
    return [
        _make_group(key, sorted(members[key], key=_run_order), (published, least), extras)
        for key in sorted(members)
    ]


def _group_key(run: RunReport) -> GroupKey:
    manifest = run.manifest
    return (
        manifest.task,
        manifest.request.variant,
        manifest.data.hash,
        manifest.request.hash,
        run.results.scoring_hash,
    )


def _run_order(run: RunReport) -> tuple[str, str, str]:
    return (run.manifest.model.name, run.manifest.run_id, run.manifest.created)


def _make_group(
    key: GroupKey,
    runs: Sequence[RunReport],
    reports: tuple[Sequence[PublishedRows], Confidence],
    extras: RunExtras,
) -> Group:
    manifest = runs[0].manifest
    published, least = reports
    publications = [rows for rows in published if rows.speaks_of(manifest)]
    reported = [row for rows in publications for row in reported_rows(rows, least)]
    tables = tuple(
        _make_table(runs, scoring, reported if scoring is Scoring.OFFICIAL else [], extras)
        for scoring in SCORING_ORDER
        if any(scoring in run.results.scores for run in runs)
    )
    headline = [
        row for table in tables[:1] for row in table.rows if row.is_full and not row.is_fine_tuned
    ]
    remarks = [(row.model, row.remarks) for table in tables for row in table.rows if row.remarks]
    definition = manifest.task_definition
    return Group(
        anchor=f"{slug(manifest.task)}-{short(hash_json(list(key)))}",
        title=plain_text(str(definition.get("title") or manifest.task)),
        variant=plain_text(manifest.request.variant),
        facts=_group_facts(runs[0]),
        license=plain_text(str(definition.get("license") or ""), 400),
        tables=tables,
        heat_map=make_heat_map(headline, _chances(runs, tables[0].scoring) if tables else {}),
        scatter=make_scatter(headline),
        remarks=tuple(sorted(set(remarks))),
        publications=tuple(publications),
        runs=len(runs),
    )


def slug(name: str) -> str:
    """Make a short name for an address out of anybody's text; it may not be unique."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "task"


def _group_facts(run: RunReport) -> tuple[str, ...]:
    manifest, media = run.manifest, run.manifest.request.media
    given = []
    if Modality.VIDEO in media.modalities:
        given.append(count_of(media.frames, "frame"))
    if Modality.AUDIO in media.modalities:
        given.append(f"sound at {media.sample_rate / 1000:g} kHz")
    facts = [
        f"{count_of(manifest.data.items, 'item')} on {count_of(manifest.data.clips, 'clip')}",
        f"asked for {' and '.join(given)}" if given else "text only",
    ]
    facts += departures(manifest)
    if manifest.limit is not None:
        facts.append(f"limited to {count_of(manifest.limit, 'item')}")
    facts += [
        f"answers by {manifest.request.answer_method}",
        f"data {short(manifest.data.hash)}",
        f"request {short(manifest.request.hash)}",
        f"scoring {short(run.results.scoring_hash)}",
    ]
    return tuple(plain_text(fact) for fact in facts)


def _make_table(
    runs: Sequence[RunReport], scoring: Scoring, reported: Sequence[Row], extras: RunExtras
) -> Table:
    scored = [run for run in runs if scoring in run.results.scores]
    measured = sort_rows([_linked(measured_row(run, scoring), extras) for run in scored])
    zero_shot = [row for row in measured if not row.is_fine_tuned]
    full, are_paired = with_ranks(
        [row for row in zero_shot if row.is_full], extras.scores_under(scoring)
    )
    partial = [row for row in zero_shot if not row.is_full]
    fine_tuned = [row for row in measured if row.is_fine_tuned]
    chances = _chances(scored, scoring)
    columns = choose_columns(list(chances), [row.numbers for row in (*measured, *reported)])
    bodies = (
        ("", full),
        ("Below full coverage: not ranked", partial),
        ("Fine-tuned on this data set: not ranked with zero-shot rows", fine_tuned),
        ("Reported by others: not ranked, beside the measured rows only for orientation", reported),
    )
    blind = [row.average.value for row in full if row.is_blind and row.average]
    return Table(
        scoring=scoring,
        columns=tuple(column for _, column in columns),
        families=_families([column for _, column in columns]),
        bodies=tuple(
            Body(title, tuple(_table_row(row, columns) for row in rows))
            for title, rows in bodies
            if rows
        ),
        blind_band=(min(blind), max(blind)) if blind else None,
        chance=_average(chances.values()),
        ranks_are_paired=are_paired,
    )


def _linked(row: Row, extras: RunExtras) -> Row:
    if row.folder is None:
        return row
    badge = Badge.REPRODUCED if row.folder in extras.reproduced else row.badge
    return replace(row, page=extras.pages.get(row.folder, ""), badge=badge)


def _table_row(row: Row, columns: Sequence[tuple[NumberKey, Column]]) -> TableRow:
    return TableRow(row, tuple(write_cell(key, row.numbers.get(key)) for key, _ in columns))


def _families(columns: Sequence[Column]) -> tuple[tuple[str, int], ...]:
    families: list[tuple[str, int]] = []
    for column in columns:
        if families and families[-1][0] == column.family:
            families[-1] = (column.family, families[-1][1] + 1)
        else:
            families.append((column.family, 1))
    return tuple(families)


def _chances(runs: Sequence[RunReport], scoring: Scoring) -> dict[str, float | None]:
    return {
        name: scores.chance
        for run in runs
        if scoring in run.results.scores
        for name, scores in run.results.scores[scoring].subtasks.items()
    }


def _average(values: Collection[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None

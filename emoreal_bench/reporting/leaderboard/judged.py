"""What judges say of free descriptions: a table for each judge and way of asking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.run_record import JudgedRun
from emoreal_bench.contracts.scores import JudgedScore, JudgedScores
from emoreal_bench.contracts.vocabulary import JudgedDimension
from emoreal_bench.identity import hash_json, model_hash, short
from emoreal_bench.printable import plain_text
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.exports.table_files import Sheet, TableExport
from emoreal_bench.reporting.leaderboard.groups import slug
from emoreal_bench.reporting.leaderboard.rows import Row, badge_of, model_facts
from emoreal_bench.text import count_of, rating, words

NOT_ALL_JUDGED = "Not every description has a rating"

_MOST_NAMED = 3

JudgedKey = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """One model, and what the judge says of its descriptions."""

    row: Row
    scores: JudgedScores

    @property
    def ratings(self) -> list[JudgedScore]:
        """In the order of the table's columns."""
        return [self.scores.scores[dimension] for dimension in JudgedDimension]


@dataclass(frozen=True, slots=True)
class JudgedTable:
    """Models whose descriptions of the same clips one judge rated in the same way.

    Attributes:
        anchor: Where it stands on the page.
        title: Of the task, and of the subtask if that is another name.
        how_asked: The variant under which the descriptions were asked for.
        judge: Name of the judge.
        facts: What all its numbers depend on.
        dimensions: Headings of the ratings.
        bodies: Rows with all descriptions rated, then the others under a title.
        remarks: What the judge's runs say of themselves.
    """

    anchor: str
    title: str
    how_asked: str
    judge: str
    facts: tuple[str, ...]
    dimensions: tuple[str, ...]
    bodies: tuple[tuple[str, tuple[JudgedRow, ...]], ...]
    remarks: tuple[str, ...]

    @property
    def finding(self) -> str:
        """Say how the best descriptions are rated, or that none is."""
        (_, rows), *_ = self.bodies
        rated = [judged for judged in rows if judged.ratings[0].mean is not None][:_MOST_NAMED]
        told = ", ".join(f"{one.row.model} {rating(one.ratings[0].mean)}" for one in rated)
        if not told:
            return f"No judgement of {self.judge} could be read, so nothing is rated."
        return f"{self.dimensions[0].capitalize()}, from 1 to 10: {told}."

    @property
    def export_name(self) -> str:
        """Name of the table's files, and its id."""
        return f"{self.anchor}-judged"


def make_judged_tables(runs: Sequence[FinishedRun], pages: Mapping[Path, str]) -> list[JudgedTable]:
    """Sort the runs of judges into tables, whatever the order they come in.

    Runs stand in one table only if the same judge rated, in the same way,
    descriptions of the same clips that were asked for in the same way.

    Args:
        runs: All runs; those of models, and of judges that rate nothing, are passed over.
        pages: Address of a judge's page by run folder.
    """
    members: defaultdict[JudgedKey, list[FinishedRun]] = defaultdict(list)
    for run in runs:
        for name, scores in (run.results.judged or {}).items():
            if scores.verdicts is None:
                members[_key(run, name)].append(run)
    return [_make_table(key, members[key], pages) for key in sorted(members)]


def judged_export(table: JudgedTable) -> TableExport:
    """Make the files of a table of ratings."""
    about = {"task": table.title, "variant": table.how_asked, "judge": table.judge}
    sheet = Sheet(
        f"{', '.join(about.values())}: mean ratings, 1 to 10",
        ["Model", "Judged", *table.dimensions],
        [_cells(judged) for _, rows in table.bodies for judged in rows],
    )
    return TableExport(table.export_name, about, table.facts, list(_records(table)), [sheet])


def _key(run: FinishedRun, subtask: str) -> JudgedKey:
    judged = _judged(run)
    return (
        judged.task,
        subtask,
        judged.variant,
        judged.data_hash,
        judged.request_hash or "",
        model_hash(run.manifest.model),
        run.manifest.request.hash or "",
        str(judged.repeats),
        run.results.scoring_hash,
    )


def _judged(run: FinishedRun) -> JudgedRun:
    assert run.manifest.judged is not None, "only a judge's run has judgements"
    return run.manifest.judged


def _make_table(
    key: JudgedKey, runs: Sequence[FinishedRun], pages: Mapping[Path, str]
) -> JudgedTable:
    task, subtask, variant = key[:3]
    first, title = _judged(runs[0]), runs[0].manifest.task_definition.get("title")
    rows = sorted((_make_row(run, subtask, pages) for run in runs), key=_order)
    whole = tuple(row for row in rows if row.scores.coverage == 1)
    partial = tuple(row for row in rows if row.scores.coverage < 1)
    bodies = (("", whole), (NOT_ALL_JUDGED, partial))
    facts = (
        count_of(first.items[subtask], "item"),
        f"{count_of(first.repeats, 'judgement')} of each",
        f"data {short(first.data_hash)}",
        f"request {short(first.request_hash or 'not known')}",
        f"rubric {short(runs[0].manifest.request.hash or '')}",
    )
    remarks = {
        plain_text(f"{_judged(run).model.name}: {remark}", 500)
        for run in runs
        for remark in (*run.results.warnings, *(run.results.judged or {})[subtask].notes)
    }
    return JudgedTable(
        anchor=f"{slug(task)}-{short(hash_json(list(key)))}",
        title=plain_text(str(title or task)) + ("" if subtask == task else f", {words(subtask)}"),
        how_asked=plain_text(variant),
        judge=plain_text(runs[0].manifest.model.name),
        facts=tuple(plain_text(fact) for fact in facts),
        dimensions=tuple(words(dimension) for dimension in JudgedDimension),
        bodies=tuple((title, body) for title, body in bodies if body),
        remarks=tuple(sorted(remarks)),
    )


def _make_row(run: FinishedRun, subtask: str, pages: Mapping[Path, str]) -> JudgedRow:
    judged = _judged(run)
    model = judged.model
    row = Row(
        model=plain_text(model.name),
        badge=badge_of(model.name, is_imported=judged.request_hash is None),
        label=plain_text(model.label or ""),
        facts=model_facts(model, run.manifest.created),
        parameters=model.parameters,
        page=pages.get(run.folder, "") if run.folder else "",
    )
    return JudgedRow(row, (run.results.judged or {})[subtask])


def _order(judged: JudgedRow) -> tuple[float, str, tuple[str, ...]]:
    mean = judged.ratings[0].mean
    return (1.0 if mean is None else -mean, judged.row.model, judged.row.facts)


def _cells(judged: JudgedRow) -> list[str]:
    ratings = [
        rating(score.mean)
        + (f" ({rating(score.interval[0])}-{rating(score.interval[1])})" if score.interval else "")
        for score in judged.ratings
    ]
    return [judged.row.model, f"{judged.scores.judged} of {judged.scores.items}", *ratings]


def _records(table: JudgedTable) -> Iterator[dict[str, Any]]:
    for judged in (row for _, rows in table.bodies for row in rows):
        record: dict[str, Any] = {
            "model": judged.row.model,
            "label": judged.row.label,
            "coverage": judged.scores.coverage,
        }
        for dimension, score in judged.scores.scores.items():
            record[str(dimension)] = score.mean
            record[f"{dimension}_lower"], record[f"{dimension}_upper"] = score.interval or (
                None,
                None,
            )
            record[f"{dimension}_agreement"] = score.agreement
        yield record

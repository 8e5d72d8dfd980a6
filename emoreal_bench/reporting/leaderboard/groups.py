"""Which runs stand in one table: those that were asked the same and scored the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, Modality, Scoring
from emoreal_bench.identity import hash_json, short
from emoreal_bench.printable import plain_text
from emoreal_bench.probing.published import Confidence, PublishedRows
from emoreal_bench.record.departures import departures
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.leaderboard.conditions import (
    ConditionTable,
    condition_name,
    condition_order,
    full_key,
    make_condition_table,
)
from emoreal_bench.reporting.leaderboard.figures import (
    HeatMap,
    ScatterPoint,
    make_heat_map,
    make_scatter,
)
from emoreal_bench.reporting.leaderboard.findings import (
    say_what_came_out,
    say_what_scores_rest_on,
)
from emoreal_bench.reporting.leaderboard.rows import Row, reported_rows
from emoreal_bench.reporting.leaderboard.tables import RunExtras, Table, chances_of, make_table
from emoreal_bench.text import count_of

SCORING_ORDER = (HEADLINE_SCORING, Scoring.OFFICIAL, Scoring.OFFICIAL_LENIENT)


@dataclass(frozen=True, slots=True)
class Group:
    """Runs with the same task, variant, data hash, request hash and scoring hash.

    Attributes:
        anchor: Where it stands on the page.
        title: Of the task.
        variant: How the task asked.
        departures: In what this way of asking is not the task's own.
        facts: What all its numbers depend on.
        license: Terms of the data.
        tables: One for each scoring, the headline first.
        headline: Rows of the first table that stand in figures: zero-shot, of full coverage.
        heat_map: Subtask by model.
        scatter: Accuracy against hallucination.
        remarks: By model, sentences that belong to its rows.
        publications: Where reported rows come from.
        runs: How many.
        is_imported: Whether the replies were made elsewhere; such runs stand by themselves.
        distinction: What sets it apart from another group of the same name; mostly empty.
        findings: Sentences on what came out.
        conditions: What the scores rest on; None where nothing was taken away.
        under_conditions: The same task with something taken away or changed.
    """

    anchor: str
    title: str
    variant: str
    departures: tuple[str, ...]
    facts: tuple[str, ...]
    license: str
    tables: tuple[Table, ...]
    headline: tuple[Row, ...]
    heat_map: HeatMap
    scatter: tuple[ScatterPoint, ...]
    remarks: tuple[tuple[str, tuple[str, ...]], ...]
    publications: tuple[PublishedRows, ...]
    runs: int
    is_imported: bool = False
    distinction: str = ""
    findings: tuple[str, ...] = ()
    conditions: ConditionTable | None = None
    under_conditions: tuple[Group, ...] = ()

    @property
    def how_asked(self) -> str:
        """Name the variant, with what sets the group apart from others of its task."""
        distinction = [self.distinction] if self.distinction else []
        return ", ".join((self.variant, *self.departures, *distinction))

    @property
    def runs_in_words(self) -> str:
        """Count the runs, those under other conditions apart."""
        others = sum(part.runs for part in self.under_conditions)
        if not others:
            return count_of(self.runs, "run")
        return f"{count_of(self.runs - others, 'run')} in full, {others:,} under other conditions"

    def table_id(self, table: Table) -> str:
        """Name one of its tables for addresses."""
        return f"{self.anchor}-{table.scoring}"

    @property
    def conditions_id(self) -> str:
        """Name the table of its conditions for addresses."""
        return f"{self.anchor}-conditions"


IMPORTED = "imported"
"""In place of the hash of a request that nobody knows."""
GroupKey = tuple[str, str, str, str, str]
_KEY_NAMES = ("task", "variant", "data", "request", "scoring")
_HASHES = _KEY_NAMES[2:]


def make_groups(
    runs: Sequence[FinishedRun],
    published: Sequence[PublishedRows],
    least: Confidence,
    extras: RunExtras | None = None,
) -> list[Group]:
    """Sort runs into groups that may be compared, whatever the order they come in.

    Runs under a condition, such as those of a probe, belong to the group of the same
    task in full, if there is one.

    Args:
        runs: All runs.
        published: Rows of publications, for the groups that they speak of.
        least: Reported values below this confidence are left out.
        extras: What is known beyond the results.
    """
    extras = extras or RunExtras()
    members: defaultdict[GroupKey, list[FinishedRun]] = defaultdict(list)
    for run in runs:
        members[_group_key(run)].append(run)
    # A task as it is asked by itself stands before its departures; what was not asked here
    # stands behind everything that was.
    order = sorted(
        members,
        key=lambda key: (
            members[key][0].manifest.imported is not None,
            key[:2],
            _departures(members[key][0].manifest),
            key,
        ),
    )
    groups = {
        key: _make_group(key, sorted(members[key], key=_run_order), (published, least), extras)
        for key in order
    }
    conditions = {key: condition_name(members[key][0].manifest) for key in order}
    full = {
        _full_key(members[key][0]): key
        for key in order
        if not conditions[key] and members[key][0].manifest.imported is None
    }
    parts: defaultdict[GroupKey, list[tuple[str, Group]]] = defaultdict(list)
    inner = set()
    for key in order:
        whole = full.get(_full_key(members[key][0]))
        if conditions[key] and whole is not None:
            inner.add(key)
            parts[whole].append((conditions[key], groups[key]))
    shown = [key for key in order if key not in inner]
    alike: defaultdict[tuple[str, str], list[GroupKey]] = defaultdict(list)
    for key in shown:
        alike[groups[key].title, groups[key].how_asked].append(key)
    for keys in alike.values():
        for key in keys if len(keys) > 1 else ():
            groups[key] = replace(groups[key], distinction=_tell_apart(key, keys, members[key]))
    return [_with_conditions(groups[key], parts.get(key, ()), extras) for key in shown]


def _tell_apart(key: GroupKey, alike: Sequence[GroupKey], runs: Sequence[FinishedRun]) -> str:
    """Say which of several groups of one name this is: by what differs, and since when."""
    differing = [
        f"{name} {short(value) if name in _HASHES else value}"
        for name, value, *values in zip(_KEY_NAMES, key, *alike, strict=True)
        if len(set(values)) > 1
    ]
    first = min(run.manifest.created for run in runs)
    return plain_text(", ".join((*differing, f"since {first[:10]}")))


def _full_key(run: FinishedRun) -> tuple[str, int | None]:
    return full_key(run.manifest, run.results.scoring_hash), run.manifest.limit


def _with_conditions(group: Group, parts: Sequence[tuple[str, Group]], extras: RunExtras) -> Group:
    if not parts:
        return group
    parts = sorted(parts, key=lambda part: condition_order(part[0]))
    whole = replace(
        group,
        under_conditions=tuple(part for _, part in parts),
        runs=group.runs + sum(part.runs for _, part in parts),
    )
    table = make_condition_table(
        group.tables[0].rows if group.tables else (),
        [(name, part.tables[0].rows) for name, part in parts if part.tables],
        extras.scores_under(group.tables[0].scoring) if group.tables else {},
    )
    if not table.rows:
        return whole
    said = say_what_scores_rest_on(table)
    return replace(whole, conditions=table, findings=(*group.findings, *([said] if said else ())))


def _group_key(run: FinishedRun) -> GroupKey:
    manifest = run.manifest
    return (
        manifest.task,
        manifest.request.variant,
        manifest.data.hash,
        manifest.request.hash or IMPORTED,
        run.results.scoring_hash,
    )


def _run_order(run: FinishedRun) -> tuple[str, str, str]:
    return (run.manifest.model.name, run.manifest.run_id, run.manifest.created)


def _make_group(
    key: GroupKey,
    runs: Sequence[FinishedRun],
    reports: tuple[Sequence[PublishedRows], Confidence],
    extras: RunExtras,
) -> Group:
    manifest = runs[0].manifest
    published, least = reports
    publications = [rows for rows in published if rows.speaks_of(manifest)]
    reported = [row for rows in publications for row in reported_rows(rows, least)]
    tables = tuple(
        make_table(runs, scoring, reported if scoring is Scoring.OFFICIAL else [], extras)
        for scoring in _scorings(runs)
    )
    headline = [
        row for table in tables[:1] for row in table.rows if row.is_full and not row.is_fine_tuned
    ]
    remarks = [(row.model, row.remarks) for table in tables for row in table.rows if row.remarks]
    definition = manifest.task_definition
    chances = chances_of(runs, tables[0].scoring) if tables else {}
    return Group(
        anchor=f"{slug(manifest.task)}-{short(hash_json(list(key)))}",
        title=plain_text(str(definition.get("title") or manifest.task)),
        variant=plain_text(manifest.request.variant),
        departures=tuple(map(plain_text, _departures(manifest))),
        facts=_group_facts(runs[0]),
        license=plain_text(str(definition.get("license") or ""), 400),
        tables=tables,
        headline=tuple(headline),
        # One subtask alone has nothing beside it: the table says it all.
        heat_map=make_heat_map(headline if len(chances) > 1 else [], chances),
        scatter=make_scatter(headline),
        remarks=tuple(sorted(set(remarks))),
        publications=tuple(publications),
        runs=len(runs),
        is_imported=manifest.imported is not None,
        findings=say_what_came_out(tables[0]) if tables else (),
    )


def _scorings(runs: Sequence[FinishedRun]) -> list[Scoring]:
    """List the scorings to show; of those that score nothing the first is enough."""
    present = [
        scoring for scoring in SCORING_ORDER if any(scoring in run.results.scores for run in runs)
    ]
    scored = [
        scoring
        for scoring in present
        if any(
            run.results.scores[scoring].average_accuracy is not None
            for run in runs
            if scoring in run.results.scores
        )
    ]
    return scored or present[:1]


def slug(name: str) -> str:
    """Make a short name for an address out of anybody's text; it may not be unique."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "task"


def _departures(manifest: Manifest) -> tuple[str, ...]:
    if manifest.limit is None:
        return departures(manifest)
    return (*departures(manifest), f"limited to {count_of(manifest.limit, 'item')}")


def _group_facts(run: FinishedRun) -> tuple[str, ...]:
    manifest, media = run.manifest, run.manifest.request.media
    given = []
    if manifest.imported is not None:
        return _imported_facts(run)
    if Modality.VIDEO in media.modalities:
        given.append(count_of(media.frames, "frame"))
    if Modality.AUDIO in media.modalities:
        given.append(f"sound at {media.sample_rate / 1000:g} kHz")
    facts = [
        f"{count_of(manifest.data.items, 'item')} on {count_of(manifest.data.clips, 'clip')}",
        *([f"asked for {' and '.join(given)}"] if given else []),
    ]
    facts += [
        # A task of text alone departs from nothing by being asked so.
        *(_departures(manifest) or ([] if given else ["text only"])),
        f"answers by {manifest.request.answer_method}",
        f"data {short(manifest.data.hash)}",
        f"request {short(manifest.request.hash or '')}",
        f"scoring {short(run.results.scoring_hash)}",
    ]
    return tuple(plain_text(fact) for fact in facts)


def _imported_facts(run: FinishedRun) -> tuple[str, ...]:
    data = run.manifest.data
    return (
        f"{count_of(data.items, 'item')} on {count_of(data.clips, 'clip')}",
        "replies made elsewhere: how the models were asked is not known, so no row is held "
        "against a measured one",
        f"data {short(data.hash)}",
        f"scoring {short(run.results.scoring_hash)}",
    )

"""One row of a leaderboard: a run, or what a publication reports, ready to be printed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from emoreal_bench.comparing.paired import ClipSums
from emoreal_bench.comparing.ranks import LoneScore, paired_rank_ranges, rank_ranges
from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.scores import Counted, ScoringReport
from emoreal_bench.contracts.vocabulary import Outcome, Scoring
from emoreal_bench.identity import model_hash, short
from emoreal_bench.printable import plain_text
from emoreal_bench.probing.published import Confidence, PublishedRows, ReportedRow
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.leaderboard.columns import (
    Number,
    NumberKey,
    is_sure_enough,
    measured_numbers,
    reported_numbers,
)
from emoreal_bench.reporting.terminal.scores import count_outcomes
from emoreal_bench.text import count_of, percent_of_whole

_SIZES = ((1e9, "under 1 B"), (1e10, "1 to 10 B"), (1e11, "10 to 100 B"))

SCRIPTED_PROVIDER = "scripted/"
BLIND_PROVIDER = "baseline/"
"""Models under this name answer without being given a clip."""


class Badge(StrEnum):
    """Where the numbers of a row come from."""

    MEASURED = "measured"
    """Run by this program, from a run folder."""
    REPRODUCED = "reproduced"
    """Measured by others, and run again by the publisher to the same score."""
    REPORTED = "reported"
    """Copied from a publication."""
    IMPORTED = "imported"
    """Scored here; who replied to what, and how, nobody can check."""
    SCRIPTED = "scripted"
    """Replies that stood in a file before they were asked for."""


@dataclass(frozen=True, slots=True)
class Share:
    """One stretch of the bar that shows what became of the items, in percent of its length."""

    outcome: Outcome
    start: float
    length: float


@dataclass(frozen=True, slots=True)
class CoverageView:
    """How many items a row speaks of, and what became of them.

    Attributes:
        text: Share of the items that the score counts that reached the model and came back.
        sort: The same for sorting.
        losses: Shares of the items without an answer, by outcome.
        shares: The bar.
    """

    text: str
    sort: str
    losses: tuple[str, ...]
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says.

    Attributes:
        model: Name of the model.
        badge: Where its numbers come from.
        label: What stands beside the name, e.g. "random weights".
        facts: More about the model, in a few words each.
        distinction: What tells it from other rows of its name; empty if there are none.
        is_blind: Whether the model saw no clip by design.
        is_full: Whether the score speaks of every planned item.
        is_fine_tuned: Whether the model learned from labels of this data set.
        average: Average accuracy.
        coverage: None for reported rows, which do not say.
        numbers: Everything else.
        rank: Best and worst rank that it may hold; None where it is not ranked.
        caveat: What is printed beside a score that does not speak of every item.
        remarks: Sentences that belong to this row, printed below the table.
        modalities: What reached the model besides the text, for the filter.
        parameters: Number of parameters, for the filter; None where unknown.
        report: What the run says under the scoring; None for reported rows.
        run_key: Tells the run from others of the same model; empty for reported rows.
        model_key: Hash of what decides the model's answers; empty for reported rows.
        folder: Of the run; None for reported rows.
        page: Address of the run's page, relative to the leaderboard; empty if it has none.
    """

    model: str
    badge: Badge
    label: str = ""
    facts: tuple[str, ...] = ()
    distinction: str = ""
    is_blind: bool = False
    is_full: bool = False
    is_fine_tuned: bool = False
    average: Number | None = None
    coverage: CoverageView | None = None
    numbers: Mapping[NumberKey, Number] = field(default_factory=dict)
    rank: tuple[int, int] | None = None
    caveat: str = ""
    remarks: tuple[str, ...] = ()
    modalities: str = ""
    parameters: int | None = None
    report: ScoringReport | None = None
    run_key: str = ""
    model_key: str = ""
    folder: Path | None = None
    page: str = ""

    @property
    def size(self) -> str:
        """Name the class of sizes that the model belongs to."""
        if self.parameters is None:
            return "unknown"
        for limit, name in _SIZES:
            if self.parameters < limit:
                return name
        return "100 B and more"


def measured_row(run: FinishedRun, scoring: Scoring) -> Row:
    """Make the row of a run under one of the scorings that it has. Ranks come later."""
    model, results = run.manifest.model, run.results
    report = results.scores[scoring]
    coverage = report.counted
    is_blind = model.name.startswith(BLIND_PROVIDER)
    scored_items = sum(scores.n for scores in report.scored_subtasks.values())
    if not coverage.is_full:
        caveat = f"at {percent_of_whole(coverage.fraction)} % coverage"
    elif scored_items < coverage.items:
        caveat = f"on {scored_items:,} of {coverage.items:,} items"
    else:
        caveat = ""
    if run.manifest.shard is not None:
        caveat = f"shard {run.manifest.shard} {caveat}".rstrip()
    return Row(
        model=plain_text(model.name),
        badge=badge_of(model.name, is_imported=run.manifest.imported is not None),
        label="blind baseline" if is_blind else plain_text(model.label or ""),
        facts=model_facts(model, run.manifest.created),
        is_blind=is_blind,
        is_full=not caveat,
        is_fine_tuned=_is_fine_tuned(run),
        caveat=caveat,
        average=None
        if report.average_accuracy is None
        else Number(report.average_accuracy, report.average_accuracy_interval),
        coverage=_coverage_view(coverage, count_outcomes(report.scored_subtasks)),
        numbers=measured_numbers(run, scoring),
        remarks=_remarks(run),
        modalities=_modalities(run),
        parameters=model.parameters,
        report=report,
        run_key=f"{run.manifest.run_id} {run.manifest.created}",
        model_key=model_hash(model),
        folder=run.folder,
    )


def badge_of(model: str, *, is_imported: bool) -> Badge:
    """Return where the numbers of a run come from; whether they were reproduced apart."""
    if is_imported:
        return Badge.IMPORTED
    return Badge.SCRIPTED if model.startswith(SCRIPTED_PROVIDER) else Badge.MEASURED


def _is_fine_tuned(run: FinishedRun) -> bool:
    trained_on = run.manifest.model.fine_tuned_on
    source = run.manifest.task_definition.get("data", {})
    return trained_on is not None and trained_on == source.get("reader")


def reported_rows(published: PublishedRows, least: Confidence) -> list[Row]:
    """Make the rows of a publication whose values are at least so sure."""
    rows = [_reported_row(row, published, least) for row in published.rows]
    return sorted((row for row in rows if row.average or row.numbers), key=_order)


def _reported_row(row: ReportedRow, published: PublishedRows, least: Confidence) -> Row:
    average = row.average_accuracy
    return Row(
        model=row.model,
        badge=Badge.REPORTED,
        facts=(published.statement,),
        average=Number(average.value) if average and is_sure_enough(average, least) else None,
        numbers=reported_numbers(row, least),
        remarks=(f"Sources: {', '.join(row.sources)}.", *([row.note] if row.note else [])),
    )


def sort_rows(rows: Sequence[Row]) -> list[Row]:
    """Order rows by average accuracy, then by name."""
    return sorted(rows, key=_order)


def tell_apart(rows: Sequence[Row]) -> list[Row]:
    """Return rows of one name the facts that they do not share, or else their number."""
    namesakes: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        namesakes[row.model].append(row)
    numbers: Counter[str] = Counter()
    told = []
    for row in rows:
        twins = namesakes[row.model]
        if len(twins) > 1:
            numbers[row.model] += 1
            shared = set(row.facts).intersection(*(twin.facts for twin in twins))
            own = [fact for fact in row.facts if fact not in shared]
            number = f"run {numbers[row.model]} of {len(twins)}"
            told.append(replace(row, distinction=", ".join((number, *own))))
        else:
            told.append(row)
    return told


def _order(row: Row) -> tuple[float, str, tuple[str, ...]]:
    return (-row.average.value if row.average else 1.0, row.model, row.facts)


def with_ranks(
    rows: Sequence[Row], scores: Mapping[Path, ClipSums], clips: int
) -> tuple[list[Row], bool]:
    """Return rows their ranges of ranks.

    Every full row with an average is ranked, also at 0 and 100 %. Blind baselines are
    marks to beat, not contestants, so they hold no rank and take none away.

    Args:
        rows: All rows of a table.
        scores: By run folder; ranks come from paired tests if every contestant
            has some, else from the intervals.
        clips: How many the items are about.

    Returns:
        The rows, and whether the tests were paired.
    """
    contestants = [row for row in rows if _contends(row)]
    paired = [
        scores[row.folder] for row in contestants if row.folder is not None and row.folder in scores
    ]
    is_paired = len(paired) == len(contestants) > 0
    alone = [
        LoneScore(row.average.value, row.average.interval, clips)
        for row in contestants
        if row.average
    ]
    ranges = iter(paired_rank_ranges(paired) if is_paired else rank_ranges(alone))
    return [replace(row, rank=next(ranges)) if _contends(row) else row for row in rows], is_paired


def merge_identical(rows: Sequence[Row], scores: Mapping[Path, ClipSums]) -> list[Row]:
    """Make one row of the runs of one model that answered every item alike.

    Args:
        rows: Sorted.
        scores: By run folder; of runs without some, equal scores throughout count as alike.
    """
    merged: list[list[Row]] = []
    of_model: defaultdict[tuple[str, str], list[list[Row]]] = defaultdict(list)
    for row in rows:
        twins = of_model[row.model, row.model_key]
        same = next((group for group in twins if _answer_alike(group[0], row, scores)), None)
        if same is None:
            same = []
            twins.append(same)
            merged.append(same)
        same.append(row)
    return [
        group[0]
        if len(group) == 1
        else replace(
            group[0],
            facts=(*group[0].facts, f"{len(group)} runs with the same answers"),
            page=next((row.page for row in group if row.page), ""),
        )
        for group in merged
    ]


def _answer_alike(one: Row, other: Row, scores: Mapping[Path, ClipSums]) -> bool:
    known = [
        scores[row.folder].answers
        for row in (one, other)
        if row.folder is not None and row.folder in scores
    ]
    if len(known) == 2 and all(known):
        return known[0] == known[1]
    return one.report == other.report and one.coverage == other.coverage


def _contends(row: Row) -> bool:
    return row.average is not None and row.is_full and not row.is_blind


def model_facts(model: ModelDescription, created: str) -> tuple[str, ...]:
    """Return in a few words what tells a model from others of its name.

    Args:
        model: The model.
        created: When it was run, UTC, ISO 8601.
    """
    facts = []
    if model.parameters is not None:
        facts.append(f"{_parameters(model.parameters)} parameters")
    if model.revision:
        facts.append(f"revision {plain_text(model.revision, 20)}")
    if model.weights_hash:
        facts.append(f"weights {plain_text(short(model.weights_hash))}")
    facts.append(plain_text(created)[:10])
    return tuple(facts)


def _modalities(run: FinishedRun) -> str:
    delivery = run.results.delivery
    if delivery is None:
        return ""
    reached = (("video", delivery.items_with_video), ("audio", delivery.items_with_audio))
    return "+".join(name for name, items in reached if items) or "none"


def _parameters(count: int) -> str:
    for size, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.1f} {suffix}"
    return str(count)


def _remarks(run: FinishedRun) -> tuple[str, ...]:
    delivery = run.results.delivery
    notes = sorted(delivery.notes.items()) if delivery else []
    settings = sorted(run.manifest.model.settings.items())
    set_to = ", ".join(f"{name} = {value}" for name, value in settings)
    coverage, counted = run.results.coverage, run.results.counted
    silent = coverage.items - coverage.covered - (counted.items - counted.covered)
    told = f"Open questions without a reply, which count in no score: {silent:,}"
    return tuple(
        ([plain_text(f"Set: {set_to}", 500)] if settings else [])
        + ([told] if silent else [])
        + [plain_text(warning, 500) for warning in run.results.warnings]
        + [f"{plain_text(note)}: {count_of(items, 'item')}" for note, items in notes]
    )


def _share(fraction: float) -> str:
    return percent_of_whole(fraction) if fraction >= 0.001 else "<0.1"


def _coverage_view(coverage: Counted, outcomes: Mapping[Outcome, int]) -> CoverageView:
    total = sum(outcomes.values())
    shares, start = [], 0.0
    for outcome, number in outcomes.items():
        if number:
            length = 100 * number / total
            shares.append(Share(outcome, round(start, 2), round(length, 2)))
            start += length
    losses = [
        f"{_share(number / total)} % {outcome}"
        for outcome, number in outcomes.items()
        if number and outcome is not Outcome.ANSWERED
    ]
    return CoverageView(
        text=f"{percent_of_whole(coverage.fraction)} %",
        sort=f"{coverage.fraction:.6g}",
        losses=tuple(losses),
        shares=tuple(shares),
    )

"""What the page of a run says before its items: scores, delivery, what became of the items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emoreal_bench.contracts.scores import Interval, ScoringReport, SubtaskScores
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, Alteration, Outcome
from emoreal_bench.identity import short
from emoreal_bench.printable import plain_text
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.confusion import Confusion, make_confusions
from emoreal_bench.scoring.metrics import has_something_to_say, metric_of
from emoreal_bench.text import UNDEFINED, count_of, percent_of_whole, rating, words, write_number

_USUAL = ("yes_recall", "no_recall", "hallucination_rate", "spurious_rate")
"""Metrics beside accuracy where the task names none."""


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """Accuracy of one group of items under every scoring.

    Attributes:
        name: Of the group.
        n: Items under the headline scoring.
        values: Accuracy and interval by scoring, in the order of the table.
        metrics: The other metrics that the table shows, written, under the headline scoring.
        other: Accuracy and interval of another run under the headline scoring.
    """

    name: str
    n: int
    values: tuple[tuple[float | None, Interval | None], ...]
    metrics: tuple[str, ...]
    other: tuple[float | None, Interval | None] = (None, None)


@dataclass(frozen=True, slots=True)
class JudgedLine:
    """What a judge says of one subtask: how many it rated, and its ratings or verdicts."""

    name: str
    judged: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything above the items of a run page, ready to be printed."""

    title: str
    model: str
    label: str
    task: str
    variant: str
    license: str
    facts: tuple[str, ...]
    coverage: str
    is_complete: bool
    scorings: tuple[str, ...]
    metrics: tuple[str, ...]
    """Headings of the metrics beside accuracy."""
    averages: tuple[tuple[float | None, Interval | None], ...]
    lines: tuple[ScoreLine, ...]
    outcomes: tuple[tuple[str, tuple[int, ...]], ...]
    subtasks: tuple[str, ...]
    delivery: tuple[tuple[str, str], ...]
    confusions: tuple[Confusion, ...]
    slices: tuple[tuple[str, tuple[ScoreLine, ...]], ...]
    remarks: tuple[str, ...]
    other: str | None = None
    """Name of another run that stands beside this one."""
    other_average: tuple[float | None, Interval | None] = (None, None)
    judged_model: str = ""
    """Whose replies a judge rates."""
    judged_headings: tuple[str, ...] = ()
    judged_lines: tuple[JudgedLine, ...] = ()
    judged_nothing: bool = False
    """Whether the run is a judge's and no judgement could be read."""


def summarize(report: FinishedRun, beside: FinishedRun | None = None) -> Summary:
    """Gather what a run says of itself.

    Args:
        report: The run.
        beside: Another run of the same items.
    """
    there = None if beside is None else beside.results.scores.get(HEADLINE_SCORING)
    manifest, results = report.manifest, report.results
    # The headline first, whatever order the file has them in.
    reports = dict(sorted(results.scores.items(), key=lambda pair: pair[0] != HEADLINE_SCORING))
    headline = reports.get(HEADLINE_SCORING)
    others = list(reports.values())
    definition = manifest.task_definition
    known = [scores for one in others for scores in one.subtasks.values()]
    metrics = tuple(
        name
        for name in definition.get("metrics", _USUAL)
        if name != "accuracy" and any(one.has(name) for one in known)
        if has_something_to_say(name, known)
    )
    return Summary(
        title=plain_text(f"{manifest.model.name} on {manifest.task}"),
        model=plain_text(manifest.model.name),
        label=plain_text(manifest.model.label or ""),
        task=plain_text(str(definition.get("title") or manifest.task)),
        variant=plain_text(manifest.request.variant),
        license=plain_text(str(definition.get("license") or ""), 400),
        facts=_facts(report),
        coverage=f"{percent_of_whole(results.counted.fraction)} %",
        is_complete=report.is_complete,
        scorings=tuple(reports),
        metrics=tuple(plain_text(metric_of(name).label) for name in metrics),
        averages=tuple(
            (one.average_accuracy, one.average_accuracy_interval) for one in reports.values()
        ),
        lines=_score_lines(
            headline.subtasks,
            [one.subtasks for one in others],
            metrics,
            there.subtasks if there else {},
        )
        if headline
        else (),
        outcomes=_outcomes(headline) if headline else (),
        subtasks=tuple(words(name) for name in headline.subtasks) if headline else (),
        delivery=_delivery(report),
        confusions=make_confusions(headline) if headline else (),
        slices=_slices(headline, others, metrics) if headline else (),
        remarks=_remarks(report, headline),
        other=None if beside is None else plain_text(beside.manifest.model.name),
        other_average=(there.average_accuracy, there.average_accuracy_interval)
        if there
        else (None, None),
        judged_model=plain_text(manifest.judged.model.name) if manifest.judged else "",
        judged_headings=_judged_headings(report),
        judged_lines=_judged_lines(report),
        judged_nothing=bool(results.judged)
        and not any(scores.judged for scores in (results.judged or {}).values()),
    )


def _judged_headings(report: FinishedRun) -> tuple[str, ...]:
    for scores in (report.results.judged or {}).values():
        return tuple(words(name) for name in (scores.verdicts or scores.scores))
    return ()


def _judged_lines(report: FinishedRun) -> tuple[JudgedLine, ...]:
    lines = []
    for name, scores in (report.results.judged or {}).items():
        if scores.verdicts is not None:
            numbers = [f"{count:,}" for count in scores.verdicts.values()]
        else:
            numbers = [
                rating(one.mean)
                + (
                    f" ({rating(one.interval[0])}\N{EN DASH}{rating(one.interval[1])})"
                    if one.interval
                    else ""
                )
                for one in scores.scores.values()
            ]
        judged = f"{scores.judged:,} of {scores.items:,}"
        lines.append(JudgedLine(words(name), judged, tuple(numbers)))
    return tuple(lines)


def _facts(report: FinishedRun) -> tuple[str, ...]:
    manifest, media = report.manifest, report.manifest.request.media
    items = f"{count_of(manifest.data.items, 'item')} on {count_of(manifest.data.clips, 'clip')}"
    if manifest.imported is not None:
        facts = [
            items,
            "imported: how the model was asked is not known",
            f"data {short(manifest.data.hash)}",
            f"source {short(manifest.imported.source_hash)}",
            f"scoring {short(report.results.scoring_hash)}",
        ]
        return tuple(plain_text(fact) for fact in (*facts, _written(manifest.created)))
    facts = [
        items,
        f"answers by {manifest.request.answer_method}",
        f"given {', '.join(media.modalities) or 'text only'}",
    ]
    if media.alteration is not Alteration.NONE:
        facts.append(f"clips altered: {media.alteration}")
    if manifest.shard is not None:
        facts.append(f"shard {manifest.shard}, {count_of(manifest.shard.items, 'item')}")
    if manifest.limit is not None:
        facts.append(f"limited to {count_of(manifest.limit, 'item')}")
    facts += [
        f"data {short(manifest.data.hash)}",
        f"request {short(manifest.request.hash or '')}",
        f"scoring {short(report.results.scoring_hash)}",
    ]
    if manifest.model.weights_hash:
        facts.append(f"weights {short(manifest.model.weights_hash)}")
    return tuple(plain_text(fact) for fact in (*facts, _written(manifest.created)))


def _written(created: str) -> str:
    """Write a time as the page of many runs does, to the minute."""
    return f"{created[:16].replace('T', ' ')} UTC"


def _score_lines(
    headline: Mapping[str, SubtaskScores],
    scorings: Sequence[Mapping[str, SubtaskScores]],
    metrics: Sequence[str],
    beside: Mapping[str, SubtaskScores] | None = None,
) -> tuple[ScoreLine, ...]:
    lines = []
    for name, scores in headline.items():
        under = [groups.get(name) for groups in scorings]
        there = (beside or {}).get(name)
        lines.append(
            ScoreLine(
                name=words(name),
                n=scores.n,
                values=tuple(
                    (None, None) if one is None else (one.accuracy, one.intervals.get("accuracy"))
                    for one in under
                ),
                metrics=tuple(write_number(one, getattr(scores, one, None)) for one in metrics),
                other=(None, None)
                if there is None
                else (there.accuracy, there.intervals.get("accuracy")),
            )
        )
    return tuple(lines)


def _slices(
    headline: ScoringReport, scorings: Sequence[ScoringReport], metrics: Sequence[str]
) -> tuple[tuple[str, tuple[ScoreLine, ...]], ...]:
    return tuple(
        (words(key), _score_lines(groups, [one.slices.get(key, {}) for one in scorings], metrics))
        for key, groups in headline.slices.items()
        if groups
    )


def _outcomes(headline: ScoringReport) -> tuple[tuple[str, tuple[int, ...]], ...]:
    rows = []
    for outcome in Outcome:
        counts = tuple(scores.outcomes.get(outcome, 0) for scores in headline.subtasks.values())
        if any(counts):
            rows.append((outcome.value, counts))
    return tuple(rows)


def _delivery(report: FinishedRun) -> tuple[tuple[str, str], ...]:
    delivery, items = report.results.delivery, report.results.coverage.items
    if report.manifest.imported is not None:
        return (("Not known: the replies were imported", UNDEFINED),)
    if delivery is None:
        return (("Nothing is logged", UNDEFINED),)
    rows = [
        ("Frames per item", f"{delivery.frames_per_item:.1f}"),
        ("Seconds of sound per item", f"{delivery.audio_seconds_per_item:.1f}"),
        ("Items that came with a picture", f"{delivery.items_with_video:,} of {items:,}"),
        ("Items that came with sound", f"{delivery.items_with_audio:,} of {items:,}"),
    ]
    rows += [
        (f"Tokens of {plain_text(name)} per item", f"{count:,.1f}")
        for name, count in delivery.tokens_per_item.items()
    ]
    rows += [
        (plain_text(note, 300), count_of(number, "item"))
        for note, number in sorted(delivery.notes.items())
    ]
    rows += [
        (f"{plain_text(status)}: {plain_text(reason, 300)}", count_of(number, "item"))
        for status, reasons in delivery.reasons.items()
        for reason, number in reasons.items()
    ]
    if report.timings is not None and report.timings.requests:
        per_item = report.timings.model_seconds / report.timings.requests
        rows.append(("Seconds of the model per item", f"{per_item:.3g}"))
    return tuple(rows)


def _remarks(report: FinishedRun, headline: ScoringReport | None) -> tuple[str, ...]:
    settings = sorted(report.manifest.model.settings.items())
    remarks = [f"Set: {', '.join(f'{name} = {value}' for name, value in settings)}"]
    found = [
        *(remarks if settings else []),
        *report.results.warnings,
        *(headline.notes if headline else ()),
    ]
    return tuple(plain_text(remark, 500) for remark in found)

"""The scores of a judge's run: what its judgements say of the replies, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import lcm

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.run_record import JudgedRun, Manifest
from emoreal_bench.contracts.scores import JudgedScore, JudgedScores, Results
from emoreal_bench.contracts.vocabulary import (
    DeliveryStatus,
    JudgedDimension,
    JudgedMatter,
    Outcome,
    Repeatability,
    StatementVerdict,
)
from emoreal_bench.identity import hash_json
from emoreal_bench.scoring.clip_intervals import notes_of_clips
from emoreal_bench.scoring.collect import JUDGEMENT_OUTCOMES, Reply
from emoreal_bench.scoring.judgement import HIGHEST, LOWEST, Judgement, read_judgement
from emoreal_bench.scoring.score import are_many_unparsable, coverage_of
from emoreal_bench.scoring.verdicts import judged_id, read_verdicts, verdicts_hash
from emoreal_bench.statistics.agreement import krippendorff_alpha
from emoreal_bench.statistics.clustered import mean_interval

JUDGING_VERSION = 2
"""Raised with every change of a rule that can change a number."""
DIMENSIONS = tuple(JudgedDimension)
_OVER_THE_OTHERS = "The means are over the others."
_NOTHING_JUDGED = (
    "There are no others, so there is no mean: look at what the judge wrote, and take a judge that "
    "keeps to the form."
)
_REPEATS_ITSELF = (Repeatability.EXACT, Repeatability.SAME_BATCH)


@dataclass(slots=True)
class _JudgedReply:
    """One reply and those of its judgements that could be read."""

    clip: str
    judgements: list[Judgement] = field(default_factory=list)

    def ratings(self, dimension: JudgedDimension) -> list[int]:
        return [judgement.rating(dimension) for judgement in self.judgements]


@dataclass(slots=True)
class _JudgedSubtask:
    """The replies to one subtask by question, and what became of their judgements."""

    replies: dict[str, _JudgedReply] = field(default_factory=dict)
    outcomes: dict[Outcome, int] = field(
        default_factory=lambda: dict.fromkeys(JUDGEMENT_OUTCOMES, 0)
    )

    @property
    def judged(self) -> list[_JudgedReply]:
        return [reply for reply in self.replies.values() if reply.judgements]


def judging_hash(matter: JudgedMatter = JudgedMatter.DESCRIPTIONS) -> str:
    """Hash the rules by which judgements are read and averaged, or verdicts are read."""
    if matter is JudgedMatter.STATEMENTS:
        return verdicts_hash()
    return hash_json(
        {"judging": JUDGING_VERSION, "dimensions": DIMENSIONS, "scale": [LOWEST, HIGHEST]}
    )


def score_judgements(
    manifest: Manifest, items: Sequence[Item], replies: Iterable[Reply]
) -> Results:
    """Score the run of a judge.

    A judgement that cannot be read is counted and has no score: the means are
    over the items with at least one that can, and the coverage stands beside.

    Args:
        manifest: Of the judge's run; it names the judged one.
        items: All planned judgements.
        replies: The judge's, at most one for each of the items.
    """
    judged, judge = manifest.judged, manifest.model
    assert judged is not None, "only the run of a judge is scored by its judgements"
    if judged.matter is JudgedMatter.STATEMENTS:
        return _score_verdicts(manifest, judged, items, replies)
    logged = {reply.id: reply for reply in replies}
    statuses = dict.fromkeys(DeliveryStatus, 0)
    subtasks = {name: _JudgedSubtask() for name in judged.items}
    for item in items:
        reply = logged.get(item.id, Reply(item.id, DeliveryStatus.MISSING, ""))
        statuses[reply.status] += 1
        _add(subtasks[item.subtask], item, reply)
    scores = {
        name: _subtask_scores(name, judged, subtask, judge) for name, subtask in subtasks.items()
    }
    return Results(
        schema_version=2,
        task=manifest.task,
        scoring_hash=judging_hash(),
        coverage=coverage_of(statuses),
        scores={},
        judged=scores,
        warnings=_warnings(scores, judge),
    )


def _score_verdicts(
    manifest: Manifest, judged: JudgedRun, items: Sequence[Item], replies: Iterable[Reply]
) -> Results:
    """Count the verdicts on replies without an answer."""
    verdicts, became = read_verdicts(items, replies)
    statuses = dict.fromkeys(DeliveryStatus, 0) | Counter(status for status, _ in became.values())
    scores = {}
    for name, asked in judged.items.items():
        members = [item for item in items if item.subtask == name]
        read = Counter(verdicts[key] for item in members if (key := judged_id(item)) in verdicts)
        outcomes = Counter(became[item.id][1] for item in members)
        scores[name] = JudgedScores(
            items=asked,
            without_reply={},
            judged=read.total(),
            coverage=read.total() / asked,
            repeats=judged.repeats,
            judgements={outcome: outcomes[outcome] for outcome in JUDGEMENT_OUTCOMES},
            scores={},
            verdicts={verdict: read[verdict] for verdict in StatementVerdict},
        )
    return Results(
        schema_version=2,
        task=manifest.task,
        scoring_hash=judging_hash(judged.matter),
        coverage=coverage_of(statuses),
        scores={},
        judged=scores,
        warnings=_warnings(scores, manifest.model),
    )


def _add(subtask: _JudgedSubtask, item: Item, reply: Reply) -> None:
    question = judged_id(item)
    outcome, judgement = read_judgement(reply.status, reply.text)
    subtask.outcomes[outcome] += 1
    judged = subtask.replies.setdefault(question, _JudgedReply(item.clip))
    if judgement is not None:
        judged.judgements.append(judgement)


def _subtask_scores(
    name: str, run: JudgedRun, subtask: _JudgedSubtask, judge: ModelDescription
) -> JudgedScores:
    judged = subtask.judged
    agreements = {
        dimension: krippendorff_alpha(reply.ratings(dimension) for reply in judged)
        for dimension in DIMENSIONS
    }
    means, intervals, notes = _means(judged)
    return JudgedScores(
        items=run.items[name],
        without_reply=run.without_reply[name],
        judged=len(judged),
        coverage=len(judged) / run.items[name],
        repeats=run.repeats,
        judgements=subtask.outcomes,
        scores={
            dimension: JudgedScore(
                mean=means.get(dimension),
                interval=intervals.get(dimension),
                agreement=agreements[dimension],
            )
            for dimension in DIMENSIONS
        },
        notes=(*notes, *_agreement_notes(run, judge, agreements)),
    )


def _means(
    judged: Sequence[_JudgedReply],
) -> tuple[dict[str, float], dict[str, tuple[float, float]], list[str]]:
    """Average the ratings of each item, then the items; with intervals clustered by clip."""
    if not judged:
        return {}, {}, ["no judgement could be read"]
    counts, scale = _count_clips(judged)
    sizes, totals = counts[:, 0].astype(np.float64), counts.sum(axis=0)
    means, intervals = {}, {}
    for column, dimension in enumerate(DIMENSIONS, start=1):
        means[dimension.value] = float(totals[column] / (scale * totals[0]))
        interval = mean_interval(counts[:, column] / scale, sizes)
        if interval is not None:
            low, high = interval
            intervals[dimension.value] = (max(float(LOWEST), low), min(float(HIGHEST), high))
    notes = notes_of_clips(len(counts))
    if len(counts) > 1 and (alike := [name for name in means if name not in intervals]):
        notes.append(f"no interval, since every clip is alike: {', '.join(alike)}")
    return means, intervals, notes


def _count_clips(judged: Sequence[_JudgedReply]) -> tuple[NDArray[np.int64], int]:
    """Count, per clip, the items and their ratings.

    An item's mean is a fraction, so all are counted in units of one over the
    least common multiple of the numbers of judgements: whole numbers, whose
    sums do not depend on their order.

    Returns:
        ``(clips, 1 + dimensions)`` counts, and the units in one point of the scale.
    """
    scale = lcm(*{len(reply.judgements) for reply in judged})
    clips: dict[str, NDArray[np.int64]] = {}
    for reply in judged:
        row = clips.setdefault(reply.clip, np.zeros(1 + len(DIMENSIONS), np.int64))
        weight = scale // len(reply.judgements)
        row += [1, *(weight * sum(reply.ratings(dimension)) for dimension in DIMENSIONS)]
    return np.array(list(clips.values())), scale


def _agreement_notes(
    run: JudgedRun, judge: ModelDescription, agreements: Mapping[JudgedDimension, float | None]
) -> list[str]:
    if run.repeats == 1:
        return ["each reply was judged once: there is no agreement"]
    undefined = [dimension.value for dimension, value in agreements.items() if value is None]
    notes = []
    if undefined:
        notes.append(f"agreement needs readable judgements that differ: {', '.join(undefined)}")
    if judge.capabilities.repeatability in _REPEATS_ITSELF:
        notes.append("this judge repeats itself at temperature 0: its agreement says nothing")
    return notes


def _warnings(scores: Mapping[str, JudgedScores], judge: ModelDescription) -> tuple[str, ...]:
    warnings = []
    for name, judged in scores.items():
        if judged.judged < judged.items:
            rest = _OVER_THE_OTHERS if judged.judged else _NOTHING_JUDGED
            silent = sum(judged.without_reply.values())
            reason = f", {silent} of them because there is no reply to judge" if silent else ""
            warnings.append(
                f"{name}: {judged.items - judged.judged} of {judged.items} items have no "
                f"{'verdict' if judged.verdicts else 'score'}"
                f"{reason}. {'They stay unanswered.' if judged.verdicts else rest}"
            )
        unparsable = judged.judgements[Outcome.UNPARSABLE]
        if are_many_unparsable(unparsable, sum(judged.judgements.values())):
            warnings.append(
                f"{name}: {unparsable} of {sum(judged.judgements.values())} judgements could not "
                "be read. Look at some of them before trusting the rest."
            )
    if judge.weights_hash is None and judge.revision is None:
        warnings.append(
            f"The judge {judge.name} is pinned neither by its weights nor by a dated version: the "
            "same name may stand for another model later."
        )
    return tuple(warnings)

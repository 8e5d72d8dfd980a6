"""Accuracy over pairs of items, where a data set pairs them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.scores import SubtaskScores
from emoreal_bench.contracts.vocabulary import AnswerKind, Scoring
from emoreal_bench.scoring.clip_intervals import notes_of_clips, share_interval
from emoreal_bench.scoring.frame import NO_PAIR
from emoreal_bench.scoring.subtask_scores import Sample
from emoreal_bench.statistics.intervals import counts_by_cluster

METRIC = "pair_accuracy"


def with_pair_accuracy(sample: Sample, scores: SubtaskScores, name: str) -> SubtaskScores:
    """Add the share of pairs of which every item is answered right.

    Under strict only, and only where items of the subtask are in pairs; other
    scores are returned as they are. An item whose partner is not planned is in
    no whole pair and left out, with a note. A pair is counted with the clip of
    its first item, in the order of the items.

    Args:
        sample: The run.
        scores: Of the subtask.
        name: Of the subtask.
    """
    pair = sample.frame.pair
    is_open = sample.frame.layouts[name].kind is AnswerKind.OPEN
    if pair is None or is_open or sample.scoring is not Scoring.STRICT:
        return scores
    members = sample.frame.members(name)
    paired = members[pair[members] != NO_PAIR]
    if paired.size == 0:
        return scores
    counts, alone = _count_pairs(sample, paired, pair)
    notes = [f"{METRIC}: left out, their partners not among the items: {alone}"] if alone else []
    fields: dict[str, Any] = {METRIC: None}
    if counts is not None:
        pairs, right = (int(total) for total in counts.sum(axis=0))
        fields[METRIC] = right / pairs
        if (interval := share_interval(counts)) is not None:
            fields["intervals"] = scores.intervals | {METRIC: interval}
        notes += [note for note in notes_of_clips(len(counts)) if note not in scores.notes]
    return scores.model_copy(update=fields | {"notes": (*scores.notes, *notes)})


def _count_pairs(
    sample: Sample, paired: NDArray[np.intp], pair: NDArray[np.int32]
) -> tuple[NDArray[np.int64] | None, int]:
    """Count, per clip, the pairs and the right ones; and the items without a partner."""
    _, first, position, sizes = np.unique(
        pair[paired], return_index=True, return_inverse=True, return_counts=True
    )
    correct = sample.readings.answer[paired] == sample.frame.gold[paired]
    is_right = np.bincount(position[correct], minlength=sizes.size) == sizes
    whole = sizes > 1
    alone = int(np.count_nonzero(~whole))
    if alone == sizes.size:
        return None, alone
    clips = sample.frame.clip[paired[first]]
    right = whole & is_right
    features = np.repeat(np.arange(2), [np.count_nonzero(whole), np.count_nonzero(right)])
    return counts_by_cluster(np.concatenate([clips[whole], clips[right]]), features, 2), alone

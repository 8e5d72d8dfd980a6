"""Scores of the items that share a metadata value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.scores import SubtaskScores
from emoreal_bench.contracts.task import Task
from emoreal_bench.scoring.subtask_scores import Sample, accuracy_scores, score_members

if TYPE_CHECKING:
    Groups = Mapping[str, Mapping[str, NDArray[np.intp]]]

SMALLEST_GROUP = 10
CLIP_LENGTH = "clip_length"
LENGTH_BOUNDS = (2.0, 4.0, 8.0)
"""In seconds."""


def slice_groups(task: Task, items: Sequence[Item]) -> Groups:
    """Group items by the metadata keys that a task is sliced by.

    Returns:
        By key and value, in alphabetical order of the values, the positions of
        the items; items without the key are in no group.
    """
    groups: dict[str, Mapping[str, NDArray[np.intp]]] = {}
    for key in task.slices:
        positions: defaultdict[str, list[int]] = defaultdict(list)
        for index, item in enumerate(items):
            if item.metadata and key in item.metadata:
                positions[item.metadata[key]].append(index)
        if positions:
            groups[key] = {value: np.array(positions[value]) for value in sorted(positions)}
    return groups


def length_groups(clip_seconds: NDArray[np.float32]) -> Groups:
    """Group items by the length of their clips, as far as it is known.

    Args:
        clip_seconds: ``(items,)``, NaN where a clip was not decoded.

    Returns:
        Under :data:`CLIP_LENGTH` the positions of the items, the shortest clips first;
        nothing if all clips whose length is known are of one group.
    """
    known = np.flatnonzero(~np.isnan(clip_seconds))
    group = np.searchsorted(LENGTH_BOUNDS, clip_seconds[known], side="right")
    if np.unique(group).size < 2:
        return {}
    names = [
        f"under {LENGTH_BOUNDS[0]:g} s",
        *(f"{start:g} to {end:g} s" for start, end in pairwise(LENGTH_BOUNDS)),
        f"{LENGTH_BOUNDS[-1]:g} s and more",
    ]
    members = {name: known[group == code] for code, name in enumerate(names)}
    return {CLIP_LENGTH: {name: found for name, found in members.items() if found.size}}


def slice_scores(
    sample: Sample, groups: Groups
) -> tuple[dict[str, dict[str, SubtaskScores]], list[str]]:
    """Score each group, and note those that are too small to be shown.

    A group whose items want different kinds of answers has accuracy only.
    """
    scores: dict[str, dict[str, SubtaskScores]] = {}
    notes: list[str] = []
    layouts = list(sample.frame.layouts.values())
    for key, values in groups.items():
        scores[key] = {}
        small = [value for value, members in values.items() if members.size < SMALLEST_GROUP]
        for value, members in values.items():
            if value in small:
                continue
            present = {layouts[index] for index in set(sample.frame.subtask[members].tolist())}
            scores[key][value] = (
                score_members(sample, present.pop(), members)
                if len(present) == 1
                else accuracy_scores(sample, members)
            )
        if small:
            shown = ", ".join(small)
            notes.append(f"{key}: groups under {SMALLEST_GROUP} items are not shown: {shown}")
    return scores, notes

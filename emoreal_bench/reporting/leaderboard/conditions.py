"""What scores rest on: a task as it is asked in full, beside the same with something taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emoreal_bench.comparing.paired import ClipSums, average_change
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.scores import Interval
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.identity import hash_json
from emoreal_bench.record.departures import task_media
from emoreal_bench.reporting.leaderboard.rows import Row

_GIVEN = {
    frozenset({Modality.AUDIO}): "sound only",
    frozenset({Modality.VIDEO}): "picture only",
    frozenset[Modality](): "text only",
}
_ALTERED = {
    Alteration.MUTE: "silence for sound",
    Alteration.BLANK: "a blank picture",
    Alteration.SWAP: "another clip",
    Alteration.NOISE: "noise",
}
_SHUFFLED = "shuffled letters"
_ORDER = (*_GIVEN.values(), *_ALTERED.values(), _SHUFFLED)


@dataclass(frozen=True, slots=True)
class ConditionCell:
    """What a model reaches under a condition.

    Attributes:
        accuracy: The average, 0..1.
        change: Less that of the model's run in full; None if there is no such run.
        interval: Of the change, item by item; None where the items are not at hand.
        caveat: What is printed beside a score that does not speak of every item.
    """

    accuracy: float
    change: float | None = None
    interval: Interval | None = None
    caveat: str = ""


@dataclass(frozen=True, slots=True)
class ConditionTable:
    """Models by condition.

    Attributes:
        conditions: Headings, after the one of the run in full.
        rows: Of the models that were run under any condition; None where one was not.
    """

    conditions: tuple[str, ...]
    rows: tuple[tuple[Row, tuple[ConditionCell | None, ...]], ...]


def condition_name(manifest: Manifest) -> str:
    """Return the condition in words that can follow "with"; empty for a run in full."""
    media = manifest.request.media
    given = frozenset(part for part in media.modalities if part is not Modality.TEXT)
    names = []
    if given != frozenset(task_media(manifest.task_definition).modalities):
        names.append(_GIVEN.get(given, "picture and sound"))
    if media.alteration is not Alteration.NONE:
        names.append(_ALTERED[media.alteration])
    if manifest.request.choice_shuffle_seed is not None:
        names.append(_SHUFFLED)
    return ", ".join(names)


def condition_order(name: str) -> tuple[int, str]:
    """Return where a condition stands among others: first what is left of a clip."""
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def full_key(manifest: Manifest, scoring_hash: str) -> str:
    """Hash what runs under different conditions share."""
    request = manifest.request.model_dump(
        mode="json",
        exclude={
            "hash": True,
            "order": True,
            "choice_shuffle_seed": True,
            "media": {"modalities", "alteration", "alteration_seed"},
        },
    )
    return hash_json([manifest.task, manifest.data.hash, scoring_hash, request])


def make_condition_table(
    full: Sequence[Row],
    conditions: Sequence[tuple[str, Sequence[Row]]],
    scores: Mapping[Path, ClipSums],
) -> ConditionTable:
    """Set what each model reaches in full beside what it reaches under conditions.

    Of several runs of a model under one condition the last, lowest one counts.

    Args:
        full: Rows of the runs in full, the best first.
        conditions: Names, and the rows under each.
        scores: By run folder, for the intervals of the changes.
    """
    in_full = {row.model_key: row for row in full if row.average and row.is_full}
    columns = [{row.model_key: row for row in rows if row.average} for _, rows in conditions]
    first: dict[str, Row] = {}
    for column in ({row.model_key: row for row in full if row.average}, *columns):
        first = first | {key: row for key, row in column.items() if key not in first}
    return ConditionTable(
        conditions=tuple(name for name, _ in conditions),
        rows=tuple(
            (row, tuple(_cell(column.get(key), in_full.get(key), scores) for column in columns))
            for key, row in first.items()
            if any(key in column for column in columns)
        ),
    )


def _cell(
    row: Row | None, full: Row | None, scores: Mapping[Path, ClipSums]
) -> ConditionCell | None:
    if row is None or row.average is None:
        return None
    if full is None or full.average is None or not row.is_full:
        return ConditionCell(row.average.value, caveat=row.caveat)
    change = row.average.value - full.average.value
    before, after = (
        scores.get(one.folder) if one.folder is not None else None for one in (full, row)
    )
    interval = None
    if before is not None and after is not None and np.array_equal(before.items, after.items):
        interval = average_change(before, after)
    return ConditionCell(row.average.value, change, interval)

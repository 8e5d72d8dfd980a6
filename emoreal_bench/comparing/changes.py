"""What changed between two runs: their settings, and the items that flipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emoreal_bench.comparing.runs import run_differences
from emoreal_bench.contracts.comparison import FlippedItem, RunChanges
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.identity import item_record
from emoreal_bench.record.manifest import differences
from emoreal_bench.running.readings import LoggedRun, read_items


def find_changes(first: Path, second: Path) -> RunChanges:
    """Find what changed from one run to another.

    Runs need not be comparable: items are matched by their id and everything
    that is asked in them, and those that only one run has are counted.

    Args:
        first: A run folder, finished or not.
        second: Another.

    Raises:
        RunError: If a folder holds no run.
    """
    with LoggedRun(first) as before, LoggedRun(second) as after:
        settings = run_differences(before.manifest, after.manifest)
        settings += [
            found
            for found in differences(before.manifest, after.manifest)
            if found.startswith("the model")
        ]
        common = list(_matched(before, after))
        return RunChanges(
            settings=tuple(settings),
            first_items=len(before.items),
            second_items=len(after.items),
            common_items=len(common),
            flipped=tuple(item for item in common if item.was_right != item.is_right),
        )


def _matched(before: LoggedRun, after: LoggedRun) -> Iterator[FlippedItem]:
    """Pair the scored items that both runs asked in the same words."""
    places = {item.id: place for place, item in enumerate(before.items)}
    earlier = list(read_items(before))
    for item, read in zip(after.items, read_items(after), strict=True):
        place = places.get(item.id)
        now = read.readings.get(Scoring.STRICT)
        if place is None or now is None:
            continue
        then = earlier[place].readings.get(Scoring.STRICT)
        if then is None or item_record(before.items[place]) != item_record(item):
            continue
        yield FlippedItem(
            id=item.id,
            subtask=item.subtask,
            gold=item.answer,
            was_right=then.correct,
            is_right=now.correct,
            first_reply=earlier[place].record["text"],
            second_reply=read.record["text"],
        )

"""What changed between two runs: their settings, and the items that flipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from emoreal_bench.comparing.runs import run_differences
from emoreal_bench.contracts.comparison import FlippedItem, RunChanges
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.identity import item_record
from emoreal_bench.record.manifest import differences
from emoreal_bench.reporting.run_page.items import LoggedRun, read_items
from emoreal_bench.text import count_of, plain_text, words

if TYPE_CHECKING:
    from rich.console import RenderableType

_SHOWN_ITEMS = 20
_SHOWN_REPLY = 60


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
        flipped, common = [], 0
        for change in _matched(before, after):
            common += 1
            if change.was_right != change.is_right:
                flipped.append(change)
        return RunChanges(
            settings=tuple(settings),
            first_items=len(before.items),
            second_items=len(after.items),
            common_items=common,
            flipped=tuple(flipped),
        )


def changes_renderables(changes: RunChanges) -> list[RenderableType]:
    """Show what changed: settings, counts by subtask, the first of the items."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    lines = [f"Different: {plain_text(setting, 300)}" for setting in changes.settings]
    lines = lines or ["Different: nothing that is asked, and not the model."]
    lines.append(
        f"{count_of(changes.common_items, 'item')} in common, of {changes.first_items:,} and "
        f"{changes.second_items:,}. {count_of(len(changes.flipped), 'item')} flipped under strict."
    )
    shown: list[RenderableType] = [Text(line) for line in lines]
    if not changes.flipped:
        return shown
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("item", "subtask", "gold", "now", "first reply", "second reply"):
        table.add_column(heading, overflow="fold")
    for item in changes.flipped[:_SHOWN_ITEMS]:
        cells = (
            plain_text(item.id),
            words(item.subtask),
            plain_text(item.gold, _SHOWN_REPLY),
            "right" if item.is_right else "wrong",
            plain_text(item.first_reply, _SHOWN_REPLY),
            plain_text(item.second_reply, _SHOWN_REPLY),
        )
        table.add_row(*(Text(cell) for cell in cells))
    shown.append(table)
    if len(changes.flipped) > _SHOWN_ITEMS:
        shown.append(Text(f"The first {_SHOWN_ITEMS} are shown; --json gives all."))
    return shown


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

"""What changed between two runs, in the terminal. Nothing here prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoreal_bench.contracts.comparison import RunChanges
from emoreal_bench.text import count_of, plain_text, words

if TYPE_CHECKING:
    from rich.console import RenderableType

_SHOWN_ITEMS = 20
_SHOWN_REPLY = 60


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

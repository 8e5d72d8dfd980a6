"""``emoreal-bench view``: look into a run, item by item."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import show

EXAMPLES = "Example: `emoreal-bench view runs/AFTER --other runs/BEFORE --out page`"


def view(
    run: Path = typer.Argument(..., help="A run folder, finished or not."),
    out: Path = typer.Option(Path("page"), help="Folder of the page."),
    other: Path | None = typer.Option(
        None, help="Another run of the same items, to see where the answers differ."
    ),
    data: Path | None = typer.Option(
        None, help="Data folder, if it is no longer where the run found it."
    ),
    clips: bool = typer.Option(
        True, help="Link to the clips; without them, a page can be published."
    ),
    stills: int = typer.Option(
        100, min=0, help="How many clips are drawn as frames and waveform, wrong answers first."
    ),
) -> None:
    """Write a page that shows every item: its clip, prompt, reply and how the reply was read."""
    from emoreal_bench import api

    page = api.view_run(run, out, other=other, data=data, clips=clips, stills=stills)
    show(f"Wrote {page}. Open it in a browser.")

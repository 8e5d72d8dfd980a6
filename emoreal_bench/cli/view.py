"""``emoreal-bench view``: look into a run, item by item."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import show


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command(
        "view", epilog="Example: `emoreal-bench view runs/AFTER --other runs/BEFORE --out page`"
    )(view)


def view(
    run: Path = typer.Argument(..., help="A run folder, finished or not."),
    out: Path = typer.Option(Path("page"), help="Folder of the page."),
    other: Path | None = typer.Option(
        None, help="Another run of the same items, to see where the two part."
    ),
    data: Path | None = typer.Option(
        None, help="The data folder, if it is no longer where the run found it."
    ),
    clips: bool = typer.Option(True, help="Lead to the clips; leave them out to publish a page."),
    stills: int = typer.Option(
        100, min=0, help="Of how many clips to draw frames and sound, wrongly answered ones first."
    ),
) -> None:
    """Write a page of every item: its clip, its prompt, the reply and how it was read."""
    from emoreal_bench import api

    page = api.view_run(run, out, other=other, data=data, clips=clips, stills=stills)
    show(f"Wrote {page}. Open it in a browser.")

"""``emoreal-bench view``: look into a run, item by item, or over a folder of runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from emoreal_bench.cli import options
from emoreal_bench.cli.output import show, show_site, tell

EXAMPLES = (
    "Examples: `emoreal-bench view runs/AFTER --other runs/BEFORE --out page`, "
    "`emoreal-bench view runs --serve`"
)


@dataclass(frozen=True)
class ServerSettings:
    """Whether the pages are served."""

    serve: Annotated[
        bool,
        typer.Option(
            "--serve", help="Also serve the pages, clips included, to the browser of this machine."
        ),
    ] = False
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of --serve; 0 takes any free one.")
    ] = 8000


@options.grouped
def view(
    *,
    run: Path = typer.Argument(..., help="A run folder, finished or not; or a folder of runs."),
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
    server: ServerSettings,
) -> None:
    """Write a page that shows every item: its clip, prompt, reply and how the reply was read.

    Of a folder of runs it is a page that lists them all, and leads to the page of each.
    """
    from emoreal_bench import api

    if not server.serve:
        page = api.view_run(run, out, other=other, data=data, clips=clips, stills=stills)
        show(f"Wrote {page}. Open it in a browser.")
        return
    tell(f"Writing the pages to {out}; the address follows.")
    show_site(
        api.serve_view(
            run, out, port=server.port, other=other, data=data, clips=clips, stills=stills
        )
    )

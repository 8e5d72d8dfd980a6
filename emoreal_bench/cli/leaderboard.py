"""``emoreal-bench leaderboard``: a static page from finished runs, and entries of others."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import show


def add_to(application: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(no_args_is_help=True, help="Publish scores as a page.")
    group.callback()(_group)
    group.command("build", epilog="Example: `emoreal-bench leaderboard build runs --out site`")(
        build
    )
    group.command("serve", epilog="Example: `emoreal-bench leaderboard serve site`")(serve)
    group.command("add", epilog="Example: `emoreal-bench leaderboard add their-run --to entries`")(
        add
    )
    application.add_typer(group, name="leaderboard")


def _group() -> None:
    """Publish scores as a page."""


def build(
    runs: list[Path] = typer.Argument(..., help="Run folders, or folders that hold some."),
    out: Path = typer.Option(Path("site"), help="Folder of the page."),
    run_pages: bool = typer.Option(
        False, "--run-pages", help="Also write a page for each run: questions, replies, no clips."
    ),
    paired: bool = typer.Option(
        True, help="Rank by paired tests, which reads every item; else by the intervals."
    ),
    own: list[Path] | None = typer.Option(
        None, help="Runs that you made yourself; those of others that agree are badged reproduced."
    ),
) -> None:
    """Build one self-contained page that works from disk and without network."""
    from emoreal_bench import api

    page = api.build_leaderboard(runs, out, run_pages=run_pages, paired=paired, own=own or ())
    show(f"Wrote {page}. Open it in a browser.")


def serve(
    site: Path = typer.Argument(Path("site"), help="Folder of a leaderboard or of a run page."),
    port: int = typer.Option(8000, min=0, max=65535, help="0 takes any free one."),
) -> None:
    """Show a site in the browser of this machine; nobody else can reach it."""
    from emoreal_bench import api

    with api.make_site_server(site, port) as server:
        show(f"http://localhost:{server.server_address[1]}/ (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            show("Ended.")


def add(
    entry: Path = typer.Argument(..., help="A run folder that somebody submits."),
    to: Path = typer.Option(..., help="Folder of all entries."),
    data: Path | None = typer.Option(
        None, help="The data folder, to compare items, right answers and clips with."
    ),
) -> None:
    """Take in an entry, if every score of it follows from its own items."""
    from emoreal_bench import api

    show(f"Added {api.add_leaderboard_entry(entry, to, data)}. Every score was computed again.")

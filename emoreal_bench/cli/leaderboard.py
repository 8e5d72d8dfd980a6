"""``emoreal-bench leaderboard``: a static page from finished runs, and entries of others."""

from __future__ import annotations

from pathlib import Path

import typer

from emoreal_bench.cli.output import show, show_site

group = typer.Typer(no_args_is_help=True, help="Publish scores on a web page.")


@group.command("build", epilog="Example: `emoreal-bench leaderboard build runs --out site`")
def build(
    runs: list[Path] = typer.Argument(..., help="Run folders, or folders that contain them."),
    out: Path = typer.Option(Path("site"), help="Folder of the page."),
    run_pages: bool = typer.Option(
        False,
        "--run-pages",
        help="Also write a page for each run, with questions and replies but no clips.",
    ),
    questions: bool = typer.Option(
        False,
        "--questions",
        help="Also write a page of the questions that all models fail, or on which they disagree.",
    ),
    paired: bool = typer.Option(
        True, help="Rank by paired tests, which read every item, or by the intervals alone."
    ),
    own: list[Path] | None = typer.Option(
        None, help="Runs that you made yourself. Runs of others that agree with them get a badge."
    ),
) -> None:
    """Build a self-contained page that works from disk, without a network."""
    from emoreal_bench import api

    page = api.build_leaderboard(
        runs, out, run_pages=run_pages, questions=questions, paired=paired, own=own or ()
    )
    show(f"Wrote {page}. Open it in a browser.")


@group.command("serve", epilog="Example: `emoreal-bench leaderboard serve site`")
def serve(
    site: Path = typer.Argument(Path("site"), help="Folder of a leaderboard or a run page."),
    port: int = typer.Option(8000, min=0, max=65535, help="Port; 0 takes any free one."),
) -> None:
    """Serve a site to the browser of this machine; nobody else can reach it."""
    from emoreal_bench import api

    show_site(api.make_site_server(site, port))


@group.command("add", epilog="Example: `emoreal-bench leaderboard add their-run --to entries`")
def add(
    entry: Path = typer.Argument(..., help="The run folder that was submitted."),
    to: Path = typer.Option(..., help="Folder of all entries."),
    data: Path | None = typer.Option(
        None, help="Data folder, to compare items, correct answers and clips."
    ),
) -> None:
    """Add an entry, if each of its scores follows from its own items."""
    from emoreal_bench import api

    show(f"Added {api.add_leaderboard_entry(entry, to, data)}. Every score was computed again.")

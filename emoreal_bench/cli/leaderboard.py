"""``emoreal-bench leaderboard``: a static page from finished runs."""

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
) -> None:
    """Build one self-contained page that works from disk and without network."""
    from emoreal_bench import api

    page = api.build_leaderboard(runs, out, run_pages=run_pages, paired=paired)
    show(f"Wrote {page}. Open it in a browser.")

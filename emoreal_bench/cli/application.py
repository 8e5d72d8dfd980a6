"""Joins the commands, and turns every way a command can end into an exit code."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

import typer
from typer.main import get_command

from emoreal_bench.cli import (
    check,
    compare,
    data,
    doctor,
    judge,
    leaderboard,
    listing,
    model,
    prefs,
    probe,
    reproduce,
    run_command,
    runs,
    score,
    train,
    view,
)
from emoreal_bench.contracts.errors import EmorealError, ExitCode

_EXIT_CODES = (
    "Exit codes: 0 done; 2 wrong use; 3 a run lacks items or a file is invalid; "
    "4 not comparable; 10 a check failed; 70 a defect of this program; 130 interrupted."
)


def build() -> typer.Typer:
    """Put the commands together."""
    application = typer.Typer(
        name="emoreal-bench",
        help="Does a multimodal model read emotion from what it sees and hears?\n\n"
        "Try it without any data: `emoreal-bench run` makes synthetic clips, runs a tiny model on "
        "them and prints its scores.",
        epilog=_EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    application.callback()(_options)
    run_command.add_to(application)
    score.add_to(application)
    judge.add_to(application)
    compare.add_to(application)
    check.add_to(application)
    probe.add_to(application)
    reproduce.add_to(application)
    listing.add_to(application)
    runs.add_to(application)
    data.add_to(application)
    prefs.add_to(application)
    leaderboard.add_to(application)
    train.add_to(application)
    view.add_to(application)
    model.add_to(application)
    doctor.add_to(application)
    return application


def _show_version(wanted: bool) -> None:
    if wanted:
        from emoreal_bench.version import __version__

        typer.echo(f"emoreal-bench {__version__}")
        raise typer.Exit


def _options(
    # Eager, since otherwise a command is asked for first.
    _version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and leave.",
        is_eager=True,
        callback=_show_version,
    ),
) -> None:
    """Take what stands before a command."""


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: Without the program's name.

    Returns:
        One of :class:`ExitCode`.
    """
    try:
        get_command(build()).main(list(arguments), prog_name="emoreal-bench")
    except SystemExit as end:  # how Typer ends every command
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except EmorealError as error:
        _say(f"error: {error}")
        return error.exit_code
    except Exception:  # noqa: BLE001 - the last line of defence: tell the person, exit 70
        _say(traceback.format_exc())
        _say("This is a defect of emoreal-bench. Please report the lines above.")
        return ExitCode.INTERNAL
    return ExitCode.DONE


def _say(text: str) -> None:
    typer.echo(text, err=True)

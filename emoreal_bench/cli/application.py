"""Joins the commands, and turns every way a command can end into an exit code."""

from __future__ import annotations

import logging
import re
import traceback
import warnings
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
    sweep,
    train,
    view,
)
from emoreal_bench.cli.output import tell
from emoreal_bench.contracts.errors import EmorealError, ExitCode

_EXIT_CODES = (
    "Exit codes: 0 done; 2 wrong usage; 3 a run lacks items or a file is invalid; "
    "4 not comparable; 10 a check failed; 70 a defect of this program; 130 interrupted."
)


def build() -> typer.Typer:
    """Put the commands together."""
    application = typer.Typer(
        name="emoreal-bench",
        help="Does a multimodal model read emotion from what it sees and hears?\n\n"
        "Try it without data of your own: `emoreal-bench run` makes synthetic clips, runs a tiny "
        "model on them and prints its scores.",
        epilog=_EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    application.callback()(_options)
    for command, examples in (
        (run_command.run, run_command.EXAMPLES),
        (score.score, score.EXAMPLES),
        (judge.judge, judge.EXAMPLES),
        (compare.compare, compare.EXAMPLES),
        (check.check, check.EXAMPLES),
        (probe.probe, probe.EXAMPLES),
        (sweep.sweep, sweep.EXAMPLES),
        (reproduce.reproduce, reproduce.EXAMPLES),
        (listing.list_command, listing.EXAMPLES),
        (train.train, train.EXAMPLES),
        (view.view, view.EXAMPLES),
        (doctor.doctor, doctor.EXAMPLES),
    ):
        application.command(command.__name__.removesuffix("_command"), epilog=examples)(command)
    for group in (runs, data, prefs, leaderboard, model):
        application.add_typer(group.group, name=group.__name__.rpartition(".")[2])
    return application


def _show_version(wanted: bool) -> None:
    if wanted:
        from emoreal_bench import __version__

        typer.echo(f"emoreal-bench {__version__}")
        raise typer.Exit


def _options(
    # Eager, since otherwise a command is asked for first.
    _version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and exit.",
        is_eager=True,
        callback=_show_version,
    ),
) -> None:
    """Take the options before a command."""


# How Python, torch and safetensors say it, which have no error of their own for that; the last
# is how Python fails where even the error finds no room.
_NOTHING_LEFT = re.compile(
    r"can't start new thread|can't allocate (lock|memory)|cannot allocate memory|out of memory"
    r"|too many open files|error return without exception set",
    re.IGNORECASE,
)


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: Without the program's name.

    Returns:
        One of :class:`ExitCode`.
    """
    _show_warnings()
    try:
        get_command(build()).main(list(arguments), prog_name="emoreal-bench")
    except SystemExit as end:  # how Typer ends every command
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except EmorealError as error:
        tell(f"error: {error}")
        return error.exit_code
    except OSError as error:
        # Of the disk, the network or the system: nothing of this program, and nobody caught it.
        where = f"{error.filename}: " if error.filename else ""
        tell(f"error: {where}{error.strerror or error}.")
        tell("  Mend the cause and give the same command again.")
        return ExitCode.INCOMPLETE
    except Exception as error:  # noqa: BLE001 - the last line of defence: tell the person, exit 70
        if isinstance(error, MemoryError) or _NOTHING_LEFT.search(str(error)):
            tell(
                "error: The memory, or the number of threads or open files, that this process may "
                "use is full."
            )
            tell("  Free some, or ask for less at once, and give the same command again.")
            return ExitCode.INCOMPLETE
        tell(traceback.format_exc())
        tell("This is a defect of emoreal-bench. Please report the lines above.")
        return ExitCode.INTERNAL
    return ExitCode.DONE


def take_over_warnings() -> None:
    """Let what libraries warn of, which may be the words of others, be printed like the rest."""

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        tell(f"{category.__name__}: {message}")

    warnings.showwarning = show


class _Shown(logging.Handler):
    """Shows what a command warns of to the person, each warning once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._known: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if text not in self._known:
            self._known.add(text)
            tell(text)


def _show_warnings() -> None:
    logger = logging.getLogger("emoreal_bench")
    for handler in [one for one in logger.handlers if isinstance(one, _Shown)]:
        logger.removeHandler(handler)
    logger.addHandler(_Shown())

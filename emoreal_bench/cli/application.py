"""Joins the commands, and turns every way a command can end into an exit code."""

from __future__ import annotations

import logging
import re
import traceback
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from emoreal_bench.cli import (
    ask,
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
    serve_model,
    sweep,
    train,
    view,
)
from emoreal_bench.cli.output import show_lines, tell
from emoreal_bench.contracts.errors import EmorealError, ExitCode, install_command
from emoreal_bench.file_names import nearest_path, refuse_address

_EXIT_CODES = (
    "Exit codes: 0 done; 2 wrong usage; 3 a run lacks items or a file is invalid; "
    "4 not comparable; 10 a check failed; 70 a defect of this program; 130 interrupted."
)


_GREETING = (
    "EmoReal Bench: does a multimodal model read emotion from what it sees and hears?",
    "",
    "Three commands to begin with. They need no data, no key and no GPU:",
    "",
    "  emoreal-bench data synth --out clips --items 60",
    "  emoreal-bench run --model tiny/omni --task emorealm-synth --data clips",
    '  emoreal-bench ask tiny/omni clips/videos/part_1/1.mp4 "Which of these can be heard in the '
    'clip?" --option "low growl" --option "ticking clock"',
    "",
    "The first draws clips, the second asks a small model about them and prints its scores, the",
    "third asks one question and shows what reached the model.",
    "",
    "Your own: emoreal-bench list models, emoreal-bench list tasks. Everything: emoreal-bench "
    "--help",
)
_NEEDED = ("torch", "transformers", "safetensors")
_NEEDED_EXTRAS = "hf,synth"


def build() -> typer.Typer:
    """Put the commands together."""
    application = typer.Typer(
        name="emoreal-bench",
        help="Does a multimodal model read emotion from what it sees and hears?\n\n"
        "Try it without data of your own: `emoreal-bench run` makes synthetic clips, runs a tiny "
        "model on them and prints its scores.",
        epilog=_EXIT_CODES,
        invoke_without_command=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    application.callback()(_options)
    for command, examples in (
        (run_command.run, run_command.EXAMPLES),
        (ask.ask, ask.EXAMPLES),
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
        (serve_model.serve_model, serve_model.EXAMPLES),
        (doctor.doctor, doctor.EXAMPLES),
    ):
        name = command.__name__.removesuffix("_command").replace("_", "-")
        application.command(name, epilog=examples)(command)
    for group in (runs, data, prefs, leaderboard, model):
        application.add_typer(group.group, name=group.__name__.rpartition(".")[2])
    _refuse_addresses(application)
    return application


def _refuse_addresses(application: typer.Typer) -> None:
    """Let no command take an address for a path, before anything is done or asked for."""
    for command in application.registered_commands:
        if command.callback is not None and not hasattr(command.callback, "__wrapped__"):
            command.callback = _with_paths_only(command.callback)
    for group in application.registered_groups:
        if group.typer_instance is not None:
            _refuse_addresses(group.typer_instance)


def _with_paths_only(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def checked(**values: Any) -> None:
        for value in values.values():
            for one in value if isinstance(value, list | tuple) else (value,):
                if isinstance(one, Path):
                    refuse_address(one)
        command(**values)

    return checked


def _show_version(wanted: bool) -> None:
    if wanted:
        from emoreal_bench import __version__

        typer.echo(f"emoreal-bench {__version__}")
        raise typer.Exit


def _options(
    context: typer.Context,
    # Eager, since otherwise a command is asked for first.
    _version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and exit.",
        is_eager=True,
        callback=_show_version,
    ),
) -> None:
    """Take the options before a command; without a command, greet."""
    if context.invoked_subcommand is None:
        show_lines(_GREETING)
        if not all(map(find_spec, _NEEDED)):
            show_lines(("", f"They need: {install_command(_NEEDED_EXTRAS)}"))


# How Pydantic, Python, torch, tokenizers and safetensors say it, which have no error of their own
# for that; the last is how Python fails where even the error finds no room.
_NOTHING_LEFT = re.compile(
    r"MemoryError|can't start new thread|can't allocate (lock|memory)|cannot allocate memory"
    r"|out of memory|too many open files|resource temporarily unavailable"
    r"|error return without exception set",
    re.IGNORECASE,
)


# How a file or folder that is not there is told of.
_NOT_THERE = re.compile("^There is no such|^There is no index|No such file")


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
        if error.where and _NOT_THERE.search(error.problem):
            near = nearest_path(Path(error.where))
            if near is not None:
                tell(f"  Did you mean {near}?")
        return error.exit_code
    except OSError as error:
        # Of the disk, the network or the system: nothing of this program, and nobody caught it.
        where = f"{error.filename}: " if error.filename else ""
        tell(f"error: {where}{error.strerror or error}.")
        tell("  Mend the cause and give the same command again.")
        return ExitCode.INCOMPLETE
    except Exception as error:  # The last line of defence: tell the person, exit 70.
        if _is_ctrl_c(error):
            raise KeyboardInterrupt from error
        return _tell_of(error)
    except BaseException as error:
        # Libraries in Rust panic with an error of their own, which is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        return _tell_of(error)
    return ExitCode.DONE


def _is_ctrl_c(error: Exception) -> bool:
    """Say whether it is a Ctrl-C, as Pydantic tells of one that came while it wrote JSON."""
    return type(error).__name__ == "PydanticSerializationError" and "KeyboardInterrupt" in str(
        error
    )


def _tell_of(error: BaseException) -> ExitCode:
    """Tell the person of an error that nobody caught, and return how the command ends."""
    if isinstance(error, MemoryError) or _NOTHING_LEFT.search(str(error)):
        tell(
            "error: The memory, or the number of threads or open files, that this process may "
            "use is full."
        )
        tell("  Free some, or ask for less at once, and give the same command again.")
        return ExitCode.INCOMPLETE
    tell("".join(traceback.format_exception(error)))
    tell("This is a defect of emoreal-bench. Please report the lines above.")
    return ExitCode.INTERNAL


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

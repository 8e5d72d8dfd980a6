"""Errors that speak to a person, and the exit codes they end a command with.

Every error that a user can cause derives from :class:`EmorealError` and says
what is wrong, where (file, item), and what to do. Anything else that reaches
the command line is a defect of this project and exits with
:data:`ExitCode.INTERNAL`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    USAGE = 2
    INCOMPLETE = 3
    """A run lacks items, or data or a file is invalid."""
    NOT_COMPARABLE = 4
    REGRESSION = 10
    """A check failed."""
    UNDECIDED = 11
    """A check could not tell, and its rules say that this fails the job."""
    INTERNAL = 70
    INTERRUPTED = 130


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the question whether one of the nearest names was meant; nothing if none is near.

    Args:
        name: As the user wrote it.
        known: The names that exist.
    """
    from difflib import get_close_matches

    # Other letters than those meant are less near than the same in capitals.
    folded: dict[str, list[str]] = {}
    for one in known:
        folded.setdefault(one.casefold(), []).append(one)
    near = get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
    if near[:1] == [name.casefold()]:
        near = near[:1]
    meant = [one for key in near for one in folded[key]]
    return f"Did you mean {' or '.join(meant[:3])}?" if meant else ""


class EmorealError(Exception):
    """Something a person can mend.

    Args:
        problem: What is wrong, in one sentence.
        where: The file, item or option concerned, if there is one.
        remedy: What to do about it.
    """

    exit_code: ExitCode = ExitCode.INCOMPLETE

    def __init__(self, problem: str, *, where: str | None = None, remedy: str | None = None):
        self.problem = problem
        self.where = where
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.problem}" if self.where else self.problem]
        if self.remedy:
            lines.append(f"  {self.remedy}")
        return "\n".join(lines)

    def in_one_line(self) -> str:
        """Return the same as sentences in one line, for a log or a cell of a table."""
        told = f"{self.where}: {self.problem}" if self.where else self.problem
        sentences = [" ".join(part.split()) for part in (told, self.remedy) if part]
        return " ".join(
            part if part.endswith((".", "!", "?")) else f"{part}." for part in sentences
        )


class UsageError(EmorealError):
    """The command or call asks for something that does not exist or does not fit."""

    exit_code = ExitCode.USAGE


class MissingExtraError(UsageError):
    """An optional dependency is needed and not installed.

    Args:
        what: What needs it, e.g. ``"The model tiny/omni"``.
        extra: The extra of this package to install, e.g. ``"hf"``.
    """

    def __init__(self, what: str, extra: str):
        super().__init__(
            f"{what} needs the optional extra '{extra}', which is not installed.",
            remedy=f"Install it with: {install_command(extra)}",
        )
        self.extra = extra


def install_command(extra: str) -> str:
    """Return the command that adds an extra, from where this installation came.

    An installer leaves a note of where it took a package from, unless that was an index:
    https://packaging.python.org/en/latest/specifications/direct-url-data-structure/

    Args:
        extra: The extra of this package to install, e.g. ``"hf"``; several by commas.
    """
    import json
    import shlex
    from importlib.metadata import PackageNotFoundError, distribution
    from pathlib import Path
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    wanted = f"emoreal-bench[{extra}]"
    try:
        note = json.loads(distribution("emoreal-bench").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:  # the sources alone, on the path of Python
        sources = Path(__file__).resolve().parents[2]
        is_checkout = (sources / "pyproject.toml").is_file()
        note = {"url": sources.as_uri(), "dir_info": {"editable": True}} if is_checkout else {}
    url = note.get("url", "")
    if note.get("dir_info", {}).get("editable"):
        return f"pip install -e {shlex.quote(f'{url2pathname(urlsplit(url).path)}[{extra}]')}"
    if "vcs_info" in note:
        url = f"{note['vcs_info']['vcs']}+{url}@{note['vcs_info']['commit_id']}"
    return f"pip install '{wanted} @ {url}'" if url else f"pip install '{wanted}'"


class DataError(EmorealError):
    """The user's data is not as its owner describes it."""


class TaskError(EmorealError):
    """A task file is not valid."""

    exit_code = ExitCode.USAGE


class RunError(EmorealError):
    """A run folder is damaged, locked or belongs to another run."""


class NotComparableError(EmorealError):
    """Two things were to be compared or joined that are not the same thing."""

    exit_code = ExitCode.NOT_COMPARABLE


class TooManyErrorsError(EmorealError):
    """A run stopped because more items failed than ``--fail-on-error`` allows."""


class ServiceError(EmorealError):
    """A model answers no request now, whatever is asked; what is finished is kept."""


class NothingAnsweredError(EmorealError):
    """A run stopped because its model has answered nothing at all."""

"""An environment for each peer, with the versions that are pinned here."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

INSIDE = Path(__file__).parent / "inside"
_MARK = "installed.txt"
_MINUTES = 40


ENVIRONMENTS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "inspect-ai": ("inspect-ai==0.3.285",),
        "lm-evaluation-harness": ("lm-eval==0.4.13",),
        # Beside what it requires, what its wrapper of Qwen2.5-Omni imports, with the extra that the
        # wrapper's own message names, and its faster decoder. That this decoder, torchvision and
        # torch fit each other its requirements leave open.
        "lmms-eval": (
            "lmms-eval==0.7.3",
            "qwen-omni-utils[decord]==0.0.9",
            "moviepy==2.2.1",
            "librosa==0.11.0",
            "torch==2.14.1",
            "torchvision==0.29.1",
            "torchcodec==0.17.0",
        ),
    }
)


class NotRunError(Exception):
    """A peer could not be installed, or did not end well; the message goes into the record."""


def python_of(name: str, root: Path) -> Path:
    """Return the interpreter of a peer's environment below a folder, installed or not."""
    return root / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(name: str, root: Path) -> None:
    """Install a peer's environment below a folder, if it is not there as pinned.

    Args:
        name: Of the peer.
        root: Folder of the environments.

    Raises:
        NotRunError: If it cannot be installed.
    """
    folder, wanted = root / name, "\n".join(ENVIRONMENTS[name])
    mark = folder / _MARK
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        return
    print(f"installing {name} into {folder}: takes minutes", file=sys.stderr)
    venv.create(folder, clear=True, with_pip=True)
    pip = [str(python_of(name, root)), "-m", "pip", "install", "--quiet"]
    try:
        limit = 60.0 * _MINUTES
        done = subprocess.run(
            [*pip, *ENVIRONMENTS[name]],
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )
    except subprocess.TimeoutExpired as error:
        raise NotRunError(f"not installed within {_MINUTES} minutes") from error
    if done.returncode:
        raise NotRunError(f"cannot be installed: {last_lines(done.stderr)}")
    mark.write_text(wanted, encoding="utf-8")


def last_lines(text: str) -> str:
    """Return the end of what a process printed, enough to see why it failed."""
    return " ".join(text.split("\n")[-4:]).strip()[-300:]

"""Prints what a command found: for people, or as JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


def print_json(value: Any) -> None:
    """Print one JSON value, indented, in UTF-8."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def show_lines(lines: Iterable[str]) -> None:
    """Print plain lines, each whole, as a log wants them."""
    sys.stdout.writelines(line + "\n" for line in lines)


def show(*renderables: RenderableType) -> None:
    """Print tables and texts to standard output; colours only on a terminal."""
    from rich.console import Console

    console = Console(soft_wrap=False)
    if not console.is_terminal:
        # A pipe has no width; a narrow guess would break the columns of a table.
        console = Console(width=160)
    for renderable in renderables:
        # Texts are shown as they are: what stands in square brackets is no markup here.
        console.print(renderable, highlight=False, markup=False)

"""Makes text by anybody safe to show: no escape sequence, no mark that hides or turns text.

Every message and every table of the program passes through here on its way to a terminal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_ESCAPE_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # control sequences: colours, cursor, erase
    # strings: window titles, links
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]"
)
_MAY_BE_UNSAFE = re.compile(r"[^\n\t -~]")
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf"})
_SPACE_CATEGORIES = frozenset({"Zl", "Zp"})


@lru_cache(maxsize=4096)  # The same names stand in many rows.
def plain_text(text: str, limit: int = 200) -> str:
    """Make untrusted text safe to show on one line.

    Terminal escape sequences, control characters and the invisible characters
    that reorder or hide text are removed; line breaks become spaces; lone
    surrogates, which no file can hold, become the replacement character.

    Args:
        text: What somebody else wrote.
        limit: Longest result in characters; the rest is cut and marked with an ellipsis.
    """
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def printable(text: str) -> str:
    """Make untrusted text safe to print: as :func:`plain_text`, but lines and spaces stay.

    Every message of the program passes through here on its way to a terminal.
    """
    if not _MAY_BE_UNSAFE.search(text):
        return text
    return "".join(map(_printable_character, _ESCAPE_SEQUENCE.sub("", text)))


def _printable_character(character: str) -> str:
    category = unicodedata.category(character)
    if character in "\n\t":
        return character
    if character in "\r\v\f" or category in _SPACE_CATEGORIES:
        return " "
    if category == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    return "" if category in _INVISIBLE_CATEGORIES else character


def make_console(stream: TextIO | None = None, width: int | None = None) -> Console:
    """Return what draws tables and bars; whatever stands in them is made safe to print.

    Args:
        stream: Where to; standard output if not given.
        width: In characters; that of the terminal if not given.
    """
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class SafeConsole(Console):
        """Colours are added after this, so a sequence that is found here is foreign."""

        def render(
            self, renderable: RenderableType, options: ConsoleOptions | None = None
        ) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield (
                    segment if segment.control else Segment(printable(segment.text), segment.style)
                )

    # A name between colons is no picture.
    return SafeConsole(file=stream, width=width, soft_wrap=False, emoji=False)

"""Patterns that ignore case, at the price of patterns that do not.

``re`` compares letter by letter where it ignores case, which takes several
times as long. In ASCII text, which most replies are, a lower-case pattern finds
the same in the lower-cased text, at the same positions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CaselessPattern:
    """A pattern that ignores case.

    Its matches hold the text in lower case where it is ASCII, and the same
    positions as in the text.

    Attributes:
        exact: For lower-cased ASCII.
        folding: For any text.
    """

    exact: re.Pattern[str]
    folding: re.Pattern[str]

    def match(self, text: str, start: int = 0) -> re.Match[str] | None:
        """As :meth:`re.Pattern.match`."""
        if text.isascii():
            return self.exact.match(text.lower(), start)
        return self.folding.match(text, start)

    def search(self, text: str) -> re.Match[str] | None:
        """As :meth:`re.Pattern.search`."""
        return self.exact.search(text.lower()) if text.isascii() else self.folding.search(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """As :meth:`re.Pattern.finditer`."""
        return self.exact.finditer(text.lower()) if text.isascii() else self.folding.finditer(text)


def caseless(source: str, flags: re.RegexFlag = re.NOFLAG) -> CaselessPattern:
    """Compile a pattern that ignores case.

    Args:
        source: The pattern, with all its letters in lower case.
        flags: Others than :data:`re.IGNORECASE`.
    """
    return CaselessPattern(re.compile(source, flags), re.compile(source, flags | re.IGNORECASE))

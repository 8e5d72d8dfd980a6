"""Reference pages of the public Python names, one for each subject of ``api.__all__``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from emoreal_bench import api


def api_pages() -> dict[str, str]:
    """Return the pages by path; their text is filled from the docstrings by mkdocstrings."""
    return {
        f"python/{re.sub('[^a-z]+', '-', subject)}.md": _page(subject, names)
        for subject, names in subjects()
    }


def subjects() -> Iterator[tuple[str, list[str]]]:
    """Find the subjects, which are the comments within ``__all__``, and the names of each."""
    listed = inspect.getsource(api).partition("\n__all__ = [")[2].partition("\n]")[0]
    for part in listed.split("\n    # ")[1:]:
        subject, _, lines = part.partition("\n")
        yield subject, re.findall(r'"(\w+)"', lines)


def _page(subject: str, names: list[str]) -> str:
    blocks = "\n\n".join(f"::: emoreal_bench.api.{name}" for name in names)
    return f"# Python: {subject}\n\nEach of these is a name of `emoreal_bench`.\n\n{blocks}\n"

"""What a release needs besides a build: agreement on the version, and addresses.

Usage: ``release.py check v0.1.0`` ends with 1 unless the version, the changelog and the citation
say the same; ``release.py addresses v0.1.0 https://host/owner/name`` writes where the repository
is into pyproject.toml and into the links of the README, which an index shows on its own page.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

_DATE = r"\d{4}-\d{2}-\d{2}"


def main(arguments: list[str]) -> int:
    """Do one of the two, in the current folder."""
    match arguments:
        case ["check", tag]:
            problems = list(_problems(tag.removeprefix("v")))
            print("\n".join(problems) or f"{tag} may be released.")
            return int(bool(problems))
        case ["addresses", tag, address]:
            _write_addresses(tag, address)
            return 0
    print(__doc__)
    return 2


def _problems(version: str) -> Iterator[str]:
    code = Path("emoreal_bench/version.py").read_text(encoding="utf-8")
    if f'__version__ = "{version}"' not in code:
        yield f"emoreal_bench/version.py: the version is not {version}."
    changes = Path("CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)(?: \((.*)\))?$", changes, re.MULTILINE)
    assert newest is not None, "CHANGELOG.md has no heading"
    if newest[1] != version:
        yield f"CHANGELOG.md: the newest section is {newest[1]}, not {version}."
    if not re.fullmatch(_DATE, newest[2] or ""):
        yield f"CHANGELOG.md: the newest section is dated '{newest[2]}'; write (YYYY-MM-DD)."
    citation = Path("CITATION.cff").read_text(encoding="utf-8")
    if f"\nversion: {version}\n" not in citation:
        yield f"CITATION.cff: the version is not {version}."
    if f"\ndate-released: {newest[2]}\n" not in citation:
        yield "CITATION.cff: the date is not that of the changelog."


def _write_addresses(tag: str, address: str) -> None:
    project = Path("pyproject.toml")
    lines = "\n".join(
        [
            f'Repository = "{address}"',
            f'Documentation = "{address}/blob/{tag}/docs/index.md"',
            f'Changelog = "{address}/blob/{tag}/CHANGELOG.md"',
            f'Issues = "{address}/issues"',
        ]
    )
    text = project.read_text(encoding="utf-8")
    project.write_text(
        text.replace("[project.urls]\n", f"[project.urls]\n{lines}\n"), encoding="utf-8"
    )
    readme = Path("README.md")
    page = readme.read_text(encoding="utf-8")
    page = re.sub(r"(!\[[^]]*\]\()(?!https?:|#)", rf"\g<1>{address}/raw/{tag}/", page)
    page = re.sub(r"((?<!!)\[[^]]*\]\()(?!https?:|#)", rf"\g<1>{address}/blob/{tag}/", page)
    readme.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

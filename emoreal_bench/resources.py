"""Where the package's own data files are, installed or in a checkout."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

_PAGE = re.compile(r"(?<![\w/])docs/(?=[a-z-]+\.md\b)")
_KNOWN_PAGE = "install.md"
"""A page whose name says, among all installed files, that it is one of ours."""


def package_folders(module: str) -> list[Path]:
    """Return the folders of a package, which may hold no Python at all.

    An editable install lists placeholders beside the real folder, hence the
    check that each is one.

    Args:
        module: For example ``"emoreal_bench.tasks"``.
    """
    spec = find_spec(module)
    places = spec.submodule_search_locations if spec is not None else None
    return [Path(place) for place in places or () if Path(place).is_dir()]


def docs_folder() -> Path | None:
    """Return the folder of the pages that came with the wheel, or of those of the checkout."""
    # Not at the top, since `--help` has no use for it.
    from importlib.metadata import PackageNotFoundError, files

    try:
        held = files("emoreal-bench") or ()
    except PackageNotFoundError:
        held = ()
    installed = (Path(str(one.locate())) for one in held if one.name == _KNOWN_PAGE)
    pages = (*installed, Path(__file__).resolve().parents[1] / "docs" / _KNOWN_PAGE)
    return next((page.resolve().parent for page in pages if page.is_file()), None)


def with_whole_paths(text: str) -> str:
    """Return a text in which ``docs/NAME.md`` is where the page lies, so that it can be opened."""
    if _PAGE.search(text) is None:
        return text
    folder = docs_folder()
    return text if folder is None else _PAGE.sub(lambda _: f"{folder}/", text)

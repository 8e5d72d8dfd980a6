"""Where the package's own data files are, installed or in a checkout."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


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

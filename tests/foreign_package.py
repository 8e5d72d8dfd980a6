"""A package of somebody else, as pip would leave it: entry points that the harness finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest


def install(
    site: Path,
    monkeypatch: pytest.MonkeyPatch,
    points: Mapping[str, Mapping[str, str]],
    package: str = "toy",
) -> None:
    """Put a package with entry points on the path of modules.

    Args:
        site: A folder for it; its modules may lie there.
        monkeypatch: Takes it away again.
        points: Group to name to what is named, as in ``pyproject.toml``.
        package: Its name.
    """
    folder = site / f"{package}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [
        line
        for group, names in points.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in names.items()))
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(site))

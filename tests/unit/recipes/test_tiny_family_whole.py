"""The family from nothing to its table, every stage cut short."""

from __future__ import annotations

from pathlib import Path

import pytest

from recipes.tiny_omni.family import BASE, build
from recipes.tiny_omni.recipe import VARIANTS, small_recipe


@pytest.mark.long
def test_the_family_is_made_from_nothing_and_found_again(tmp_path: Path) -> None:
    rows = build(small_recipe(), tmp_path)
    assert [row.name for row in rows] == [BASE, *VARIANTS]
    table = (tmp_path / "family.md").read_text()
    assert all(f"| {name} |" in table for name in VARIANTS)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    assert build(small_recipe(), tmp_path) == rows
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")} == made

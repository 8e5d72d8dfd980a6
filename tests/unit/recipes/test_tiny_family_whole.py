"""The family from nothing to its table, every stage cut short."""

from __future__ import annotations

from pathlib import Path

import pytest

from recipes.tiny_omni.family import BASE, as_direct_table, as_table, build
from recipes.tiny_omni.recipe import VARIANTS, small_recipe


@pytest.mark.long
def test_the_family_is_made_from_nothing_and_found_again(tmp_path: Path) -> None:
    rows = build(small_recipe(), tmp_path)
    assert [row.name for row in rows] == [BASE, *VARIANTS]
    table = (tmp_path / "family.md").read_text()
    assert all(f"| {name} |" in table for name in VARIANTS)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    again = build(small_recipe(), tmp_path)
    # As tables, since a share of nothing is no number and equals not even itself.
    assert (as_table(again), as_direct_table(again)) == (as_table(rows), as_direct_table(rows))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")} == made

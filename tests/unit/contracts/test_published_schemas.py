"""The published JSON Schemas say what the contracts say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs"
_SPEC = importlib.util.spec_from_file_location("write_schemas", DOCS / "write_schemas.py")
assert _SPEC is not None
assert _SPEC.loader is not None
write_schemas = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(write_schemas)


@pytest.mark.parametrize("name", sorted(write_schemas.PUBLISHED))
def test_a_published_schema_is_that_of_its_contract(name: str) -> None:
    published = (DOCS / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    assert published == write_schemas.schema_text(write_schemas.PUBLISHED[name]), (
        "run: python docs/write_schemas.py"
    )

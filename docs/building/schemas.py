"""A page for each published JSON Schema, and one that lists them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[1] / "schemas"


def schema_pages() -> dict[str, str]:
    """Return the pages by path; the first lists the others."""
    schemas = {
        path.name.partition(".")[0]: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(_FOLDER.glob("*.schema.json"))
    }
    rows = [f"| [{name}]({name}.md) | {_words(one)} |" for name, one in schemas.items()]
    listed = "\n".join(
        [
            "# Published files\n",
            "The files that commands write and read, each with its JSON Schema.\n",
            "| file | what it is |",
            "|---|---|",
            *rows,
        ]
    )
    pages = {"schemas/index.md": listed + "\n"}
    return pages | {f"schemas/{name}.md": _page(name, one) for name, one in schemas.items()}


def _page(name: str, schema: dict[str, Any]) -> str:
    parts = [f"# {name}", schema.get("description", "")]
    parts.append(f"As a JSON Schema: [{name}.schema.json]({name}.schema.json).")
    parts += _fields(schema)
    for own, definition in sorted(schema.get("$defs", {}).items()):
        parts += [f"## {own}", definition.get("description", ""), *_fields(definition)]
        parts += [_values(definition)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _fields(schema: dict[str, Any]) -> list[str]:
    fields = schema.get("properties", {})
    if not fields:
        return []
    needed = schema.get("required", [])
    lines = ["| field | type | what it holds |", "|---|---|---|"]
    for name, field in fields.items():
        sort = _type(field) + (", required" if name in needed else "")
        lines.append(f"| `{name}` | {sort} | {_words(field)} |")
    return ["\n".join(lines)]


def _values(schema: dict[str, Any]) -> str:
    values = schema.get("enum", [])
    return f"One of {', '.join(f'`{value}`' for value in values)}." if values else ""


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        own = field["$ref"].rpartition("/")[2]
        return f"[{own}](#{own.lower()})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in field:
            return " or ".join(_type(one) for one in field[key])
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    return str(field.get("type", "any"))


def _words(schema: dict[str, Any]) -> str:
    return " ".join(schema.get("description", "").split()).replace("|", "\\|")

"""Writes the table of docs/reliability.md from the record: ``python -m tests.fuzz.table``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

RECORD = Path("benchmarks/results/fuzz.json")
PAGE = Path("docs/reliability.md")
_TABLE = re.compile("(<!-- fuzz table -->\n).*?(<!-- end of fuzz table -->)", re.DOTALL)


def make_table(record: dict[str, Any]) -> str:
    """Return the record as a table in Markdown."""
    rows = [
        f"{record['date']}: {record['inputs']:,} inputs over {len(record['parsers'])} of "
        f"{record['parsers_on_the_list']} parsers, {record['failures']} failures.",
        *_not_run(record["not_run"]),
        "",
        "| parser | inputs | taken as values | most steps | lines reached | failures |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, found in record["parsers"].items():
        lines = f"{found['lines_reached']} of {found['lines']}" if found["lines"] else "as above"
        rows.append(
            f"| {name} | {found['inputs']:,} | {found['taken']:,} | {found['most_steps']:,} "
            f"| {lines} | {sum(found['failures'].values())} |"
        )
    return "\n".join(rows)


def _not_run(names: list[str]) -> list[str]:
    if not names:
        return []
    return ["", f"Not run yet: {'; '.join(names)}. The same command goes on with them."]


def put_into(page: str, table: str) -> str:
    """Return the page with the table between its marks."""
    return _TABLE.sub(lambda found: f"{found[1]}{table}\n{found[2]}", page)


if __name__ == "__main__":
    table = make_table(json.loads(RECORD.read_text(encoding="utf-8")))
    PAGE.write_text(put_into(PAGE.read_text(encoding="utf-8"), table), encoding="utf-8")

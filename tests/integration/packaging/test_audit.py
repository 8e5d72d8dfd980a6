"""The audit never ends as if all were well where nothing was looked up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / ".ci" / "audit.py"
FAKE = """
import json, os, pathlib, sys
names = [line.partition("==")[0] for line in pathlib.Path(sys.argv[-1]).read_text().splitlines()]
found = {found}
all_of = [{{"name": name, "version": "1", **(found or {{}})}} for name in names]
if found is not None:
    print(json.dumps({{"dependencies": all_of}}))
sys.exit({code})
"""
VULNERABLE = {"vulns": [{"id": "CVE-2026-1", "fix_versions": ["2"]}]}


@pytest.mark.parametrize(
    ("found", "code", "expected", "said"),
    [
        ({"vulns": []}, 0, 0, "no known vulnerability"),
        (VULNERABLE, 1, 1, "CVE-2026-1, mended in: 2"),
        ({"skip_reason": "not found on PyPI"}, 0, 3, "could not be looked up"),
        (None, 1, 3, "Nothing was audited"),
    ],
    ids=["sound", "vulnerable", "not looked up", "no network"],
)
def test_an_audit_says_what_it_knows(
    found: dict[str, Any] | None, code: int, expected: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "pip_audit").mkdir()
    program = FAKE.format(found=found, code=code)
    (tmp_path / "pip_audit" / "__main__.py").write_text(program)
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == expected, done.stderr
    assert said in done.stdout


def test_the_findings_that_are_no_keys_are_listed_with_their_files() -> None:
    baseline = json.loads((SCRIPT.parents[1] / ".secrets.baseline").read_text())
    root = SCRIPT.parents[1]
    assert [name for name in baseline["results"] if not (root / name).is_file()] == []

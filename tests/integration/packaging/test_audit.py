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
SCAN = "import sys; print('Makefile:78 looks like a key'); sys.exit({code})"
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
    done = audit(FAKE.format(found=found, code=code), SCAN.format(code=0), tmp_path)
    assert done.returncode == expected, done.stderr
    assert said in done.stdout


@pytest.mark.parametrize(
    ("found", "expected", "said"),
    [
        (0, 3, "keys: none in"),
        (1, 1, "Makefile:78 looks like a key"),
        (3, 3, "keys: none in"),
    ],
    ids=["none", "found", "known ones on other lines"],
)
def test_keys_and_packages_are_looked_for_whatever_the_other_finds(
    found: int, expected: int, said: str, tmp_path: Path
) -> None:
    done = audit(FAKE.format(found=None, code=1), SCAN.format(code=found), tmp_path)
    assert done.returncode == expected, done.stderr
    assert said in done.stdout
    assert "Nothing was audited" in done.stdout


def audit(packages: str, keys: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the audit with programs that play both tools."""
    for path, program in (
        ("pip_audit/__main__", packages),
        ("detect_secrets/pre_commit_hook", keys),
    ):
        file = folder / f"{path}.py"
        file.parent.mkdir()
        file.write_text(program)
    return subprocess.run(
        [sys.executable, str(SCRIPT)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )


def test_the_findings_that_are_no_keys_are_listed_with_their_files() -> None:
    baseline = json.loads((SCRIPT.parents[1] / ".secrets.baseline").read_text())
    root = SCRIPT.parents[1]
    assert [name for name in baseline["results"] if not (root / name).is_file()] == []

"""Looks for keys among the tracked files, and looks up the vulnerabilities of what is installed.

The first is done by detect-secrets and needs no network. It is done whatever the second finds, and
the other way round; ``--keys`` does it alone.

The list of vulnerabilities is kept by the advisory service of PyPI, and there is no copy of
it for machines without a network. pip-audit passes over what it cannot look up and ends as
if all were well; here that is a failure of its own.

Exit codes: 0 no key was found, all packages were looked up and none is vulnerable; 1 a key was
found or a package is vulnerable; 3 some packages, or all, could not be looked up.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

OURS = "emoreal-bench"


ROOT = Path(__file__).parents[1]
BASELINE = ".secrets.baseline"
_ONLY_MOVED = 3
"""What detect-secrets ends with where known findings stand on other lines than before."""


def main(arguments: Sequence[str]) -> int:
    """Do both, and end with the worse of what they end with."""
    keys = find_keys()
    if "--keys" in arguments:
        return keys
    packages = look_up_packages()
    return keys or packages


def find_keys() -> int:
    """Look for keys among the tracked files that the baseline does not know."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    files = [name for name in tracked.stdout.split("\0") if name and name != BASELINE]
    with tempfile.TemporaryDirectory() as folder:
        # A copy, since the tool writes the new lines of known findings into its baseline.
        known = shutil.copy(ROOT / BASELINE, folder)
        hook = "-m detect_secrets.pre_commit_hook --no-verify --baseline"
        done = subprocess.run(
            [sys.executable, *hook.split(), known, *files],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    if done.returncode in (0, _ONLY_MOVED):
        print(f"keys: none in {len(files):,} tracked files.")
        return 0
    print(done.stdout)
    print("keys: look at the lines above, or mark them in .secrets.baseline if they are none.")
    return 1


def look_up_packages() -> int:
    """Look up everything that is installed in this environment."""
    installed = {found.name.lower(): found.version for found in distributions()}
    installed.pop(OURS, None)
    # A build for one kind of processor has the same vulnerabilities: 2.13.0+cpu is 2.13.0.
    lines = [f"{name}=={version.partition('+')[0]}" for name, version in sorted(installed.items())]
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "installed.txt"
        listed.write_text("\n".join(lines), encoding="utf-8")
        command = "-m pip_audit --disable-pip --no-deps --progress-spinner off --format json -r"
        done = subprocess.run(
            [sys.executable, *command.split(), str(listed)],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    return _report(done.stdout, len(lines))


def _report(output: str, count: int) -> int:
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        print("audit: pip-audit gave no answer; it needs the network to look packages up.")
        print("Nothing was audited. Run it again where pypi.org can be reached.")
        return 3
    for package in packages:
        for found in package.get("vulns", ()):
            versions = ", ".join(found["fix_versions"]) or "none yet"
            print(f"{package['name']} {package['version']}: {found['id']}, mended in: {versions}")
    unknown = [package for package in packages if "skip_reason" in package]
    missing = count - len(packages) + len(unknown)
    for package in unknown:
        print(f"not looked up: {package['name']}: {package['skip_reason']}")
    if any(package.get("vulns") for package in packages):
        return 1
    if missing:
        print(f"audit: {missing} of {count} packages could not be looked up, so they are not")
        print(
            "known to be sound. The advisory service of PyPI is needed; there is no offline copy."
        )
        return 3
    print(f"audit: {count} packages, no known vulnerability.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

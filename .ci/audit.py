"""Looks up the installed packages among the known vulnerabilities, with pip-audit.

The list of vulnerabilities is kept by the advisory service of PyPI, and there is no copy of
it for machines without a network. pip-audit passes over what it cannot look up and ends as
if all were well; here that is a failure of its own.

Exit codes: 0 all were looked up and none is vulnerable; 1 some are; 3 some, or all, could
not be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

OURS = "emoreal-bench"


def main() -> int:
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
    sys.exit(main())

"""Resolves the dependencies for other Pythons and systems, from wheels alone, with uv.

Nothing is installed. What resolves can be installed without a compiler; whether it then works
is known only where the tests were run. The table is that of docs/install.md.

Exit codes: 0 all resolve; 1 one does not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {
    # Of the oldest C library that the wheels of torch still serve.
    "Linux x86-64": "x86_64-manylinux_2_28",
    "Linux arm64": "aarch64-manylinux_2_28",
    "Windows": "x86_64-pc-windows-msvc",
    "macOS 14, arm64": "aarch64-apple-darwin",
}
EXTRAS = ("", "all", "gemma3n")


def main() -> int:
    """Resolve each combination and print which ones are possible."""
    failed = False
    print("| system | Python | base | " + " | ".join(EXTRAS[1:]) + " |")
    print("|---|---|" + "---|" * len(EXTRAS))
    for system, platform in SYSTEMS.items():
        for python in PYTHONS:
            reasons = {extra: _obstacle(extra, python, platform) for extra in EXTRAS}
            words = ["yes" if reason is None else f"no: {reason}" for reason in reasons.values()]
            print(f"| {system} | {python} | " + " | ".join(words) + " |", flush=True)
            failed |= any(reason is not None for reason in reasons.values())
    return int(failed)


def _obstacle(extra: str, python: str, platform: str) -> str | None:
    """Return the package that stands in the way; None if all resolve."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", str(PROJECT), "--only-binary", ":all:"),
        *("--python-version", python, "--python-platform", platform, "--quiet"),
        *(("--extra", extra) if extra else ()),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"},
    )
    if done.returncode == 0:
        return None
    hint = done.stderr.partition("Wheels are required for `")[2].partition("`")[0]
    return hint or done.stderr.strip().splitlines()[-1]


if __name__ == "__main__":
    sys.exit(main())

"""Installs a wheel with the extra ``synth`` into a new environment, and uses it.

Usage: ``try_wheel.py DIST``, a folder that holds one wheel. The dependencies come from the
package index.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path


def main() -> None:
    """Install the wheel below a path with a space, ask a blind baseline, and build a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dist", type=Path)
    (wheel,) = parser.parse_args().dist.resolve().glob("*.whl")
    with tempfile.TemporaryDirectory(prefix="a new place ") as folder:
        home = Path(folder)
        venv.create(home / "environment", with_pip=True)
        programs = home / "environment" / ("Scripts" if sys.platform == "win32" else "bin")
        _call(home, programs / "python", "-m", "pip", "install", "-q", f"{wheel}[synth]")
        command = programs / "emoreal-bench"
        for arguments in (
            "--version",
            "--help",
            "list tasks",
            "data synth --out clips --items 12",
            "run --model baseline/first-choice --task emorealm-synth --data clips --out run",
            "leaderboard build run --out site",
            "view run --out page",
        ):
            _call(home, command, *arguments.split())
        _call(home, programs / "python", "-m", "emoreal_bench", "runs", "verify", "run")
        results = json.loads((home / "run" / "results.json").read_text(encoding="utf-8"))
        assert results["coverage"]["fraction"] == 1, results["coverage"]
        assert (home / "site" / "index.html").is_file()
    print(f"{wheel.name} works.")


def _call(folder: Path, *words: str | Path) -> None:
    print("+", *words, flush=True)
    subprocess.run([str(word) for word in words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()

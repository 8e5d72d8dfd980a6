"""A command given in the folder of a stranger runs nothing that lies there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from emoreal_bench.contracts.errors import ExitCode

ROOT = Path(__file__).parents[3]
# How the script that pip installs begins: without the current folder on the path of modules.
SCRIPT = (
    "import sys; sys.path[:] = filter(None, sys.path); from emoreal_bench.cli import main; main()"
)
PLANTED = ("multiprocessing", "json", "numpy", "av", "pydantic", "emoreal_bench")


def plant(folder: Path) -> Path:
    """Put modules into a folder that note that they were imported; return where."""
    noted = folder.parent / "was-imported"
    folder.mkdir()
    for name in PLANTED:
        text = f"open({str(noted)!r}, 'a').write(__name__)\nraise ImportError('planted')\n"
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return noted


def test_clips_are_drawn_in_the_folder_of_a_stranger(tmp_path: Path) -> None:
    noted = plant(tmp_path / "theirs")
    words = ["data", "synth", "--items", "40", "--out", str(tmp_path / "synth")]
    given = [sys.executable, "-c", SCRIPT, *words]
    done = subprocess.run(given, cwd=tmp_path / "theirs", capture_output=True, check=False)
    assert not noted.exists(), noted.read_text()
    assert done.returncode == ExitCode.DONE, done.stderr.decode()


def test_whatever_starts_python_processes_keeps_the_folder_out() -> None:
    starts = {"ProcessPoolExecutor", "Process", "Pool", "from_engine_args"}
    found = {}
    for package in ("emoreal_bench", "model_adapters", "recipes"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            calls = {
                ast.unparse(node.func).rpartition(".")[2]
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
            }
            if calls & starts:
                found[path.relative_to(ROOT)] = "importing_nothing_from_here" in calls
    assert len(found) >= 3
    assert all(found.values()), found

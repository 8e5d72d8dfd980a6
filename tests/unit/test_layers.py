"""The layers in ``pyproject.toml`` are about all modules that there are, and hold."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "emoreal_bench"
INSTALLED_AS = {
    PACKAGE: PACKAGE,
    "model_adapters": f"{PACKAGE}.model_adapters",
    "leaderboards": f"{PACKAGE}.leaderboards",
    "tasks": f"{PACKAGE}.tasks",
}


def modules_on_disk() -> set[str]:
    found = set()
    for folder, name in INSTALLED_AS.items():
        for path in (ROOT / folder).rglob("*.py"):
            inside = path.relative_to(ROOT / folder).with_suffix("").parts
            parts = [name, *inside[:-1], *(inside[-1:] if inside[-1] != "__init__" else ())]
            found.add(".".join(parts))
    return found


def test_the_linter_sees_every_module_on_disk() -> None:
    graph = grimp.build_graph(PACKAGE, cache_dir=None)

    assert graph.modules == modules_on_disk()


def test_the_layers_hold() -> None:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
    ]
    checked = subprocess.run(
        [*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stdout


def test_the_design_shows_the_layers_of_the_linter() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = contracts["contracts"][0]["layers"]
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    picture = page[page.index("## The house") :].split("```")[1].strip().splitlines()

    shown = [line.split("   ")[0].split() for line in picture]
    assert shown == [layer.replace("|", " ").replace(":", " ").split() for layer in layers]

"""``python -m recipes.tiny_omni build|study|ship``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from recipes.tiny_omni.family import as_summary, as_table, build, ship, study
from recipes.tiny_omni.recipe import full_recipe, small_recipe

_SEEDS = (0, 1, 2)
_BASES = (0, 1)


def main() -> None:
    """Make the family, study it over seeds, or copy it into the package."""
    parser = argparse.ArgumentParser(prog="python -m recipes.tiny_omni", description=__doc__)
    parser.add_argument("command", choices=("build", "study", "ship"))
    parser.add_argument("--work", type=Path, default=Path("runs/tiny"), help="folder to work in")
    parser.add_argument("--small", action="store_true", help="every stage in a minute; no use")
    chosen = parser.parse_args()
    # Matrices this small are faster on one thread each; the towers train side by side.
    torch.set_num_threads(1)
    recipe = small_recipe() if chosen.small else full_recipe()
    if chosen.command == "ship":
        ship(recipe, chosen.work)
        return
    if chosen.command == "build":
        rows = build(recipe, chosen.work)
    else:
        rows = study(recipe, chosen.work, _SEEDS, _BASES)
    sys.stdout.write(f"{as_table(rows)}\n{as_summary(rows)}")


if __name__ == "__main__":
    main()

"""Makes, studies and ships the family: ``python -m recipes.tiny_omni COMMAND``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from emoreal_bench.contracts.errors import EmorealError
from recipes.tiny_omni.base import make_base, prepare_clips
from recipes.tiny_omni.conditions import show_conditions
from recipes.tiny_omni.confirming import choose_rate, confirm, with_protocol
from recipes.tiny_omni.family import as_direct_table, as_summary, as_table, build, ship, study
from recipes.tiny_omni.findings import write_findings
from recipes.tiny_omni.members import measure_curve
from recipes.tiny_omni.recipe import VARIANTS, Recipe, full_recipe, small_recipe
from recipes.tiny_omni.trying import try_bars

_COMMANDS = (
    "base", "build", "curve", "study", "bars", "rate", "confirm", "conditions", "found", "ship"
)  # fmt: skip
_SEEDS = (0, 1, 2)
_BASES = (0, 1)
_CURVE = (50, 100, 200)
_TRIED_QUESTIONS = 500


def main() -> None:
    """Make a base or the whole family, study it over seeds, or copy it into the package."""
    parser = argparse.ArgumentParser(prog="python -m recipes.tiny_omni", description=__doc__)
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument("--seed", type=int, default=0, help="of the base")
    parser.add_argument("--work", type=Path, default=Path("runs/tiny"), help="folder to work in")
    parser.add_argument("--small", action="store_true", help="every stage in a minute; no use")
    parser.add_argument("--shard", default="1/1", help="of confirm or conditions, as 1/2")
    parser.add_argument(
        "--method", choices=VARIANTS, default="naive-dpo", help="of the adapters of a curve"
    )
    chosen = parser.parse_args()
    # Matrices this small are faster on one thread each; the towers train side by side.
    torch.set_num_threads(1)
    recipe = (small_recipe() if chosen.small else full_recipe()).with_base_seed(chosen.seed)
    try:
        protocol = recipe if chosen.small else with_protocol(recipe)
        if chosen.command == "rate":
            sys.stdout.write(f"{choose_rate(protocol, chosen.work)}\n")
        elif chosen.command == "confirm":
            confirm(protocol, chosen.work, chosen.shard)
        elif chosen.command == "conditions":
            sys.stdout.write(f"{show_conditions(protocol, chosen.work, chosen.shard)}\n")
        elif chosen.command == "found":
            sys.stdout.write(f"{write_findings(protocol, chosen.work)}\n")
        elif chosen.command == "bars":
            questions = recipe.tested if chosen.small else _TRIED_QUESTIONS
            sys.stdout.write(f"{try_bars(chosen.work, questions)}\n")
        else:
            _do(chosen.command, recipe, chosen.work, chosen.method)
    except EmorealError as error:
        parser.exit(1, f"{error}\n")


def _do(command: str, recipe: Recipe, work: Path, method: str) -> None:
    if command == "ship":
        ship(recipe, work)
        return
    if command in ("base", "curve"):
        prepare_clips(recipe, work)
        base = make_base(recipe, work)
        sys.stdout.write(f"{base}\n")
        steps = _CURVE if command == "curve" else ()
        for number, found in measure_curve(method, base, recipe, work, steps):
            line = {"method": method, "steps": number, **found}
            sys.stdout.write(f"{json.dumps(line)}\n")
        return
    rows = build(recipe, work) if command == "build" else study(recipe, work, _SEEDS, _BASES)
    sys.stdout.write(f"{as_table(rows)}\n{as_direct_table(rows)}\n{as_summary(rows)}")


if __name__ == "__main__":
    main()

"""What an AVEm-DPO step costs beside a naive DPO step of TRL, on the same pairs and media.

Every side runs in a process of its own, with one thread, several times in turn;
the least CPU seconds and the median peak memory are recorded, and the ratios. An
AVEm-DPO step here scores three answers with the clip, one with altered input and
three without the clip; TRL's scores two answers with the clip.

TRL is not among the dependencies. In an environment of its own:

    pip install torch 'trl>=1.16,<2' && pip install -e '.[train]'

Without it, its columns are left out.

Usage: python -m benchmarks.training_step [--shape small|7b] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAIRS = 8
BATCH_SIZE = 2


class Side(StrEnum):
    """Who takes the steps, and what is known before the first."""

    PACKED = "avem_dpo"
    PACKED_BUILDING = "avem_dpo_building_the_cache"
    PACKED_MEDIA = "avem_dpo_keeping_media"
    TRL = "trl_naive_dpo"
    TRL_REFERENCE = "trl_naive_dpo_knowing_the_reference"
    TRL_MEDIA = "trl_naive_dpo_knowing_media"

    @property
    def is_peer(self) -> bool:
        """Say whether this is TRL."""
        return self in (Side.TRL, Side.TRL_REFERENCE, Side.TRL_MEDIA)


RATIOS = (
    (Side.PACKED, Side.TRL),
    (Side.PACKED_BUILDING, Side.TRL),
    (Side.PACKED_MEDIA, Side.TRL),
    (Side.PACKED, Side.TRL_REFERENCE),
    (Side.PACKED, Side.TRL_MEDIA),
    (Side.PACKED_BUILDING, Side.TRL_MEDIA),
    (Side.PACKED_MEDIA, Side.TRL_MEDIA),
)


def measure(side: Side, shape: str, model: Path, steps: int, scratch: Path) -> dict[str, float]:
    """Measure one side in this process."""
    import torch

    from benchmarks.training_step_setup import SHAPES, Work, make_pairs

    device = "cuda" if shape == "7b" else "cpu"
    torch.set_num_threads(1)
    sizes = SHAPES[shape]
    work = Work(sizes, model, make_pairs(sizes, PAIRS), BATCH_SIZE, steps, device, scratch)
    if side.is_peer:
        from benchmarks import training_step_trl

        meter = training_step_trl.measure(
            work,
            knows_reference=side is Side.TRL_REFERENCE,
            knows_media=side is Side.TRL_MEDIA,
        )
    else:
        from benchmarks import training_step_packed

        meter = training_step_packed.measure(
            work,
            builds_cache=side is Side.PACKED_BUILDING,
            keeps_media=side is Side.PACKED_MEDIA,
        )
    return {"seconds": meter.seconds_per_step, "mebibytes": meter.peak_bytes / 2**20}


def measure_apart(side: Side, shape: str, model: Path, steps: int) -> dict[str, float]:
    """Measure one side in a process of its own.

    Raises:
        CalledProcessError: If it fails.
    """
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.json"
        command = [sys.executable, "-m", "benchmarks.training_step", "--shape", shape]
        command += ["--side", side.value, "--model", str(model), "--steps", str(steps)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_DATASETS_CACHE": scratch}
        subprocess.run([*command, "--out", str(out)], check=True, env=environment)
        measured: dict[str, float] = json.loads(out.read_text(encoding="utf-8"))
    return measured


def run_all(shape: str, rounds: int, steps: int) -> dict[str, list[dict[str, float]]]:
    """Measure every side as often as there are rounds, in turn."""
    sides = [side for side in Side if not side.is_peer or find_spec("trl") is not None]
    if len(sides) < len(Side):
        print("TRL is not installed: its columns are left out.")
    found: dict[str, list[dict[str, float]]] = {side.value: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        from benchmarks.training_step_setup import SHAPES, make_model

        make_model(SHAPES[shape], Path(folder))
        for _ in range(rounds):
            for side in sides:
                found[side.value].append(measure_apart(side, shape, Path(folder), steps))
                print(side.value, found[side.value][-1])
    return found


def summarise(found: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, Any]:
    """Give the least time and the median memory of each side, and how the sides compare."""
    sides = {
        name: {
            "seconds_per_step": round(min(one["seconds"] for one in runs), 4),
            "peak_mebibytes": round(statistics.median(one["mebibytes"] for one in runs), 1),
        }
        for name, runs in found.items()
    }
    ratios = {
        f"{one} / {other}": {
            key: round(sides[one][key] / sides[other][key], 3)
            for key in ("seconds_per_step", "peak_mebibytes")
        }
        for one, other in RATIOS
        if other in sides
    }
    return {"sides": sides, "ratios": ratios}


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="small", choices=("small", "7b"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--side", type=Side, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side is not None:
        with tempfile.TemporaryDirectory() as scratch:
            measured = measure(given.side, given.shape, given.model, given.steps, Path(scratch))
        given.out.write_text(json.dumps(measured), encoding="utf-8")
        return
    load = os.getloadavg()[0]
    found = run_all(given.shape, given.rounds, given.steps)
    libraries = ("emoreal-bench", "torch", "transformers", "peft", "accelerate", "trl")
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in libraries if name != "trl" or find_spec(name)},
        },
        "shape": given.shape,
        "pairs_per_step": BATCH_SIZE,
        "steps": given.steps - 1,
        "rounds": given.rounds,
        **summarise(found),
    }
    print(json.dumps(record, indent=2))
    name = "training_step.json" if given.shape == "small" else f"training_step_{given.shape}.json"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

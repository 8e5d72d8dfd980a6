"""What an AVEm-DPO step costs beside a naive DPO step of TRL, on the same pairs and media.

Every side runs in a process of its own, with one thread, in turn. Recorded are
the arithmetic of one epoch (multiplications and additions of matrices, the same
in every run), the least CPU seconds of another, the median of the peak memory,
and their ratios. An AVEm-DPO step here scores three answers with the clip, one
with altered input and three without the clip; TRL's scores two answers with the
clip.

TRL is not among the dependencies. In an environment of its own:

    pip install torch 'trl>=1.16,<2' && pip install -e '.[train]'

Without it, its columns are left out.

Usage: python -m benchmarks.training_step [--shape small|7b] [--rounds 3]
"""

from __future__ import annotations

import argparse
import ctypes
import json
import multiprocessing
import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAIRS = 8
BATCH_SIZE = 2
_MMAP_THRESHOLD = -3
"""Of ``mallopt``: from how many bytes on memory is asked of the system for itself."""
_LARGE_BYTES = 1 << 16
KEYS = ("gigaflops_per_step", "seconds_per_step", "peak_mebibytes")


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


def measure(side: Side, shape: str, model: Path) -> dict[str, float]:
    """Measure one side in this process."""
    from benchmarks.training_step_setup import SHAPES, Work, make_pairs

    sizes = SHAPES[shape]
    device = "cuda" if shape == "7b" else "cpu"
    epoch = PAIRS // BATCH_SIZE
    with tempfile.TemporaryDirectory() as scratch:
        work = Work(
            sizes, model, make_pairs(sizes, PAIRS), BATCH_SIZE, epoch, device, Path(scratch)
        )
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
    measured = (meter.flops / epoch / 1e9, meter.seconds / epoch, meter.peak_bytes / 2**20)
    return dict(zip(KEYS, measured, strict=True))


def measure_apart(side: Side, shape: str, model: Path) -> dict[str, float]:
    """Measure one side in a process of its own, which finds the libraries imported.

    Raises:
        RuntimeError: If it fails.
    """
    context = multiprocessing.get_context("fork")
    results: multiprocessing.queues.SimpleQueue[dict[str, float]] = context.SimpleQueue()
    process = context.Process(target=lambda: results.put(measure(side, shape, model)))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{side.value} ended with status {process.exitcode}")
    return results.get()


def _return_freed_memory() -> None:
    """Let the C library hand every freed tensor back to the system, where it is glibc.

    Otherwise the peak holds what was freed and kept in reserve, which varied by a third
    between runs of the same arithmetic.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


def run_all(shape: str, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Measure every side as often as there are rounds, in turn."""
    import torch

    from benchmarks.training_step_setup import SHAPES, make_model

    # What the processes inherit has to be there before the first of them, and one thread
    # is what can be told apart from other programs.
    torch.set_num_threads(1)
    _return_freed_memory()
    has_peer = find_spec("trl") is not None
    if has_peer:
        import trl.trainer.dpo_trainer  # noqa: F401 - for the processes to inherit
    else:
        print("TRL is not installed: its columns are left out.")
    sides = [side for side in Side if has_peer or not side.is_peer]
    found: dict[str, list[dict[str, float]]] = {side.value: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        make_model(SHAPES[shape], Path(folder))
        for _ in range(rounds):
            for side in sides:
                found[side.value].append(measure_apart(side, shape, Path(folder)))
                print(side.value, found[side.value][-1], flush=True)
    return found


def summarise(found: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, Any]:
    """Give the least time and the median of the rest of each side, and how the sides compare."""
    choose: dict[str, Callable[[list[float]], float]] = {
        "gigaflops_per_step": statistics.median,
        "seconds_per_step": min,
        "peak_mebibytes": statistics.median,
    }
    sides = {
        name: {key: choose[key]([one[key] for one in runs]) for key in KEYS}
        for name, runs in found.items()
    }
    ratios = {
        f"{one} / {other}": {key: round(sides[one][key] / sides[other][key], 3) for key in KEYS}
        for one, other in RATIOS
        if other in sides
    }
    rounded = {
        name: {key: round(value, 3) for key, value in side.items()} for name, side in sides.items()
    }
    return {"sides": rounded, "ratios": ratios}


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="small", choices=("small", "7b"))
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    found = run_all(given.shape, given.rounds)
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
        "steps": PAIRS // BATCH_SIZE,
        "rounds": given.rounds,
        **summarise(found),
    }
    print(json.dumps(record, indent=2))
    name = "training_step.json" if given.shape == "small" else f"training_step_{given.shape}.json"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Measure, print and record; the package says what."""

from __future__ import annotations

import argparse
import gc
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

import benchmarks.gpu
from benchmarks.gpu import checks, clips, models, speed, training
from benchmarks.gpu.record import Record, may_write, table
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.version import __version__

RESULTS = Path(__file__).parents[1] / "results" / "gpu.json"
NO_GPU = (
    "No figure of a GPU exists yet: tiny models on a processor, which show that the measurement "
    "runs and not how fast a GPU is."
)
_LIBRARIES = ("torch", "transformers", "accelerate", "peft", "trl", "numpy")
# Seconds that steps take on a card of 2023, to drop one that no longer fits.
_CHECK, _BUILD, _TRY, _WAY, _SIDE = 20.0, 25.0, 10.0, 20.0, 30.0


def measure_model(
    record: Record,
    make: Callable[[], models.Subject],
    media: Sequence[ClipMedia],
    sizes: Sequence[int],
    extras: bool,
) -> None:
    """Measure one model: its parts, its best batch size, each way of asking.

    Args:
        record: To write to.
        make: Builds the model.
        media: Clips to ask about.
        sizes: Of batches, to try.
        extras: Also write long replies, and look at what happens without memory.
    """
    gc.collect()
    torch.cuda.empty_cache()
    subject = record.run("build a model", make, _BUILD)
    if subject is None:
        return
    name, peak = subject.name, record.data["peak_teraflops"]
    own: dict[str, Any] = {"model": name, "parameters": subject.parameters, "rows": []}
    record.data["models"].append(own)
    own["milliseconds_per_clip"] = record.run(
        f"{name}, its parts", lambda: speed.measure_parts(subject, media), _TRY
    )
    if extras and torch.cuda.is_available():
        found = record.run(
            f"{name}, out of memory", lambda: checks.check_out_of_memory(subject, media), _TRY
        )
        if found:
            record.data["checks"]["memory runs out"] = found
    size, own["items_per_second_by_batch_size"] = record.run(
        f"{name}, batch size", lambda: speed.choose_batch_size(subject, media, sizes), _WAY
    ) or (sizes[0], None)
    own["batch_size"] = size
    for way in speed.WAYS if extras else speed.WAYS[:-1]:
        row = record.run(
            f"{name}, {way.method.value}, {way.per_clip} per clip, {way.new_tokens} tokens",
            partial(speed.measure_way, subject, media, way, size, peak),
            _WAY,
        )
        if row:
            own["rows"].append(row)
    if torch.cuda.is_available():
        own["peak_gibibytes"] = round(torch.cuda.max_memory_allocated() / 2**30, 1)
        torch.cuda.reset_peak_memory_stats()
    record.write()


def measure_training(record: Record, device: str) -> None:
    """Measure a training step of each side, and how the sides compare."""
    found: dict[str, dict[str, float]] = record.data["training"]
    for side in training.SIDES:
        one = record.run(
            f"training, {side.value}", partial(training.measure_side, side, device), _SIDE
        )
        if one:
            found[side.value] = one
    for own, other in training.RATIOS:
        if own.value in found and other.value in found:
            found[f"{own.value} / {other.value}"] = {
                key: round(found[own.value][key] / found[other.value][key], 3)
                for key in found[own.value]
            }
    record.write()


def _facts(given: argparse.Namespace, card: str | None) -> dict[str, Any]:
    found = {name: find_version(name) for name in _LIBRARIES}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "gpu": card,
        "statement": None if card else NO_GPU,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "gpu_gibibytes": round(torch.cuda.mem_get_info()[1] / 2**30, 1) if card else None,
        "versions": {
            "python": platform.python_version(),
            "emoreal-bench": __version__,
            **{name: one for name, one in found.items() if one},
        },
        "command": " ".join(
            ["python -m benchmarks.gpu", *(Path(word).name for word in sys.argv[1:])]
        ),
        "peak_teraflops": given.peak or (speed.find_peak(card) if card else None),
        "target_ratio": speed.TARGET_RATIO,
        "checks": {},
        "models": [],
        "training": {},
    }


def find_version(library: str) -> str | None:
    """Give the version of a library; None if it is not installed."""
    if find_spec(library) is None:
        return None
    return str(__import__(library).__version__)


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=benchmarks.gpu.__doc__)
    parser.add_argument("--seconds", type=float, default=420.0, help="for all steps together")
    parser.add_argument("--clips", type=Path, help="file of benchmarks.gpu.clips; drawn otherwise")
    parser.add_argument("--out", type=Path, help=f"file to write; {RESULTS.name} otherwise")
    parser.add_argument("--peak", type=float, help="teraFLOP/s of the card in 16 bits")
    parser.add_argument("--batch-sizes", default="8,16,32", help="to try; the fastest is taken")
    parser.add_argument("--only", default="checks,omni,avere,training,qwen3", help="what to do")
    given = parser.parse_args()
    # Bars of progress would fill the log.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    device = "cuda" if card else "cpu"
    sizes = [int(size) for size in given.batch_sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        record = Record(
            _facts(given, card), given.out or Path(folder) / RESULTS.name, given.seconds
        )
        take_steps(record, set(given.only.split(",")), given.clips, device, sizes)
    print(table(record.data))
    if given.out is None and may_write(record.data, RESULTS):
        record.write_to(RESULTS)


def take_steps(
    record: Record, wanted: set[str], drawn: Path | None, device: str, sizes: Sequence[int]
) -> None:
    """Take the steps in the order of their value."""
    on_gpu = device != "cpu"
    count = clips.CLIPS if on_gpu else 4
    media = record.run(
        "clips", lambda: clips.load_clips(drawn) if drawn else clips.draw_clips(count)
    )[:count]
    subjects: dict[str, Callable[[], models.Subject]] = {
        "omni": partial(models.full_omni, device) if on_gpu else models.tiny_omni,
        "avere": partial(models.full_avere, device) if on_gpu else models.tiny_avere,
        "qwen3": partial(models.full_qwen3, device) if on_gpu else models.tiny_qwen3,
    }

    def keep(name: str, check: Callable[[], checks.Found]) -> None:
        found = record.run(name, check, _CHECK)
        if found:
            record.data["checks"][name] = found

    if "checks" in wanted:
        checks.run_checks(media, device, keep)
    for name in ("omni", "avere", "training", "qwen3"):
        if name not in wanted:
            continue
        if name == "training":
            measure_training(record, device)
        else:
            extras = name == "omni"
            measure_model(record, subjects[name], media, sizes, extras)


if __name__ == "__main__":
    main()

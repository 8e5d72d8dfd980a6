"""What a whole run takes beside the larger of decoding its clips and asking its model.

The model is a stub that waits: one batch of eight at a time, as a GPU does, or eight requests
side by side, as a service does. It waits half as long as decoding takes, as long, and twice as
long. Decoding is that of our pool alone, with as many processes, on the same clips; the time of
the model follows from its waits. A run is everything from the hashing of the clips to the
scores. Of each the fastest round counts. The clips are enough that the start of the decoding
processes, a third of a second, is no large part of it.

Usage: python -m benchmarks.whole_run [--clips 200] [--rounds 1] [--workers 2]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shlex
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.decode import write_clips
from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.adapter import Capabilities, ModelAdapter, ModelDescription
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.run_record import HeldUp
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.pool import DecodePool
from emoreal_bench.readers import Dataset
from emoreal_bench.running.plan import PlanOptions, make_plan
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.runner import run_task

RESULTS = Path(__file__).parent / "results" / "whole_run.json"
SIZE = (640, 360)
PER_CLIP = 1
AT_ONCE = 8
SHARES = (0.5, 1.0, 2.0)
MOST_RATIO = 1.1
TASK = find_task("emorealm")
WANTED = TASK.task.media


class WaitingModel(ModelAdapter):
    """Waits, and says yes.

    Args:
        seconds: Of each call.
        is_service: Whether eight calls of one request go on at a time, or one of eight.
    """

    def __init__(self, seconds: float, *, is_service: bool):
        self._seconds = seconds
        self._capabilities = Capabilities(
            modalities=(Modality.VIDEO, Modality.AUDIO, Modality.TEXT),
            batch_size=1 if is_service else AT_ONCE,
            concurrency=AT_ONCE if is_service else 1,
            needs_network=is_service,
        )

    def describe(self) -> ModelDescription:
        """Return what it takes."""
        return ModelDescription(name="stub/waiting", capabilities=self._capabilities)

    def render(self, request: Request) -> str:
        """Return the question."""
        return request.id

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Wait once for all."""
        await asyncio.sleep(self._seconds)
        for request in requests:
            yield Result(request.id, DeliveryStatus.OK, "(A)")


def make_dataset(root: Path, clips: int) -> Dataset:
    """Write clips, and ask one question about each, the most that a question can want."""
    paths = [root / f"{number}.mp4" for number in range(clips)]
    write_clips(paths, SIZE)
    made = {path.name: Clip(path.name, path) for path in paths}
    items = [
        Item(f"{key}-{number}", "modality_agreement", "Is it so?", ("(A) Yes", "(B) No"), "A", key)
        for key in made
        for number in range(PER_CLIP)
    ]
    return Dataset(items, made, ())


async def decode_all(clips: Sequence[Clip], workers: int) -> float:
    """Return the seconds that the pool alone takes; its processes are started by then."""
    async with DecodePool(workers, DecodeLimits()) as pool:
        await asyncio.gather(*(pool.decode(clips[0], WANTED, "key") for _ in range(workers)))
        start = time.perf_counter()
        await asyncio.gather(*(pool.decode(clip, WANTED, "key") for clip in clips))
        return time.perf_counter() - start


def run_once(
    dataset: Dataset, root: Path, model: ModelAdapter, workers: int
) -> tuple[float, HeldUp | None]:
    """Return the seconds of a whole run, and what it says held it up."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        plan = make_plan(TASK, dataset, root, PlanOptions())
        policy = RunPolicy(decode_workers=workers)
        summary = run_task(plan, model, Path(folder) / "run", policy)
        seconds = time.perf_counter() - start
    return seconds, None if summary.timings is None else summary.timings.held_up


def measure(dataset: Dataset, root: Path, rounds: int, workers: int) -> list[Mapping[str, object]]:
    """Measure all models on the same clips, decoding again before each."""
    clips, calls = list(dataset.clips.values()), len(dataset.items) / AT_ONCE
    records: list[Mapping[str, object]] = []
    for is_service in (False, True):
        for share in SHARES:
            decoding = min(asyncio.run(decode_all(clips, workers)) for _ in range(rounds))
            asking = share * decoding
            model = WaitingModel(asking / calls, is_service=is_service)
            seconds, held_up = min(
                (run_once(dataset, root, model, workers) for _ in range(rounds)),
                key=lambda found: found[0],
            )
            records.append(
                {
                    "model": "service" if is_service else "GPU",
                    "decode_seconds": round(decoding, 2),
                    "model_seconds": round(asking, 2),
                    "run_seconds": round(seconds, 2),
                    "ratio": round(seconds / max(decoding, asking), 3),
                    "held_up": held_up
                    and {name: round(value, 2) for name, value in held_up.model_dump().items()},
                }
            )
    return records


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        dataset = make_dataset(Path(folder), arguments.clips)
        runs = measure(dataset, Path(folder), arguments.rounds, arguments.workers)
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("emoreal-bench", "numpy", "av")},
        },
        "command": shlex.join(["python", "-m", "benchmarks.whole_run", *sys.argv[1:]]),
        "load_before": round(load, 1),
        "clips": arguments.clips,
        "questions_per_clip": PER_CLIP,
        "size": "x".join(map(str, SIZE)),
        "decode_workers": arguments.workers,
        "runs": runs,
        "ratio_allowed": MOST_RATIO,
    }
    print(json.dumps(record, indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

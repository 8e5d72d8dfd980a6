"""What decoding costs: milliseconds per clip in process and through the pool.

Makes clips of four seconds with grain and motion in three sizes, decodes each as
the tasks want it (8 frames, shorter side 448, mono sound of 16 kHz) in this
process and through pools of one and two workers, and measures what a pool adds
to a clip that takes no time to decode. The fastest round counts, as the others
also tell what else the machine was doing.

Usage: python benchmarks/decode.py [--clips 6] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.pool import WORKER_PROGRAM, DecodePool

RESULTS = Path(__file__).parent / "results" / "decode.json"
SIZES = ((320, 240), (640, 360), (1280, 720))
SECONDS, FRAME_RATE, SAMPLE_RATE = 4, 25, 48_000
WANTED = MediaWanted()
OVERHEAD_ROUNDS = 100
OVERHEAD_BUDGET_MILLISECONDS = 5.0

FREE_WORKER = """
import numpy as np
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.media.worker import serve

frames = np.ones((8, 336, 448, 3), np.uint8)
waveform = np.ones(4 * 16_000, np.float32)
times = tuple(map(float, range(8)))
serve(lambda job, limits: ClipMedia(job.key, None, frames, times, waveform, 16_000, 4.0))
"""


def write_clip(path: Path, size: tuple[int, int], seed: int) -> None:
    """Write a clip with a moving gradient under grain, and a chirp."""
    random = np.random.default_rng(seed)
    width, height = size
    slope = np.add.outer(np.arange(height), np.arange(width))
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FRAME_RATE)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE)
        for number in range(SECONDS * FRAME_RATE):
            grain = random.integers(0, 12, (height, width))
            grey = ((slope + 7 * number) % 240 + grain).astype(np.uint8)
            frame = VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, axis=2), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        moments = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
        chirp = 0.3 * np.sin(2 * np.pi * (200 + 100 * moments) * moments)
        sound = AudioFrame.from_ndarray(chirp[None].astype(np.float32), "fltp", "mono")
        sound.sample_rate, sound.pts = SAMPLE_RATE, 0
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def measure_in_process(clips: Sequence[Clip], rounds: int) -> dict[str, float]:
    """Give the wall and CPU milliseconds per clip in this process, of the fastest round."""
    walls, cpus = [], []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        for clip in clips:
            decode_clip(clip, WANTED, key="key", limits=DecodeLimits())
        walls.append((time.perf_counter() - wall) / len(clips))
        cpus.append((time.process_time() - cpu) / len(clips))
    return {"wall": round(1000 * min(walls), 1), "cpu": round(1000 * min(cpus), 1)}


async def measure_pool(
    clips: Sequence[Clip], rounds: int, workers: int, program: Sequence[str] = WORKER_PROGRAM
) -> float:
    """Give the wall milliseconds per clip, all asked for at once, of the fastest round."""
    async with DecodePool(workers, DecodeLimits(), program=program) as pool:
        await asyncio.gather(*(pool.decode(clips[0], WANTED, "key") for _ in range(workers)))
        walls = []
        for _ in range(rounds):
            start = time.perf_counter()
            await asyncio.gather(*(pool.decode(clip, WANTED, "key") for clip in clips))
            walls.append((time.perf_counter() - start) / len(clips))
    return round(1000 * min(walls), 2)


def measure_overhead() -> float:
    """Give the wall milliseconds that a pool takes for a clip that needs no decoding."""
    program = (sys.executable, "-c", FREE_WORKER)
    return asyncio.run(measure_pool([Clip("free", Path("free"))], OVERHEAD_ROUNDS, 1, program))


def measure_size(size: tuple[int, int], clips: int, rounds: int) -> dict[str, object]:
    """Measure clips of one size."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.mp4" for number in range(clips)]
        for seed, path in enumerate(paths):
            write_clip(path, size, seed)
        made = [Clip(path.stem, path) for path in paths]
        return {
            "size": "x".join(map(str, size)),
            "kilobytes_per_clip": round(sum(path.stat().st_size for path in paths) / clips / 1000),
            "milliseconds_in_process": measure_in_process(made, rounds),
            "milliseconds_one_worker": asyncio.run(measure_pool(made, rounds, 1)),
            "milliseconds_two_workers": asyncio.run(measure_pool(made, rounds, 2)),
        }


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("emoreal-bench", "numpy", "av")},
        },
        "clip": f"{SECONDS} s at {FRAME_RATE} frames per second with sound",
        "sizes": [measure_size(size, arguments.clips, arguments.rounds) for size in SIZES],
        "pool_overhead_milliseconds": measure_overhead(),
        "pool_overhead_milliseconds_allowed": OVERHEAD_BUDGET_MILLISECONDS,
    }
    print(json.dumps(record, indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

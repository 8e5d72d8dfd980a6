"""What decoding costs beside a bare PyAV loop in as many processes.

Makes clips of four seconds with grain and motion in three sizes, and decodes each as the tasks
want it (8 frames, shorter side 448, mono sound of 16 kHz) through our pool, which checks every
packet and hands frames and sound over to another process, and by a loop of a few lines which
decodes the same, scales the same frames by the same rule, and throws them away. Both have
processes that are warm, and each of one thread. A round of one follows on a round of the other,
and the fastest counts, as the others also tell what else the machine was doing. Measured beside
it: what a pool adds to a clip that takes no time to decode.

Usage: python -m benchmarks.decode [--clips 8] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.picture import _SCALING, scaled_size
from emoreal_bench.media.pool import DecodePool

RESULTS = Path(__file__).parent / "results" / "decode.json"
SIZES = ((320, 240), (640, 360), (1280, 720))
SECONDS, FRAME_RATE, SAMPLE_RATE = 4, 25, 48_000
WANTED = MediaWanted()
WORKERS = (1, 2)
CONTENTS = 2
MOST_RATIO = 1.1
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


def write_clips(paths: Sequence[Path], size: tuple[int, int]) -> None:
    """Write clips of a few contents, since encoding takes much longer than decoding."""
    for number, path in enumerate(paths):
        if number < CONTENTS:
            write_clip(path, size, number)
        else:
            shutil.copyfile(paths[number % CONTENTS], path)


def decode_bare(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Decode a clip as one would without this package: its frames by number, its sound joined."""
    resampler = AudioResampler(format="flt", layout="mono", rate=WANTED.sample_rate)
    reformatter = VideoReformatter()
    frames, sound, number = [], [], 0
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        video.codec_context.thread_count = audio.codec_context.thread_count = 1
        wanted = set(np.linspace(0, video.frames - 1, WANTED.frames).astype(int).tolist())
        width, height = scaled_size(video.width, video.height, WANTED.size)
        for frame in container.decode(video, audio):
            if isinstance(frame, AudioFrame):
                sound += [piece.to_ndarray() for piece in resampler.resample(frame)]
            elif isinstance(frame, VideoFrame):
                if number in wanted:
                    scaled = reformatter.reformat(
                        frame, width, height, "rgb24", interpolation=_SCALING, threads=1
                    )
                    frames.append(scaled.to_ndarray())
                number += 1
    return frames, np.concatenate(sound, axis=1)


def serve_bare() -> None:
    """Decode the clips named on each line of standard input, and say when they are done."""
    for line in sys.stdin:
        for path in json.loads(line):
            decode_bare(Path(path))
        print("done", flush=True)


@contextmanager
def bare_processes(workers: int) -> Iterator[Sequence[subprocess.Popen[str]]]:
    """Start processes that decode barely, and end them."""
    command = [sys.executable, "-m", "benchmarks.decode", "--serve-bare"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(workers)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.communicate("")


def round_of_bare(processes: Sequence[subprocess.Popen[str]], clips: Sequence[Clip]) -> float:
    """Return the seconds until every process has decoded its share."""
    start = time.perf_counter()
    for number, process in enumerate(processes):
        share = [str(clip.video) for clip in clips[number :: len(processes)]]
        assert process.stdin is not None
        process.stdin.write(json.dumps(share) + "\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    return time.perf_counter() - start


async def round_of_pool(pool: DecodePool, clips: Sequence[Clip]) -> float:
    """Return the seconds until all clips have come, all asked for at once."""
    start = time.perf_counter()
    await asyncio.gather(*(pool.decode(clip, WANTED, "key") for clip in clips))
    return time.perf_counter() - start


async def compare(clips: Sequence[Clip], rounds: int, workers: int) -> dict[str, float]:
    """Return wall milliseconds per clip of both, of the fastest round, and their ratio."""
    bare, ours = [], []
    with bare_processes(workers) as processes:
        async with DecodePool(workers, DecodeLimits()) as pool:
            for _ in range(rounds + 1):
                bare.append(round_of_bare(processes, clips))
                ours.append(await round_of_pool(pool, clips))
    # The first round started the processes.
    times = {"bare": min(bare[1:]), "pool": min(ours[1:])}
    record = {name: round(1000 * seconds / len(clips), 1) for name, seconds in times.items()}
    return {"workers": workers, **record, "ratio": round(times["pool"] / times["bare"], 3)}


async def measure_free() -> float:
    """Return the wall milliseconds that a pool takes for a clip that needs no decoding."""
    program = (sys.executable, "-c", FREE_WORKER)
    free = [Clip("free", Path("free"))]
    async with DecodePool(1, DecodeLimits(), program=program) as pool:
        rounds = [await round_of_pool(pool, free) for _ in range(OVERHEAD_ROUNDS)]
    return round(1000 * min(rounds), 2)


def measure_size(size: tuple[int, int], clips: int, rounds: int) -> dict[str, object]:
    """Measure clips of one size."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.mp4" for number in range(clips)]
        write_clips(paths, size)
        made = [Clip(path.stem, path) for path in paths]
        check_same(made[0])
        return {
            "size": "x".join(map(str, size)),
            "kilobytes_per_clip": round(sum(path.stat().st_size for path in paths) / clips / 1000),
            "milliseconds_per_clip": [
                asyncio.run(compare(made, rounds, workers)) for workers in WORKERS
            ],
        }


def check_same(clip: Clip) -> None:
    """Check that both give the same, or there would be nothing to compare.

    Raises:
        RuntimeError: If they do not.
    """
    media = decode_clip(clip, WANTED, key="key", limits=DecodeLimits())
    frames, sound = decode_bare(clip.video)
    assert media.frames is not None
    assert media.waveform is not None
    if not np.array_equal(media.frames, frames) or abs(media.waveform.size - sound.size) > 2_000:
        raise RuntimeError("the bare loop decodes something else")


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve-bare", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve_bare:
        serve_bare()
        return
    load = os.getloadavg()[0]
    sizes = [measure_size(size, arguments.clips, arguments.rounds) for size in SIZES]
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("emoreal-bench", "numpy", "av")},
        },
        "clip": f"{SECONDS} s at {FRAME_RATE} frames per second with sound",
        "load_before": round(load, 1),
        "command": shlex.join(["python", "-m", "benchmarks.decode", *sys.argv[1:]]),
        "sizes": sizes,
        "ratio_allowed": MOST_RATIO,
        "pool_overhead_milliseconds": asyncio.run(measure_free()),
        "pool_overhead_milliseconds_allowed": OVERHEAD_BUDGET_MILLISECONDS,
    }
    print(json.dumps(record, indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

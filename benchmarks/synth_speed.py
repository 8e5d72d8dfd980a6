"""Speed of the synthetic benchmark on one core: written clips and direct samples.

Budgets: 0.6 s for a written clip, 15 direct samples a second. CPU time is measured,
so that other work on the machine counts less.

Run from the root of the repository: ``python -m benchmarks.synth_speed``.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from emoreal_bench.synth import Scene, SynthSettings, make_items, make_scenes, sample_clip
from emoreal_bench.synth.encode import encode_clip
from emoreal_bench.synth.picture.frames import iterate_frames
from emoreal_bench.synth.scenes import FRAME_RATE
from emoreal_bench.synth.voice.sound import synthesize_sound

RESULTS = Path(__file__).parent / "results" / "synth_speed.json"
CLIPS = 40


def main() -> None:
    """Measure, print and record."""
    settings = SynthSettings(items=5 * CLIPS, seed=1)
    scenes = make_scenes(settings)
    first = _seconds(synthesize_sound, scenes[:1])
    sample = _seconds(sample_clip, scenes)
    written = _seconds(_encoded, scenes)
    started = time.process_time()
    items = make_items(settings)
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, one core, CPU time",
        "versions": {name: version(name) for name in ("av", "emoreal-bench", "numpy", "pillow")},
        "speech": scenes[0].speech,
        "clips": CLIPS,
        "frames_per_clip": sum(scene.frames for scene in scenes) / CLIPS,
        "first_sound_seconds": round(first, 3),
        "written_clip_seconds": round(written, 4),
        "direct_samples_per_second": round(1 / sample, 1),
        "question_milliseconds": round((time.process_time() - started) / len(items) * 1000, 3),
    }
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def _encoded(scene: Scene) -> bytes:
    times = [number / FRAME_RATE for number in range(scene.frames)]
    return encode_clip(iterate_frames(scene, times), synthesize_sound(scene))


def _seconds(work: Callable[[Scene], object], scenes: Sequence[Scene]) -> float:
    """Give the CPU seconds that a piece of work takes per scene."""
    started = time.process_time()
    for scene in scenes:
        work(scene)
    return (time.process_time() - started) / len(scenes)


if __name__ == "__main__":
    main()

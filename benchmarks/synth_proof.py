"""Proof of the synthetic benchmark, on files as it writes them.

Four claims, each with numbers in ``results/synth_proof.json``:

1. every cue can be seen or heard: one small detector per cue, trained on decoded
   clips of other seeds, reaches a balanced accuracy of 95 %;
2. questions need their own modality: with the detectors of one modality a solver
   answers that modality's questions and stays at chance on the other's;
3. the texts give nothing away: classifiers of the words stay at chance;
4. training sees what the files hold: decoded frames differ from direct ones by 35 dB or more.

Run from the root of the repository: ``python -m benchmarks.synth_proof --clips FOLDER``.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.synth_detectors import (
    AUDIO_NAMES,
    VIDEO_NAMES,
    Decoded,
    PictureDetectors,
    SoundDetectors,
    decode,
    detect,
    labels,
    train,
)
from benchmarks.synth_solvers import solve, text_accuracy
from emoreal_bench.contracts.item import Item
from emoreal_bench.synth import (
    Scene,
    Split,
    SynthSettings,
    make_items,
    make_scenes,
    sample_clip,
    write_benchmark,
)
from emoreal_bench.synth.scenes import FRAME_RATE

RESULTS = Path(__file__).parent / "results" / "synth_proof.json"
TEXT_ITEMS = 20_000
EPOCHS = 24


def main() -> None:
    """Write the clips, train, solve, and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder for the clips; kept")
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--train-items", type=int, default=6000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tested = SynthSettings(items=arguments.items, seed=15)
    trained = SynthSettings(items=arguments.train_items, seed=12, split=Split.TRAIN)
    test_scenes, test_clips = _clips(tested, arguments.clips / "test")
    train_scenes, train_clips = _clips(trained, arguments.clips / "train")
    seen, pictures = _detectors(
        PictureDetectors(),
        (train_clips.pictures, labels(train_scenes, VIDEO_NAMES)),
        (test_clips.pictures, labels(test_scenes, VIDEO_NAMES)),
        VIDEO_NAMES,
    )
    heard, sounds = _detectors(
        SoundDetectors(),
        (train_clips.spectra, labels(train_scenes, AUDIO_NAMES)),
        (test_clips.spectra, labels(test_scenes, AUDIO_NAMES)),
        AUDIO_NAMES,
    )
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, one thread",
        "versions": {
            name: version(name)
            for name in ("av", "emoreal-bench", "numpy", "pillow", "scikit-learn", "torch")
        },
        "test": tested.model_dump(mode="json"),
        "train": trained.model_dump(mode="json"),
        "speech": test_scenes[0].speech,
        "decoded_frames_decibels": _decibels(test_scenes, arguments.clips / "test"),
        "detectors": {"picture": pictures, "sound": sounds},
        "solvers": (solvers := _solvers(make_items(tested), test_scenes, seen, heard)),
        "text_only": _text_only(),
    }
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(solvers, indent=1))


def _clips(settings: SynthSettings, folder: Path) -> tuple[tuple[Scene, ...], Decoded]:
    write_benchmark(settings, folder)
    scenes = make_scenes(settings)
    return scenes, decode([folder / "videos" / scene.clip for scene in scenes])


def _decibels(scenes: Sequence[Scene], folder: Path) -> dict[str, float]:
    """Compare decoded with directly drawn frames, by peak signal-to-noise ratio."""
    ratios = []
    for scene in scenes[::5]:
        with av.open(str(folder / "videos" / scene.clip)) as container:
            decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        sample = sample_clip(scene)
        for time, drawn in zip(sample.timestamps, sample.frames, strict=True):
            error = np.mean((decoded[round(time * FRAME_RATE)] - drawn.astype(float)) ** 2)
            ratios.append(10 * np.log10(255**2 / error))
    return {
        "frames": len(ratios),
        "least": round(min(ratios), 2),
        "mean": round(np.mean(ratios), 2),
    }


def _detectors(
    model: nn.Module,
    trained: tuple[Tensor, Tensor],
    tested: tuple[Tensor, Tensor],
    names: Sequence[str],
) -> tuple[list[dict[str, float]], dict[str, dict[str, float]]]:
    """Train and give the log-odds by name of each test clip, and how right each name is."""
    train(model, *trained, EPOCHS)
    odds, wanted = detect(model, tested[0]), tested[1] > 0
    quality = {}
    for column, name in enumerate(names):
        yes, there = odds[:, column] > 0, wanted[:, column]
        present = (yes & there).sum().item() / there.sum().item()
        absent = (~yes & ~there).sum().item() / (~there).sum().item()
        quality[str(name)] = {
            "present": round(present, 4),
            "absent": round(absent, 4),
            "balanced": round((present + absent) / 2, 4),
        }
    worst = min(quality, key=lambda name: quality[name]["balanced"])
    print(f"worst detector: {worst} {quality[worst]}", flush=True)
    return [dict(zip(map(str, names), row, strict=True)) for row in odds.tolist()], quality


def _solvers(
    items: Sequence[Item],
    scenes: Sequence[Scene],
    seen: Sequence[dict[str, float]],
    heard: Sequence[dict[str, float]],
) -> dict[str, Any]:
    number = {scene.clip: scene.index for scene in scenes}
    report: dict[str, Any] = {}
    for name, has_picture, has_sound in (
        ("picture", True, False),
        ("sound", False, True),
        ("both", True, True),
    ):
        right: dict[str, list[bool]] = {}
        for item in items:
            clip = number[item.clip]
            answer = solve(
                item, seen[clip] if has_picture else {}, heard[clip] if has_sound else {}
            )
            right.setdefault(item.subtask, []).append(answer == item.answer)
        report[name] = {task: _share(sum(hits), len(hits)) for task, hits in right.items()}
    return report


def _text_only() -> dict[str, Any]:
    asked = make_items(SynthSettings(items=TEXT_ITEMS, seed=11))
    others = make_items(SynthSettings(items=TEXT_ITEMS, seed=13))
    report: dict[str, Any] = {}
    for subtask in dict.fromkeys(item.subtask for item in asked):
        mine = [item for item in asked if item.subtask == subtask]
        counts = text_accuracy(mine, [item for item in others if item.subtask == subtask])
        report[subtask] = {
            "chance": 1 / len(mine[0].choices),
            **{
                name: {how: _share(right, len(mine)) for how, right in by_training.items()}
                for name, by_training in counts.items()
            },
        }
    return report


def _share(right: int, asked: int, z: float = 1.96) -> dict[str, float]:
    """Give an accuracy with its 95 % interval (Wilson); a clip has one question a subtask."""
    share = right / asked
    middle = (share + z * z / (2 * asked)) / (1 + z * z / asked)
    half = z / (1 + z * z / asked) * math.sqrt(share * (1 - share) / asked + (z / (2 * asked)) ** 2)
    return {
        "accuracy": round(share, 4),
        "lower": round(middle - half, 4),
        "upper": round(middle + half, 4),
        "items": asked,
    }


if __name__ == "__main__":
    main()

"""A small set of preference pairs with clips, and configurations of trainings on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from emoreal_bench.contracts.preference import AlteredInput, PreferencePair
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.preferences.reading import write_pairs
from tests.media_files import Picture, Sound, make_clip

CLIPS = ("a.mp4", "b.mp4", "c.mp4")
_QUESTIONS = ("Which of these can be seen?", "Which of these can be heard?")


def make_clips(folder: Path) -> Path:
    """Make three clips with picture and sound."""
    folder.mkdir(parents=True)
    for number, name in enumerate(CLIPS):
        pitch = 200.0 + 150 * number
        make_clip(folder / name, Picture(frames=8 + number, size=(64, 48)), Sound(0.4, (pitch,)))
    return folder


def make_pairs(count: int = 8) -> tuple[PreferencePair, ...]:
    """Make pairs about the clips: pictures and sounds in turn, the last with one answer."""
    pairs = []
    for number in range(count):
        modality = (Modality.VIDEO, Modality.AUDIO)[number % 2]
        clip, partner = CLIPS[number % 3], CLIPS[(number + 1) % 3]
        pairs.append(
            PreferencePair(
                id=f"pair-{number}",
                clip=clip,
                question=f"{_QUESTIONS[number % 2]} ({number})",
                chosen="a frown",
                hallucination="falling tears",
                spurious=None if number == count - 1 else "a lamp",
                modality=modality,
                altered=AlteredInput(
                    modalities=(modality,), alteration=Alteration.SWAP, partner=partner
                ),
                metadata={"emotion": "anger"},
            )
        )
    return tuple(pairs)


def make_training_data(root: Path, count: int = 8) -> Path:
    """Write pairs and clips below a folder."""
    make_clips(root / "clips")
    write_pairs(make_pairs(count), root / "pairs.jsonl")
    return root


def make_settings(root: Path, method: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Give the configuration of a training on such a folder.

    Args:
        root: Of :func:`make_training_data`.
        method: Settings of the method.
        changes: Keys that differ.
    """
    return {
        "model": "tiny/omni",
        "method": dict(method),
        "data": {
            "source": "pairs",
            "pairs": str(root / "pairs.jsonl"),
            "clips": str(root / "clips"),
        },
        "out": str(root / "out"),
        "media": {"frames": 4, "channel": "first"},
        "lora": {"rank": 2, "alpha": 4},
        "optimization": {"learning_rate": 0.01, "batch_size": 2},
        "reference": {"source": "computed"},
        "hardware": {"device": "cpu"},
        "checkpoint_every": 2,
        "log_every": 1,
        **changes,
    }


def write_settings(path: Path, settings: Mapping[str, Any]) -> Path:
    """Write a configuration as YAML."""
    path.write_text(yaml.safe_dump(dict(settings)), encoding="utf-8")
    return path

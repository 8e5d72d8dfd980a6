"""Finished runs of emotion words, by models that answer from a script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from emoreal_bench import api
from tests.unit.readers.layouts import DFEW_SPLIT, put, write_text

DFEW_NUMBERS = {"happiness": 1, "sadness": 2, "neutral": 3, "anger": 4}
GOLD = ("happiness",) * 6 + ("sadness",) * 4 + ("anger",) * 2


def make_label_data(root: Path) -> Path:
    """Write twelve clips of three emotions, as the owners of DFEW hand them out."""
    rows = [f"{clip},{DFEW_NUMBERS[emotion]}" for clip, emotion in enumerate(GOLD, start=1)]
    write_text(root, DFEW_SPLIT, "\n".join(["video_name,label", *rows]) + "\n")
    put(root, [f"Clip/original/part_1/{clip}.mp4" for clip in range(1, len(GOLD) + 1)])
    return root


def make_label_run(root: Path, name: str, replies: Mapping[int, str]) -> Path:
    """Run a model that knows every emotion but says something else of some clips.

    Args:
        root: Where the data is made, if it is not there, and the run.
        name: Of the model and of the run's folder.
        replies: By clip, from 1.
    """
    data = root / "data"
    if not data.exists():
        make_label_data(data)
    texts = {str(clip): replies.get(clip, gold) for clip, gold in enumerate(GOLD, start=1)}
    script = root / f"{name}.json"
    script.write_text(json.dumps({"replies": texts}), encoding="utf-8")
    policy = api.RunPolicy(attempts=1, backoff_seconds=0.0)
    options = api.RunOptions(policy=policy, out=root / "runs" / name)
    api.evaluate(f"scripted/{script}", "dfew", data, options)
    return root / "runs" / name

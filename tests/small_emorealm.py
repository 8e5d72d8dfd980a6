"""A small data set in the layout of EmoReAlM, and models that answer it from a script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.media_files import Picture, Sound, make_clip

ALTERNATING = ("modality_agreement", "reasoning_stress_audio", "reasoning_basic_video")
_FOUR = ["(A) a smile", "(B) a frown", "(C) a shrug", "(D) a nod"]
_TWO = ["(A) Yes", "(B) No"]


def make_data(root: Path, items: int = 24, per_clip: int = 2, *, real: bool = False) -> Path:
    """Write questions of three subtasks in turn, their gold letters in turn.

    Args:
        root: The data folder; made.
        items: How many questions.
        per_clip: Questions of one clip.
        real: Whether the clips can be decoded; else they are a few bytes.
    """
    records: list[dict[str, Any]] = []
    for number in range(items):
        subtask = ALTERNATING[number % len(ALTERNATING)]
        choices = _FOUR if subtask == "reasoning_basic_video" else _TWO
        records.append(
            {
                "id": f"q{number}",
                "video": f"clips/{number // per_clip}.mp4",
                "task": subtask,
                "question": f"Is it so, number {number}?",
                "choices": choices,
                "answer": "ABCD"[number // len(ALTERNATING) % len(choices)],
            }
        )
    (root / "clips").mkdir(parents=True)
    (root / "emorealm_v1.json").write_text(json.dumps(records), encoding="utf-8")
    for clip in range(-(-items // per_clip)):
        path = root / "clips" / f"{clip}.mp4"
        if real:
            make_clip(path, Picture(frames=10, size=(64, 48)), Sound(0.5, (200.0 + 40 * clip,)))
        else:
            path.write_bytes(f"clip {clip}".encode())
    return root


def gold_answers(root: Path) -> dict[str, str]:
    """Give the gold letters of a data set by item."""
    records = json.loads((root / "emorealm_v1.json").read_text(encoding="utf-8"))
    return {record["id"]: record["answer"] for record in records}


def write_script(
    path: Path,
    gold: Mapping[str, str],
    wrong_every: int | None = None,
    modalities: tuple[str, ...] = ("text",),
) -> str:
    """Write a script that knows answers.

    Args:
        path: The script.
        gold: Of every item.
        wrong_every: One of so many items, the first among them, has a blank reply;
            None knows all answers.
        modalities: What the scripted model says it takes.

    Returns:
        The model's name.
    """
    replies = {
        item: f"({letter})" if wrong_every is None or number % wrong_every else ""
        for number, (item, letter) in enumerate(gold.items())
    }
    path.write_text(json.dumps({"replies": replies, "modalities": modalities}), encoding="utf-8")
    return f"scripted/{path}"

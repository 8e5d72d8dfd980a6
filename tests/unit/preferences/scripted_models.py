"""Models that answer from scripts, for building pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_script(path: Path, replies: Mapping[str, Any], *, media: bool = False) -> str:
    """Write a scripted model and give its name.

    Args:
        path: Its file.
        replies: By item.
        media: Whether it takes picture and sound.
    """
    modalities = ["text", "video", "audio"] if media else ["text"]
    script = {"replies": dict(replies), "modalities": modalities}
    path.write_text(json.dumps(script), encoding="utf-8")
    return f"scripted/{path}"


def written(*questions: Mapping[str, str]) -> str:
    """Write what the writing model has to give."""
    return json.dumps({"questions": list(questions)})


def smile_question(**changes: str) -> dict[str, str]:
    """Give one question as the writing model would; anything of it can be changed."""
    return {
        "modality": "video",
        "emotion": "happiness",
        "cue": "smile",
        "missing_cue": "raised arms",
        "question": "How does the person show it?",
        "chosen": "By a broad smile.",
        "hallucination": "By raised arms.",
        "spurious": "By the red curtain.",
        **changes,
    }

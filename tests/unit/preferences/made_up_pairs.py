"""Pairs for tests."""

from __future__ import annotations

from typing import Any

from emoreal_bench.contracts.preference import PreferencePair

SHOWN, ABSENT = "a broad smile", "raised arms"


def make_pair(number: int = 1, **changes: Any) -> PreferencePair:
    """Make a pair about a smile; anything of it can be changed."""
    fields: dict[str, Any] = {
        "id": f"pair-{number}",
        "clip": f"clips/{number}.mp4",
        "question": "How does the person show it?",
        "chosen": SHOWN,
        "hallucination": ABSENT,
        "spurious": "red balloons",
        "modality": "video",
        "altered": {"modalities": ["video"], "alteration": "blank"},
        "metadata": {"emotion": "happiness", "cue": SHOWN, "denied_cue": ABSENT},
    }
    return PreferencePair.model_validate({**fields, **changes})


def make_turned_pair(number: int = 2) -> PreferencePair:
    """Make a pair whose clip shows the other cue."""
    return make_pair(
        number,
        chosen=ABSENT,
        hallucination=SHOWN,
        metadata={"emotion": "happiness", "cue": ABSENT, "denied_cue": SHOWN},
    )


def make_letter_pair(number: int, right: str, options: str = "ABCD") -> PreferencePair:
    """Make a pair whose answers are letters."""
    lines = "\n".join(f"({letter}) cue {letter}" for letter in options)
    wrong = [letter for letter in options if letter != right]
    return make_pair(
        number,
        question=f"Which cue is it?\n{lines}\nAnswer with a letter.",
        chosen=f"({right})",
        hallucination=f"({wrong[0]})",
        spurious=f"({wrong[1]})" if len(wrong) > 1 else None,
        metadata=None,
    )

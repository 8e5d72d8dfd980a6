"""RAVDESS: actors who speak two sentences in eight emotions.

There is no annotation file: a clip's name says everything, in seven numbers
of two digits (modality, vocal channel, emotion, intensity, statement,
repetition, actor). Read are the clips with picture and sound (modality 01);
those of songs (vocal channel 02) are left out, because the published scores
are of speech.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Literal

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.readers import Dataset, Options
from emoreal_bench.readers.clip_files import ClipOptions, clip_names, find_clips, read_options
from emoreal_bench.readers.emotion_words import QUESTION, keep_asked_classes, only_subtask
from emoreal_bench.readers.records import MalformedItem, Problems

CLASSES = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
_MODALITIES = {"01": "picture and sound", "02": "picture only", "03": "sound only"}
_CHANNELS = {"01": "speech", "02": "song"}
_INTENSITIES = {"01": "normal", "02": "strong"}
_NAME = re.compile(r"\d\d(-\d\d){6}", re.ASCII)
_ACTORS = 24


class RavdessOptions(ClipOptions):
    """Options of the reader."""

    calm: Literal["calm", "neutral"] = "calm"
    """The class that calm clips count for. Calm as a class of its own is left
    out where the task does not ask for it, as in the paper."""


def read(task: Task, root: Path, options: Options) -> Dataset:
    """Read the speech clips.

    Raises:
        DataError: With every clip whose name does not follow the scheme.
        UsageError: For an option that does not exist.
    """
    chosen = read_options(RavdessOptions, options, "ravdess")
    problems = Problems(
        root, remedy="Rename these files, or name the folder with --data-arg videos=FOLDER."
    )
    subtask = only_subtask(task)
    items: list[Item] = []
    others: Counter[str] = Counter()
    for name in clip_names(root, chosen):
        try:
            item, other = _parse(name, subtask, chosen.calm)
        except MalformedItem as error:
            problems.add(name, str(error))
            continue
        if item is None:
            others[other] += 1
        else:
            items.append(item)
    problems.raise_if_any()
    kept, left_out = keep_asked_classes(task, items, root)
    clips = find_clips(root, chosen, [item.clip for item in kept])
    notes = tuple(f"clips of {kind} left out: {count}" for kind, count in sorted(others.items()))
    return Dataset(kept, clips, (), (*notes, *left_out))


def _parse(name: str, subtask: str, calm: str) -> tuple[Item | None, str]:
    """Turn a clip's name into an item, or say which kind of clip is left out."""
    if not _NAME.fullmatch(name):
        raise MalformedItem("its name is not seven numbers of two digits, joined by hyphens")
    modality, channel, emotion, intensity, statement, repetition, actor = name.split("-")
    fields = {
        "modality": (modality, _MODALITIES),
        "vocal channel": (channel, _CHANNELS),
        "emotion": (emotion, CLASSES),
        "intensity": (intensity, _INTENSITIES),
        "statement": (statement, ("01", "02")),
        "repetition": (repetition, ("01", "02")),
    }
    for field, (code, known) in fields.items():
        if code not in known:
            raise MalformedItem(f"its {field} is {code}; it must be one of {', '.join(known)}")
    if not 1 <= int(actor) <= _ACTORS:
        raise MalformedItem(f"its actor is {actor}; it must be 01 to {_ACTORS}")
    if CLASSES[emotion] == "neutral" and _INTENSITIES[intensity] == "strong":
        raise MalformedItem("it is neutral of strong intensity, which does not exist")
    if modality != "01" or channel != "01":
        return None, f"{_CHANNELS[channel]}, {_MODALITIES[modality]},"
    label = CLASSES[emotion]
    metadata = {
        "actor": actor,
        "gender": "female" if int(actor) % 2 == 0 else "male",
        "intensity": _INTENSITIES[intensity],
    }
    answer = calm if label == "calm" else label
    return Item(name, subtask, QUESTION, (), answer, name, metadata), ""

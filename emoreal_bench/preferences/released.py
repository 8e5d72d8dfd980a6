"""Reads the preference JSON of the paper's authors.

Their file is a list of objects with ``prompt`` (a line that stands for the
picture, one for the sound, then the question), ``chosen``, ``rejected`` (the
hallucinated or main negative answer), ``rejected_2`` (the irrelevant one),
``video``, ``audio``, and the losing inputs ``video_l`` and ``audio_l``. An ``id``
is ignored there and here: the position counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from emoreal_bench.catalog import explain
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.preference import CLIP_MODALITIES, AlteredInput, PreferencePair
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.file_names import one_form
from emoreal_bench.parsing import parse_json

_MARKS = re.compile(r"\s*<[^<>\n]*(?:video|image)[^<>\n]*>\s*\n\s*<[^<>\n]*audio[^<>\n]*>\s*\n")
_REMEDY = "Correct the object, or take it out of the list."


class _ReleasedPair(BaseModel):
    """One object of the list; further keys are theirs and do no harm."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    prompt: str
    chosen: str
    rejected: str
    rejected_2: str | None = None
    video: str
    audio: str
    video_l: str | None = None
    audio_l: str | None = None


def read_released(text: str, path: Path) -> tuple[PreferencePair, ...]:
    """Read the authors' list of objects.

    Their trainer puts uniform noise in the place of a losing input that the file
    does not name; such a pair gets noise here, and both modalities of it.

    Args:
        text: The whole file.
        path: Where it is, for errors.

    Raises:
        DataError: If it is not such a list; it names the object by its position.
    """
    try:
        records = parse_json(text)
    except ValueError as error:
        raise DataError(f"This {error}.", where=str(path)) from error
    if not isinstance(records, list):
        raise DataError("This is not a list of objects.", where=str(path))
    return tuple(
        _read(record, number, f"{path}, object {number}")
        for number, record in enumerate(records, start=1)
    )


def _read(record: Any, number: int, where: str) -> PreferencePair:
    try:
        released = _ReleasedPair.model_validate(record)
        return PreferencePair(
            id=str(number),
            clip=_clip(released.video, released.audio),
            question=_question(released.prompt),
            chosen=released.chosen,
            hallucination=released.rejected,
            spurious=released.rejected_2,
            altered=_altered({Modality.VIDEO: released.video_l, Modality.AUDIO: released.audio_l}),
        )
    except ValidationError as error:
        raise DataError(
            f"This is not a pair of the authors' format:\n{explain(error)}",
            where=where,
            remedy=_REMEDY,
        ) from error
    except ValueError as error:
        raise DataError(f"{error}.", where=where, remedy=_REMEDY) from error


def _question(prompt: str) -> str:
    marks = _MARKS.match(prompt)
    if marks is None:
        raise ValueError(
            "the prompt does not begin with a line for the video and one for the audio"
        )
    return prompt[marks.end() :].strip()


def _clip(video: str, audio: str) -> str:
    """Return the clip of a picture and a sound file, which have to be of the same clip."""
    if one_form(PurePosixPath(video).stem) != one_form(PurePosixPath(audio).stem):
        raise ValueError(f"video and audio are of different clips: '{video}' and '{audio}'")
    return video


def _altered(losing: Mapping[Modality, str | None]) -> AlteredInput:
    named = {modality: path for modality, path in losing.items() if path is not None}
    if not named:
        return AlteredInput(modalities=CLIP_MODALITIES, alteration=Alteration.NOISE)
    partner = named.get(Modality.VIDEO) or named[Modality.AUDIO]
    if len(named) == len(losing):
        partner = _clip(partner, named[Modality.AUDIO])
    return AlteredInput(modalities=tuple(named), alteration=Alteration.SWAP, partner=partner)

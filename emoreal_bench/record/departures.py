"""In what a run departs from how its task asks: said wherever its scores are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.task import DEFAULT_METRICS
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.text import count_of


class _ShownSubtask(BaseModel):
    # Strict, since what is shown is the definition as it stands, and no copy of it.
    model_config = ConfigDict(strict=True)

    size: int | None = None


class _Shown(BaseModel):
    """The keys of a task's definition that are read where the task itself is not needed."""

    data: dict[str, Any] = {}
    media: MediaWanted = MediaWanted()
    subtasks: dict[str, _ShownSubtask] = {}
    metrics: tuple[str, ...] = ()


_GIVEN = {(): "text", (Modality.VIDEO,): "picture", (Modality.AUDIO,): "sound"}


def departures(manifest: Manifest) -> tuple[str, ...]:
    """Return a few words for each thing taken away, changed or added; empty for an ordinary run."""
    request, wanted = manifest.request, task_media(manifest.task_definition)
    found = []
    given = tuple(part for part in request.media.modalities if part is not Modality.TEXT)
    if given != wanted.modalities:
        found.append(f"{_GIVEN.get(given, 'picture and sound')} only")
    found += _sampled_otherwise(request.media, wanted)
    if request.media.alteration is not Alteration.NONE:
        found.append(f"clips altered: {request.media.alteration}")
    if request.choice_shuffle_seed is not None:
        found.append(f"options under shuffled letters, seed {request.choice_shuffle_seed}")
    if request.shots:
        found.append(f"worked examples: {request.shots}")
    if request.generation.seed:
        found.append(f"seed {request.generation.seed}")
    return tuple(found)


def _sampled_otherwise(asked: MediaWanted, wanted: MediaWanted) -> Iterator[str]:
    if Modality.VIDEO in asked.modalities:
        if asked.frames != wanted.frames:
            yield count_of(asked.frames, "frame")
        if asked.size != wanted.size:
            yield "frames in full size" if asked.size is None else f"frames of {asked.size} pixels"
        if asked.sampling != wanted.sampling:
            yield f"frames from the {asked.sampling}"
    if Modality.AUDIO in asked.modalities and asked.max_seconds != wanted.max_seconds:
        yield f"{asked.max_seconds:g} s of sound"


def check_definition(task_definition: Mapping[str, Any]) -> None:
    """Check what is shown of a task, whatever else a run of another version says of it.

    Raises:
        ValidationError: If a key holds something else than it should.
    """
    _Shown.model_validate(task_definition)


def task_metrics(task_definition: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the metrics that tables of a task show, in their order."""
    return tuple(task_definition.get("metrics", DEFAULT_METRICS))


def task_media(task_definition: Mapping[str, Any]) -> MediaWanted:
    """Return what a task wants of each clip."""
    return MediaWanted.model_validate(task_definition.get("media", {}))

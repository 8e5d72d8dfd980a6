"""In what a run departs from how its task asks: said wherever its scores are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.task import DEFAULT_METRICS
from emoreal_bench.contracts.vocabulary import Alteration, Modality


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
    request = manifest.request
    found = []
    given = tuple(part for part in request.media.modalities if part is not Modality.TEXT)
    if given != task_media(manifest.task_definition).modalities:
        found.append(f"{_GIVEN.get(given, 'picture and sound')} only")
    if request.media.alteration is not Alteration.NONE:
        found.append(f"clips altered: {request.media.alteration}")
    if request.choice_shuffle_seed is not None:
        found.append(f"options under shuffled letters, seed {request.choice_shuffle_seed}")
    if request.shots:
        found.append(f"worked examples: {request.shots}")
    if request.generation.seed:
        found.append(f"seed {request.generation.seed}")
    return tuple(found)


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

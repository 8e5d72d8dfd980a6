"""In what a run departs from how its task asks: said wherever its scores are shown."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.task import DEFAULT_METRICS
from emoreal_bench.contracts.vocabulary import Alteration, AnswerMethod, Modality
from emoreal_bench.identity import hash_json, short
from emoreal_bench.text import count_of

IN_FULL = "in full"
_LONGEST_VALUE = 24
"""Characters of a setting that stand in a list of runs; of a longer one stands its hash."""
_HASH = re.compile("[0-9a-f]{64}")
_Key = TypeVar("_Key", bound=Hashable)


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


def conditions(manifests: Mapping[_Key, Manifest]) -> dict[_Key, str]:
    """Return in words what tells runs of one model on one task apart, for a list of runs.

    That is in what a run departs from its task. Where runs of one model under one variant
    still read alike, the settings in which they differ are added.

    Args:
        manifests: Of the runs, by whatever names them.
    """
    words = {key: _condition(manifest) for key, manifest in manifests.items()}
    alike: defaultdict[tuple[object, ...], list[_Key]] = defaultdict(list)
    for key, manifest in manifests.items():
        model, variant = manifest.model, manifest.request.variant
        alike[model.name, model.label, manifest.task, variant, words[key]].append(key)
    for keys in alike.values():
        settings = [_settings(manifests[key]) for key in keys]
        names = {name: None for one in settings for name in one}
        told = [name for name in names if len({repr(one.get(name)) for one in settings}) > 1]
        for key, one in zip(keys, settings, strict=True):
            extra = [f"{name} {_brief(one.get(name))}" for name in told]
            words[key] = ", ".join([*([words[key]] if words[key] else []), *extra]) or IN_FULL
    return words


def _condition(manifest: Manifest) -> str:
    if manifest.imported is not None:
        return f"imported from {manifest.imported.source}"
    found = list(departures(manifest))
    if manifest.request.answer_method is not AnswerMethod.GENERATE:
        found.append(f"answers by {manifest.request.answer_method}")
    if manifest.limit is not None:
        found.append(f"limited to {count_of(manifest.limit, 'item')}")
    if manifest.judged is not None:
        found.append(f"judges {manifest.judged.model.name}")
    return ", ".join(found)


def _settings(manifest: Manifest) -> dict[str, Any]:
    request, model = manifest.request, manifest.model
    return {
        "task version": manifest.task_version,
        "data": manifest.data.hash,
        **manifest.data.options,
        **request.media.model_dump(mode="json"),
        **request.generation.model_dump(mode="json"),
        "prompt": request.prompt_template,
        "system prompt": request.system,
        "worked examples": request.examples and request.examples.hash,
        "revision": model.revision,
        "weights": model.weights_hash,
        **model.settings,
        "judged run": manifest.judged and manifest.judged.run_id,
        "source": manifest.imported and manifest.imported.source_hash,
    }


def _brief(value: object) -> str:
    text = "none" if value is None else str(value)
    if len(text) <= _LONGEST_VALUE:
        return text
    return short(text if _HASH.fullmatch(text) else hash_json(text))


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

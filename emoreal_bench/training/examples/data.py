"""What a training learns from: pairs or the items of a task, with their clips and identities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.preference import AlteredInput, PreferencePair
from emoreal_bench.contracts.request import AudioPart, Message, Part, TextPart, VideoPart
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.file_names import path_on_disk
from emoreal_bench.identity import clip_hash, data_hash, hash_json
from emoreal_bench.preferences.reading import hash_pairs, read_pairs
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.readers import load_items, matches
from emoreal_bench.running.shots import gold_reply
from emoreal_bench.training.config import DataSettings, PairsData, TaskData, TrainingConfig

_NAMED = 3


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One question with the answer to learn and, of a pair, those to reject.

    Attributes:
        id: Unique within the data.
        clip: Key of the clip.
        messages: The question as it is sent, clip parts included.
        chosen: The answer to prefer, as a whole reply.
        hallucination: A rejected answer whose cue is not in the clip.
        spurious: A rejected answer whose cue says nothing about the emotion.
        altered: The other input of a pair.
        metadata: What else is known.
    """

    id: str
    clip: str
    messages: tuple[Message, ...]
    chosen: str
    hallucination: str | None = None
    spurious: str | None = None
    altered: AlteredInput | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def rejected(self) -> tuple[str, ...]:
        """Return the rejected answers, the hallucinated one first."""
        return tuple(text for text in (self.hallucination, self.spurious) if text is not None)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """All examples of a training.

    Attributes:
        examples: In the order of their source.
        clips: By key, partners of altered inputs included.
        clip_hashes: Of the clips' bytes, by key.
        hash: Over examples and clips.
        source: What they are, in a few words.
        fine_tuned_on: Name of the reader whose data set was trained on; None for pairs.
        held_out: What of it was kept for evaluation.
    """

    examples: Sequence[TrainingExample]
    clips: Mapping[str, Clip]
    clip_hashes: Mapping[str, str]
    hash: str
    source: str
    fine_tuned_on: str | None = None
    held_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def load_training_data(config: TrainingConfig) -> TrainingData:
    """Read the examples that a configuration names, and hash their clips.

    Raises:
        DataError: If the data is not valid, a clip is missing, nothing is left to train
            on, or nothing is held out.
        UsageError: If the task or its variant does not exist.
    """
    settings: DataSettings = config.data
    if isinstance(settings, PairsData):
        return _load_pairs(settings)
    return _load_items(settings, config.media.modalities)


def _load_pairs(settings: PairsData) -> TrainingData:
    pairs = read_pairs(settings.pairs)
    keys = {pair.clip for pair in pairs}
    keys |= {pair.altered.partner for pair in pairs if pair.altered and pair.altered.partner}
    clips = {key: Clip(key, path_on_disk(settings.clips / key)) for key in sorted(keys)}
    hashes = _hash_clips(clips, settings.clips)
    return TrainingData(
        examples=[_example_of_pair(pair) for pair in pairs],
        clips=clips,
        clip_hashes=hashes,
        hash=hash_json({"pairs": hash_pairs(pairs), "clips": hashes}),
        source=f"preference pairs of {settings.pairs.name}",
    )


def _example_of_pair(pair: PreferencePair) -> TrainingExample:
    parts: list[Part] = []
    if Modality.VIDEO in pair.modalities:
        parts.append(VideoPart(pair.clip))
    if Modality.AUDIO in pair.modalities:
        parts.append(AudioPart(pair.clip))
    return TrainingExample(
        id=pair.id,
        clip=pair.clip,
        messages=(Message("user", (*parts, TextPart(pair.question))),),
        chosen=pair.chosen,
        hallucination=pair.hallucination,
        spurious=pair.spurious,
        altered=pair.altered,
        metadata=dict(pair.metadata or {}),
    )


def _load_items(settings: TaskData, modalities: tuple[Modality, ...]) -> TrainingData:
    task_file = find_task(settings.task)
    renderer = PromptRenderer(task_file, settings.variant, modalities)
    dataset = load_items(task_file.task, settings.folder, settings.options)
    items = [item for item in dataset.items if not matches(item, settings.held_out)]
    held_out = [item for item in dataset.items if matches(item, settings.held_out)]
    _check_split(items, held_out, settings)
    clips = {key: dataset.clips[key] for key in sorted({item.clip for item in items})}
    hashes = _hash_clips(clips, settings.folder)
    _refuse_shared_clips(hashes, {item.clip: dataset.clips[item.clip] for item in held_out})
    return TrainingData(
        examples=[
            TrainingExample(
                item.id,
                item.clip,
                renderer.messages(item),
                gold_reply(item),
                metadata=dict(item.metadata or {}),
            )
            for item in items
        ],
        clips=clips,
        clip_hashes=hashes,
        hash=data_hash(items, hashes),
        source=f"items of the task {task_file.task.name}",
        fine_tuned_on=task_file.task.data.reader,
        held_out=settings.held_out,
    )


def _check_split(items: Sequence[Item], held_out: Sequence[Item], settings: TaskData) -> None:
    if items and held_out:
        return
    problem = "No item is held out" if items else "Every item is held out"
    raise DataError(
        f"{problem}, so there is nothing to {'evaluate' if items else 'train'} on.",
        where=str(settings.folder),
        remedy=f"held_out is {settings.held_out}; its keys are 'subtask' and names of metadata.",
    )


def _hash_clips(clips: Mapping[str, Clip], folder: Path) -> dict[str, str]:
    hashes = {key: clip_hash(clip) for key, clip in clips.items()}
    missing = [key for key, value in hashes.items() if value is None]
    if missing:
        named = ", ".join(missing[:_NAMED])
        raise DataError(
            f"{len(missing)} of {len(clips)} clips are not there, for example {named}.",
            where=str(folder),
            remedy="Name the right folder, or take the examples of these clips out of the data.",
        )
    return {key: value for key, value in hashes.items() if value is not None}


def _refuse_shared_clips(trained: Mapping[str, str], held_out: Mapping[str, Clip]) -> None:
    """Refuse a split whose parts share a clip, under one name or two."""
    known = {value: key for key, value in trained.items()}
    for key, clip in held_out.items():
        twin = known.get(clip_hash(clip) or "")
        if twin is not None:
            raise DataError(
                f"The held-out clip {key} is trained on, as {twin}: their files are equal.",
                remedy="Hold out all items of a clip, or none.",
            )


def refuse_evaluated_clips(data: TrainingData, clips: Mapping[str, Clip], task: str) -> None:
    """Refuse to train on a clip that is evaluated on, found by its bytes.

    Args:
        data: What is trained on.
        clips: Of the evaluation.
        task: Its name, for the error.

    Raises:
        DataError: If a clip is in both.
    """
    known = {value: key for key, value in data.clip_hashes.items()}
    shared = [key for key, clip in clips.items() if clip_hash(clip) in known]
    if shared:
        raise DataError(
            f"{len(shared)} clips of the task {task} are trained on, for example {shared[0]}.",
            remedy="Hold them out: a score on what was trained on says nothing.",
        )

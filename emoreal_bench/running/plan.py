"""What a run asks: the items in their order, their clips, and the identities of both."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emoreal_bench.catalog import TaskFile
from emoreal_bench.choices import letters_of
from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Clip, ClipsOnDemand, Item
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.request import GenerationSettings, Message, Request
from emoreal_bench.contracts.run_record import (
    AskedShard,
    DataIdentity,
    JudgedRun,
    RequestIdentity,
)
from emoreal_bench.contracts.task import DEFAULT_VARIANT, Task
from emoreal_bench.contracts.vocabulary import Alteration, AnswerKind, AnswerMethod, Modality
from emoreal_bench.identity import clip_hash, data_hash, request_hash
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.readers import Dataset
from emoreal_bench.running.shots import ExampleSet, choose_examples, set_aside
from emoreal_bench.running.shuffling import shuffle_choices

_MEDIA = (Modality.VIDEO, Modality.AUDIO)
_SEEDED = (Alteration.SWAP, Alteration.NOISE)
_ALTERED: Mapping[Alteration, tuple[Modality, ...]] = {
    Alteration.NONE: (),
    Alteration.MUTE: (Modality.AUDIO,),
    Alteration.BLANK: (Modality.VIDEO,),
    Alteration.SWAP: _MEDIA,
    Alteration.NOISE: _MEDIA,
}
"""What each alteration changes."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a user may change about how a task is asked.

    Attributes:
        variant: Name of the task's variant.
        answer_method: How an answer is taken from the model.
        media: What is wanted of each clip; None for what the task wants.
        modalities: What is given besides the text; None for what ``media`` says.
        alteration: What is done to each clip; None for what ``media`` says.
        alteration_seed: Of the alteration, where that draws lots.
        limit: Ask at most so many items; see :func:`limit_items`.
        choice_shuffle_seed: Deal the options to the letters anew; None leaves them.
        shots: Worked examples in front of a question; None for what the task says.
        shots_seed: Of the draw of their clips, which are not scored.
        repeat: Number of the repeat, from 0; added to the seed of the generation,
            so that each repeat is a request of its own and 0 is the plain one.
    """

    variant: str = DEFAULT_VARIANT
    answer_method: AnswerMethod = AnswerMethod.GENERATE
    media: MediaWanted | None = None
    modalities: tuple[Modality, ...] | None = None
    alteration: Alteration | None = None
    alteration_seed: int = 0
    limit: int | None = None
    choice_shuffle_seed: int | None = None
    shots: int | None = None
    shots_seed: int = 0
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run asks.

    Attributes:
        task: The task.
        renderer: Turns its items into messages.
        items: In the order of the data set, their options under the letters
            that the model sees.
        groups: Clip key to the positions of its questions in ``items``, in the
            order in which the clips first appear: the order of asking. Of a shard
            only its clips.
        clips: The clips of these items.
        clip_hashes: Clip key to the hash of its files; None where it is missing.
        partners: Clip key to the clip that takes its place where the alteration
            is a swap; else empty.
        data: Identity of items and clips, the options as in the data set.
        request: Identity of how they are asked.
        limit: As the user gave it.
        examples: The worked examples, under the letters that the model sees.
        judged: For the run of a judge, the run that it judges.
        shard: The part that is asked; None for all of it.
    """

    task: Task
    renderer: PromptRenderer
    items: Sequence[Item]
    groups: Mapping[str, Sequence[int]]
    clips: Mapping[str, Clip]
    clip_hashes: Mapping[str, str | None]
    partners: Mapping[str, str]
    data: DataIdentity
    request: RequestIdentity
    limit: int | None
    examples: ExampleSet = field(default_factory=ExampleSet)
    judged: JudgedRun | None = None
    shard: AskedShard | None = None

    def messages(self, item: Item) -> tuple[Message, ...]:
        """Return the conversation that asks an item, its worked examples in front."""
        *system, question = self.renderer.messages(item)
        return (*system, *self.examples.messages(item.subtask, self.renderer), question)

    def make_request(self, item: Item, media: ClipMedia | None) -> Request:
        """Turn an item and its decoded clip, if it has one, into a request.

        The clips of worked examples are added by whoever has decoded them.
        """
        subtask = self.task.subtasks[item.subtask]
        return Request(
            id=item.id,
            messages=self.messages(item),
            settings=self.request.generation,
            letters=letters_of(item.choices),
            labels=subtask.labels if subtask.answer is AnswerKind.LABEL else (),
            clips={} if media is None else {item.clip: media},
        )


def make_plan(task_file: TaskFile, dataset: Dataset, root: Path, options: PlanOptions) -> Plan:
    """Plan a run: choose the items, hash the clips, fix how each is asked.

    Args:
        task_file: The task.
        dataset: Its items and clips, the task's filter applied.
        root: The data folder as the user named it; it enters no hash.
        options: What the user changed.

    Raises:
        UsageError: If the variant does not exist, a number is out of range, or
            something is to be altered that is not given.
        TaskError: If the variant's template is not valid.
        DataError: If clips are to be swapped and there are no two different ones,
            or worked examples leave too few.
    """
    task = task_file.task
    wanted = choose_media(task, options)
    renderer = PromptRenderer(task_file, options.variant, wanted.modalities)
    shots = task.shots if options.shots is None else options.shots
    examples = choose_examples(dataset, shots, options.shots_seed)
    items = limit_items(set_aside(dataset, examples), options.limit)
    groups = group_by_clip(items)
    clips = ClipsOnDemand(groups, dataset.clips.__getitem__)
    clip_hashes = {key: clip_hash(clip) for key, clip in clips.items()}
    swapped = wanted.alteration is Alteration.SWAP
    return Plan(
        task=task,
        renderer=renderer,
        items=shuffle_choices(items, options.choice_shuffle_seed),
        groups=groups,
        clips=clips,
        clip_hashes=clip_hashes,
        partners=choose_partners(clip_hashes, wanted.alteration_seed) if swapped else {},
        data=DataIdentity(
            hash=data_hash(items, clip_hashes),
            items=len(items),
            clips=len(clips),
            root=str(root),
            options=dict(dataset.options),
        ),
        request=identify_request(renderer, wanted, options, examples),
        limit=options.limit,
        examples=examples.shuffled(options.choice_shuffle_seed),
    )


def choose_media(task: Task, options: PlanOptions) -> MediaWanted:
    """Return what is wanted of each clip: what the task wants, changed as the user asks.

    Raises:
        UsageError: If something is to be altered that is not given.
    """
    wanted = options.media or task.media
    if options.modalities is not None:
        # Always in one order: the same modalities are the same request.
        given = tuple(modality for modality in _MEDIA if modality in options.modalities)
        wanted = wanted.model_copy(update={"modalities": given})
    if options.alteration is not None:
        # A seed that changes nothing must not make another request of it.
        seed = options.alteration_seed if options.alteration in _SEEDED else 0
        wanted = wanted.model_copy(
            update={"alteration": options.alteration, "alteration_seed": seed}
        )
    altered = _ALTERED[wanted.alteration]
    if altered and not set(altered) & set(wanted.modalities):
        raise UsageError(
            f"The alteration {wanted.alteration} changes {' and '.join(altered)}, "
            "and the model is given none.",
            remedy="Give it with --modalities, or leave --alter out.",
        )
    return wanted


def limit_items(items: Sequence[Item], limit: int | None) -> Sequence[Item]:
    """Keep a few items of every subtask.

    Places are dealt to the subtasks in turn until they are used up or a subtask
    has no more items; each keeps its first items, and the order of the data set
    stays. So a smaller limit is always a part of a larger one.

    Raises:
        UsageError: If the limit is below 1.
    """
    if limit is None or limit >= len(items):
        return items
    if limit < 1:
        raise UsageError(f"The limit must be 1 or more, not {limit}.")
    open_places = Counter(item.subtask for item in items)
    places: Counter[str] = Counter()
    while limit:
        for subtask in [subtask for subtask, left in open_places.items() if left][:limit]:
            places[subtask] += 1
            open_places[subtask] -= 1
            limit -= 1
    kept = []
    for item in items:
        if places[item.subtask]:
            places[item.subtask] -= 1
            kept.append(item)
    return kept


def choose_partners(clip_hashes: Mapping[str, str | None], seed: int) -> dict[str, str]:
    """Choose for each clip another clip to put in its place.

    The clips that are there are shuffled, and each takes the next one in the
    ring whose bytes differ from its own.

    Args:
        clip_hashes: Clip key to the hash of its files; None where it is missing.
        seed: Of the shuffle.

    Raises:
        DataError: If there are no two different clips.
    """
    present = [key for key, value in clip_hashes.items() if value is not None]
    if len({clip_hashes[key] for key in present}) < 2:
        raise DataError(
            "Clips cannot be swapped: there are no two different ones.",
            remedy="Run more items, or check the data with: emoreal-bench data check.",
        )
    ring = [present[position] for position in np.random.default_rng(seed).permutation(len(present))]
    partners = {}
    for place, key in enumerate(ring):
        step = 1
        while clip_hashes[ring[(place + step) % len(ring)]] == clip_hashes[key]:
            step += 1
        partners[key] = ring[(place + step) % len(ring)]
    return partners


def deliverable(wanted: MediaWanted, capabilities: Capabilities) -> MediaWanted | None:
    """Return the part of the wanted media that a model can take; None if there is none.

    What a model cannot take is not decoded; its adapter notes the difference.
    """
    modalities = tuple(
        modality
        for modality in wanted.modalities
        if modality in capabilities.modalities and modality is not Modality.TEXT
    )
    return wanted.model_copy(update={"modalities": modalities}) if modalities else None


def group_by_clip(items: Sequence[Item]) -> dict[str, array[int]]:
    """Return each clip's questions by their positions, the clips in order of appearance."""
    groups: dict[str, array[int]] = {}
    for position, item in enumerate(items):
        group = groups.get(item.clip)
        if group is None:
            groups[item.clip] = array("I", (position,))  # No larger than one question needs.
        else:
            group.append(position)
    return groups


def identify_request(
    renderer: PromptRenderer,
    wanted: MediaWanted,
    options: PlanOptions,
    examples: ExampleSet | None = None,
) -> RequestIdentity:
    """Return the identity of how a task's items are asked."""
    variant = renderer.variant
    generation: GenerationSettings = variant.generation
    if options.repeat:
        seed = generation.seed + options.repeat
        generation = generation.model_copy(update={"seed": seed})
    request = RequestIdentity(
        hash="",
        variant=options.variant,
        answer_method=options.answer_method,
        media=wanted,
        generation=generation,
        prompt_template=renderer.template,
        system=variant.system,
        order=tuple(modality.value for modality in variant.order),
        choice_shuffle_seed=options.choice_shuffle_seed,
        shots=0 if examples is None else examples.shots,
        examples=None if examples is None else examples.identify(options.shots_seed),
    )
    return request.model_copy(update={"hash": request_hash(request)})

"""Worked examples in front of a question, from clips that are never scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.request import Message, TextPart
from emoreal_bench.contracts.run_record import ExampleIdentity, WorkedExample
from emoreal_bench.identity import clip_hash, data_hash
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.readers import Dataset
from emoreal_bench.running.shuffling import shuffle_choices


@dataclass(frozen=True, slots=True)
class ExampleSet:
    """The worked examples of a run.

    Attributes:
        items: By subtask, in the order in which they are shown.
        clips: Of these items.
        clip_hashes: Clip key to the hash of its files.
    """

    items: Mapping[str, Sequence[Item]] = field(default_factory=dict)
    clips: Mapping[str, Clip] = field(default_factory=dict)
    clip_hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def shots(self) -> int:
        """Number of examples of each subtask."""
        return max(map(len, self.items.values()), default=0)

    def messages(self, subtask: str, renderer: PromptRenderer) -> tuple[Message, ...]:
        """Return the turns that show the examples of a subtask: question, answer, question ..."""
        turns: list[Message] = []
        for item in self.items.get(subtask, ()):
            question = renderer.messages(item)[-1]
            turns += (question, Message("assistant", (TextPart(gold_reply(item)),)))
        return tuple(turns)

    def shown(self, renderer: PromptRenderer) -> dict[str, tuple[WorkedExample, ...]]:
        """Return the words of the examples by subtask, as the model is shown them."""
        return {
            subtask: tuple(
                WorkedExample(question=renderer.text(item), answer=gold_reply(item))
                for item in group
            )
            for subtask, group in self.items.items()
        }

    def shuffled(self, seed: int | None) -> ExampleSet:
        """Deal the options of the examples to their letters anew; None leaves them."""
        return replace(
            self, items={name: shuffle_choices(group, seed) for name, group in self.items.items()}
        )

    def identify(self, seed: int) -> ExampleIdentity | None:
        """Return which examples they are; None if there are none."""
        if not self.items:
            return None
        items = [item for examples in self.items.values() for item in examples]
        return ExampleIdentity(
            seed=seed,
            items={name: tuple(item.id for item in group) for name, group in self.items.items()},
            hash=data_hash(items, self.clip_hashes),
        )


def gold_reply(item: Item) -> str:
    """Return the right answer as a model would write it: a letter in brackets, a class, a text."""
    return f"({item.answer})" if item.choices else item.answer


def choose_examples(dataset: Dataset, shots: int, seed: int) -> ExampleSet:
    """Draw the worked examples of every subtask.

    The clips are drawn in one order for all subtasks, so that few are used up;
    each subtask takes its first question from each of the first clips that have
    one and whose files are there.

    Args:
        dataset: All items, before any limit.
        shots: Examples of each subtask; 0 gives an empty set.
        seed: Of the draw.

    Raises:
        UsageError: If ``shots`` is negative.
        DataError: If a subtask has too few clips for it.
    """
    if shots < 0:
        raise UsageError(f"The number of worked examples must be 0 or more, not {shots}.")
    if shots == 0:
        return ExampleSet()
    firsts: dict[str, dict[str, Item]] = {}
    for item in dataset.items:
        firsts.setdefault(item.subtask, {}).setdefault(item.clip, item)
    order = _draw_clips(dataset.items, seed)
    hashes: dict[str, str] = {}

    def is_there(key: str) -> bool:
        if key not in hashes and (found := clip_hash(dataset.clips[key])) is not None:
            hashes[key] = found
        return key in hashes

    items = {
        subtask: tuple(
            # No more than there are: a task file may ask for more than can be counted.
            islice(
                (first[key] for key in order if key in first and is_there(key)),
                min(shots, len(order)),
            )
        )
        for subtask, first in firsts.items()
    }
    for subtask, examples in items.items():
        if len(examples) < shots:
            raise DataError(
                f"{subtask} has {len(examples)} clips whose files are there; {shots} worked "
                "examples need as many.",
                remedy="Ask for fewer with --shots.",
            )
    keys = list(dict.fromkeys(item.clip for examples in items.values() for item in examples))
    return ExampleSet(
        items, {key: dataset.clips[key] for key in keys}, {key: hashes[key] for key in keys}
    )


def set_aside(dataset: Dataset, examples: ExampleSet) -> Sequence[Item]:
    """Return the items that are left to be scored: none asks about a clip of an example.

    A data set may hold a clip under two names; its copies are set aside as well.

    Raises:
        DataError: If a subtask has none left.
    """
    if not examples.items:
        return dataset.items
    shown = set(examples.clip_hashes.values())
    copies = {key for key, clip in dataset.clips.items() if clip_hash(clip) in shown}
    left = [item for item in dataset.items if item.clip not in copies]
    empty = examples.items.keys() - {item.subtask for item in left}
    if empty:
        raise DataError(
            f"The worked examples use up all clips of {', '.join(sorted(empty))}.",
            remedy="Ask for fewer with --shots.",
        )
    return left


def _draw_clips(items: Sequence[Item], seed: int) -> list[str]:
    keys = list(dict.fromkeys(item.clip for item in items))
    return [keys[position] for position in np.random.default_rng(seed).permutation(len(keys))]

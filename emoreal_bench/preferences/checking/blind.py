"""Asks questions of pairs without the clip: what can be answered then teaches nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.contracts.request import GenerationSettings
from emoreal_bench.contracts.run_record import ITEMS_FILE
from emoreal_bench.contracts.task import Subtask
from emoreal_bench.contracts.vocabulary import AnswerKind, DeliveryStatus, Scoring
from emoreal_bench.preferences.building.asking import Stage, plan_stage
from emoreal_bench.preferences.checking.measuring import letter_of, split_options
from emoreal_bench.preferences.report import BlindGuessing
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.log import read_final_records
from emoreal_bench.record.manifest import load_manifest, read_task
from emoreal_bench.running.plan import Plan
from emoreal_bench.scoring.clip_intervals import share_interval
from emoreal_bench.scoring.reading.readings import read_reply
from emoreal_bench.statistics.intervals import counts_by_cluster

_LETTERS = "ABCDEFGH"
_TURN = "#"


def blind_stage() -> Stage:
    """Return the stage: options by letter, and no clip."""
    return Stage(
        name="blind",
        description="The questions of pairs, asked without picture and sound.",
        prompt="blind.j2",
        generation=GenerationSettings(max_new_tokens=32, temperature=0.0),
        subtasks={
            f"options_{number}": Subtask(answer=AnswerKind.CHOICE, chance=1 / number)
            for number in range(2, len(_LETTERS) + 1)
        },
    )


def plan_blind(pairs: Sequence[PreferencePair], root: Path, turns: int = 1) -> Plan:
    """Plan to ask the questions of pairs without their clips.

    Args:
        pairs: What to ask about; a pair whose answers cannot be put to choice is left out.
        root: Where the pairs come from.
        turns: How often each is asked; every time the options move on by a letter.
    """
    items = [
        item
        for position, pair in enumerate(pairs)
        for turn in range(turns)
        if (item := _blind_item(pair, position, turn)) is not None
    ]
    return plan_stage(blind_stage(), items, {}, root)


def read_blind(folder: Path) -> Mapping[str, tuple[bool, ...]]:
    """Return for each pair, by its id, in which turns the chosen answer was found."""
    manifest = load_manifest(folder)
    task = read_task(manifest, folder)
    logged = {record["id"]: record for record in read_final_records(folder / ITEMS_FILE)}
    found: defaultdict[str, list[bool]] = defaultdict(list)
    for item in load_plan_items(folder, manifest):
        status, text = DeliveryStatus.MISSING, ""
        if item.id in logged:
            status, text = DeliveryStatus(logged[item.id]["status"]), logged[item.id]["text"]
        reading = read_reply(Scoring.STRICT, item, task.subtasks[item.subtask], status, text)
        found[item.id.rpartition(_TURN)[0]].append(reading.correct)
    return {pair: tuple(turns) for pair, turns in found.items()}


def measure_blind(pairs: Sequence[PreferencePair], folder: Path) -> BlindGuessing | None:
    """Measure how often a model found the chosen answers without the clips.

    Args:
        pairs: What was asked about.
        folder: The run; each pair is asked once.

    Returns:
        None if no pair could be put to choice.
    """
    found = read_blind(folder)
    asked = [pair for pair in pairs if pair.id in found]
    if not asked:
        return None
    manifest = load_manifest(folder)
    numbers = {clip: number for number, clip in enumerate(dict.fromkeys(p.clip for p in asked))}
    # Each pair counts for feature 0, and for feature 1 too if its answer was found.
    counted = [(numbers[p.clip], 0) for p in asked]
    counted += [(numbers[p.clip], 1) for p in asked if all(found[p.id])]
    clusters, features = np.array(counted).T
    counts = counts_by_cluster(clusters.astype(np.int32), features, 2)
    items = load_plan_items(folder, manifest)
    chances = [1 / len(item.choices) for item in items]
    return BlindGuessing(
        model=manifest.model.name,
        asked=len(asked),
        not_asked=len(pairs) - len(asked),
        accuracy=sum(all(found[pair.id]) for pair in asked) / len(asked),
        interval=share_interval(counts),
        chance=sum(chances) / len(chances),
    )


def _blind_item(pair: PreferencePair, position: int, turn: int) -> Item | None:
    question, options = split_options(pair.question)
    letter = letter_of(pair.chosen)
    if letter is None:
        question, texts = pair.question, [pair.chosen, *pair.rejected]
    elif letter in options:
        texts = [options.pop(letter), *options.values()]
    else:
        return None
    if not 2 <= len(texts) <= len(_LETTERS):
        return None
    # The chosen answer stands first; turning deals it to the letters in turn.
    place = (position + turn) % len(texts)
    turned = texts[len(texts) - place :] + texts[: len(texts) - place]
    return Item(
        id=f"{pair.id}{_TURN}{turn + 1}",
        subtask=f"options_{len(texts)}",
        question=question,
        choices=tuple(f"({letter}) {text}" for letter, text in zip(_LETTERS, turned, strict=False)),
        answer=_LETTERS[place],
        clip=pair.clip,
    )

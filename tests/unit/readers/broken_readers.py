"""A reader of another package that returns what it is asked to, right or wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.readers import Dataset

TASK = """
schema: 1
name: toy
version: "1"
title: Toy
description: Questions of each kind.
data: {reader: toy}
subtasks:
  choose: {answer: choice, chance: 0.5}
  agree: {answer: yes_no, chance: 0.5}
  name: {answer: label, labels: [joy, fear], chance: 0.5}
  tell: {answer: open, chance: 0}
variants: {answer-format: {description: Plain., prompt: ask.j2}}
"""
PROMPT = "{{ question }} {{ options }} {{ letters }} {{ labels }}"


def write_task(folder: Path) -> Path:
    (folder / "ask.j2").write_text(PROMPT, encoding="utf-8")
    path = folder / "toy.yaml"
    path.write_text(TASK, encoding="utf-8")
    return path


def whole(root: Path) -> Dataset:
    """Ask one question of each kind."""
    items = [
        Item("q1", "choose", "Which?", ("(A) a frown", "(B) a smile"), "A", "1.mp4", {"cue": "x"}),
        Item("q2", "agree", "Is it?", ("(A) Yes", "(B) No"), "B", "1.mp4"),
        Item("q3", "name", "Which feeling?", (), "joy", "2.mp4"),
        Item("q4", "tell", "What happens?", (), "She smiles.", "2.mp4"),
    ]
    clips = {key: Clip(key, root / key) for key in ("1.mp4", "2.mp4")}
    return Dataset(items, clips, (root / "toy.csv",))


Make = Callable[[Path], object]


def _item(place: int, **change: Any) -> Make:
    def make(root: Path) -> Dataset:
        dataset = whole(root)
        items = list(dataset.items)
        items[place] = replace(items[place], **change)
        return replace(dataset, items=items)

    return make


def _dataset(change: Callable[[Dataset], Mapping[str, Any]]) -> Make:
    def make(root: Path) -> Dataset:
        dataset = whole(root)
        return replace(dataset, **change(dataset))

    return make


def _clip(clip: Any) -> Make:
    return _dataset(lambda dataset: {"clips": {**dataset.clips, "1.mp4": clip}})


BROKEN: dict[str, tuple[Make, tuple[str, ...]]] = {
    "an unknown subtask": (
        _item(0, subtask="nosuch"),
        ("item q1: its subtask is 'nosuch'", "choose, agree, name, tell"),
    ),
    "options without letters": (_item(0, choices=("Yes", "No")), ("item q1", "such as (A)")),
    "a letter twice": (
        _item(0, choices=("(A) a", "(A) b")),
        ("item q1", "two of its choices have the letter A"),
    ),
    "a letter left out": (_item(0, choices=("(A) a", "(C) b")), ("item q1", "A, C")),
    "one option": (_item(0, choices=("(A) a",)), ("item q1", "two or more")),
    "no option": (_item(1, choices=()), ("item q2", "two or more")),
    "a choice that is no option": (_item(0, answer="C"), ("item q1", "'C'", "choices are A, B")),
    "a small letter": (_item(0, answer="a"), ("item q1", "answer is 'a'")),
    "a yes in place of its letter": (_item(1, answer="yes"), ("item q2", "answer is 'yes'")),
    "options that say neither yes nor no": (
        _item(1, choices=("(A) True", "(B) No")),
        ("item q2", "'(A) True' says neither yes nor no"),
    ),
    "two options that say yes": (
        _item(1, choices=("(A) Yes", "(B) Yes, much")),
        ("item q2", "not one yes and one no"),
    ),
    "a class that is no label": (_item(2, answer="rage"), ("item q3", "'rage'", "joy, fear")),
    "options of a label question": (_item(2, choices=("(A) joy", "(B) fear")), ("item q3",)),
    "no reference text": (_item(3, answer=" "), ("item q4", "answer is empty")),
    "an id twice": (_item(1, id="q1"), ("item q1", "id appears twice")),
    "an empty id": (_item(1, id=""), ("item number 2", "id is empty")),
    "an empty question": (_item(1, question=" \n"), ("item q2", "question is empty")),
    "a number as a question": (_item(1, question=7), ("item q2", "question is not a text", "7")),
    "half a character": (
        _item(1, question="\ud800?"),
        ("item q2", "not a text of whole characters"),
    ),
    "a list of options": (_item(1, choices=["(A) Yes", "(B) No"]), ("item q2", "tuple")),
    "metadata that are texts": (_item(0, metadata="x"), ("item q1", "not a mapping")),
    "a number as metadata": (_item(0, metadata={"cue": 1}), ("item q1", "metadata 'cue'", "1")),
    "an item that is none": (
        _dataset(lambda dataset: {"items": [{"id": "q1"}]}),
        ("item number 1", "dict", "not an Item"),
    ),
    "a clip that is not listed": (
        _dataset(lambda dataset: {"clips": {"1.mp4": dataset.clips["1.mp4"]}}),
        ("item q3", "'2.mp4' is not among the clips"),
    ),
    "a clip of another key": (_clip(Clip("3.mp4", Path("3.mp4"))), ("item q1", "'1.mp4'")),
    "a path in place of a clip": (_clip(Path("1.mp4")), ("item q1", "not a Clip")),
    "a text in place of a path": (_clip(Clip("1.mp4", "x")), ("item q1", "not a path")),  # type: ignore[arg-type]
    "a path that no file can have": (
        _clip(Clip("1.mp4", Path("a\0b"))),
        ("item q1", "not a path"),
    ),
    "a clip elsewhere": (
        _clip(Clip("1.mp4", Path("/etc/hostname"))),
        ("item q1", "leaves the data folder: /etc/hostname"),
    ),
    "no items": (_dataset(lambda dataset: {"items": []}), ("found no items",)),
    "a generator of items": (
        _dataset(lambda dataset: {"items": iter(dataset.items)}),
        ("The items", "are no sequence"),
    ),
    "a text as notes": (_dataset(lambda dataset: {"notes": "odd"}), ("The notes", "str")),
    "a text as a source": (_dataset(lambda dataset: {"sources": ["x"]}), ("The sources", "Path")),
    "a list in place of a data set": (lambda root: list(whole(root).items), ("returned list",)),
    "nothing": (lambda root: None, ("returned NoneType",)),
}


def read(task: Task, root: Path, options: Mapping[str, str]) -> object:
    """Return the data set that the option ``broken`` names, the whole one without it."""
    if options.get("broken") == "a crash":
        return options["answer"]
    if "broken" in options:
        return BROKEN[options["broken"]][0](root)
    return whole(root)

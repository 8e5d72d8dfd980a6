"""Pairs from a model's own answers, sorted by categories, by known cues, by a judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import NotComparableError, RunError, UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.preferences.building.sorting import (
    AnswerSort,
    CategorySorter,
    KnownCueSorter,
    Sample,
    samples_of,
)
from emoreal_bench.preferences.reading import read_pairs
from emoreal_bench.synth import SynthSettings, make_items, make_scenes
from emoreal_bench.synth.questions import Side, sides_of
from emoreal_bench.synth.settings import SpeechEngine, Split
from tests.small_emorealm import gold_answers, make_data
from tests.unit.preferences.scripted_models import write_script

TASK = find_task("emorealm-synth").task
SETTINGS = SynthSettings(items=100, seed=4, split=Split.TRAIN, speech=SpeechEngine.WORDLESS)
SIDES = {
    (scene.clip, side.modality): side for scene in make_scenes(SETTINGS) for side in sides_of(scene)
}
ITEMS = make_items(SETTINGS)


def sort_by_cues(item: Item, text: str) -> AnswerSort:
    sample = Sample("s", item, TASK.subtasks[item.subtask], text)
    return KnownCueSorter(SETTINGS).sort([sample])["s"]


def basic_items() -> list[tuple[Item, Side]]:
    items = [item for item in ITEMS if item.subtask.startswith("reasoning_basic")]
    modalities = [TASK.subtasks[item.subtask].modality for item in items]
    return [
        (item, SIDES[item.clip, modality])
        for item, modality in zip(items, modalities, strict=True)
        if modality is not None
    ]


def test_words_are_sorted_by_the_cues_that_they_name() -> None:
    for item, side in basic_items()[:20]:
        assert sort_by_cues(item, f"I see {side.person.cue}.") is AnswerSort.RIGHT
        assert sort_by_cues(item, f"The {side.present[0]}!") is AnswerSort.SPURIOUS
        expected = (
            AnswerSort.SPURIOUS
            if side.elsewhere.cue == side.other_cue
            else AnswerSort.HALLUCINATION
        )
        assert sort_by_cues(item, f"{side.other_cue}".upper()) is expected
        assert sort_by_cues(item, "Nothing at all.") is AnswerSort.OTHER


def test_a_cue_of_another_emotion_that_is_not_there_is_wrong_in_another_way() -> None:
    for item, side in basic_items()[:20]:
        decoy = next(cue for cue in side.cues[side.decoy] if cue != side.elsewhere.cue)
        assert sort_by_cues(item, f"It is {decoy}.") is AnswerSort.OTHER


def test_an_answer_that_adds_an_absent_cue_to_the_right_one_is_not_right() -> None:
    item, side = next(
        (item, side) for item, side in basic_items() if side.elsewhere.cue != side.other_cue
    )
    both = f"{side.person.cue} and {side.other_cue}"
    assert sort_by_cues(item, both) is AnswerSort.HALLUCINATION


def test_a_letter_is_sorted_by_its_option() -> None:
    item, side = next(
        (item, side)
        for item, side in basic_items()
        if side.elsewhere.cue != side.other_cue
        and any(str(side.other_cue) in choice for choice in item.choices)
    )
    letter = next(choice[1] for choice in item.choices if str(side.other_cue) in choice)
    assert sort_by_cues(item, f"({letter})") is AnswerSort.HALLUCINATION


@pytest.mark.parametrize(
    ("category", "says", "sort"),
    [
        ("hallucination", "Yes", AnswerSort.HALLUCINATION),
        ("spurious", "Yes", AnswerSort.SPURIOUS),
        ("no_hallucination", "No", AnswerSort.HALLUCINATION),
        ("no_hallucination", "Yes", AnswerSort.RIGHT),
        ("spurious", "No", AnswerSort.RIGHT),
    ],
)
def test_a_yes_or_no_is_sorted_by_the_category(category: str, says: str, sort: AnswerSort) -> None:
    item = Item(
        "i",
        "reasoning_stress_video",
        "Is it there?",
        ("(A) Yes", "(B) No"),
        "A" if category == "no_hallucination" else "B",
        "clip",
        {"category": category},
    )
    (sample,) = samples_of(TASK, [item], [{"i": says}])
    assert CategorySorter().sort([sample]) == {sample.id: sort}


def make_runs(root: Path, *replies: Mapping[str, Any]) -> list[Path]:
    data = root / "data"
    if not data.exists():
        make_data(data, items=10, per_clip=5, real=True)
    folders = []
    for number, given in enumerate(replies):
        model = write_script(root / f"model-{number}.json", given)
        options = api.RunOptions(out=root / f"run-{number}")
        api.evaluate(model, "emorealm", data, options)
        folders.append(root / f"run-{number}")
    return folders


def choice_items(root: Path) -> list[dict[str, Any]]:
    records = json.loads((root / "data" / "emorealm_v1.json").read_text(encoding="utf-8"))
    return [record for record in records if "basic" in record["task"]]


def test_a_judge_sorts_what_is_not_known(tmp_path: Path) -> None:
    make_data(tmp_path / "data", items=10, per_clip=5, real=True)
    gold = gold_answers(tmp_path / "data")
    wrong = dict.fromkeys(gold, "It shows by a raised eyebrow.")
    first, second = make_runs(tmp_path, gold, wrong)
    asked = choice_items(tmp_path)
    verdict = {f"{record['id']}#2": '{"kind": "hallucination"}' for record in asked}
    judge = write_script(tmp_path / "judge.json", verdict)
    options = api.RunOptions(runs=tmp_path / "runs", policy=api.RunPolicy(attempts=1))
    built = api.build_sampled_pairs(
        tmp_path / "pairs.jsonl",
        [first, second],
        api.SortingOptions(judge=judge),
        options=options,
    )
    assert {pair.id for pair in built.pairs} == {record["id"] for record in asked}
    assert built.sorts[AnswerSort.RIGHT] == 10
    assert built.sorts[AnswerSort.HALLUCINATION] == len(asked)
    assert read_pairs(tmp_path / "pairs.jsonl") == built.pairs
    pair = built.pairs[0]
    assert (tmp_path / "data" / pair.clip).is_file()
    assert pair.question.endswith("in brackets, and nothing else.")
    assert pair.hallucination == "It shows by a raised eyebrow."
    assert pair.modality in (Modality.VIDEO, Modality.AUDIO)


def test_answers_that_are_all_right_make_no_pair(tmp_path: Path) -> None:
    make_data(tmp_path / "data", items=10, per_clip=5, real=True)
    gold = gold_answers(tmp_path / "data")
    runs = make_runs(tmp_path, gold, {**gold, "unasked": "x"})
    with pytest.raises(RunError, match="right answer and one"):
        api.build_sampled_pairs(tmp_path / "pairs.jsonl", runs)
    assert not (tmp_path / "pairs.jsonl").exists()


def test_runs_of_other_questions_are_refused(tmp_path: Path) -> None:
    (first,) = make_runs(tmp_path, {})
    model = write_script(tmp_path / "model.json", {})
    limited = api.RunOptions(out=tmp_path / "limited", plan=api.PlanOptions(limit=5))
    api.evaluate(model, "emorealm", tmp_path / "data", limited)
    with pytest.raises(NotComparableError, match="do not ask the same"):
        api.build_sampled_pairs(tmp_path / "pairs.jsonl", [first, tmp_path / "limited"])


def test_one_run_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two runs"):
        api.build_sampled_pairs(tmp_path / "pairs.jsonl", make_runs(tmp_path, {}))


def test_samples_differ_in_their_seed_alone_and_are_kept(tmp_path: Path) -> None:
    make_data(tmp_path / "data", items=5, per_clip=5, real=True)
    model = write_script(tmp_path / "model.json", gold_answers(tmp_path / "data"))
    options = api.RunOptions(runs=tmp_path / "runs")

    def sample() -> list[Path]:
        return api.sample_answers(
            model, "emorealm", tmp_path / "data", samples=3, temperature=0.7, options=options
        )

    folders = sample()
    requests = [api.load_run(folder).manifest.request for folder in folders]
    assert [request.generation.seed for request in requests] == [0, 1, 2]
    assert {request.generation.temperature for request in requests} == {0.7}
    assert sample() == folders


def test_a_greedy_model_is_not_sampled(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="temperature"):
        api.sample_answers("tiny/omni", "emorealm", tmp_path, temperature=0.0)

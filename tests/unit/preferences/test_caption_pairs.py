"""Pairs from captions: four stages, kept, continued, within a budget, and filtered."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.errors import DataError, RunError, UsageError
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.preferences.building.captions import CaptionedPairs, read_questions
from emoreal_bench.preferences.reading import read_pairs
from emoreal_bench.running.budget import BudgetSpentError
from tests.media_files import Picture, Sound, make_clip
from tests.unit.preferences.scripted_models import smile_question, write_script, written

CLIPS = ("a/one.mp4", "b/two.mp4", "three.mp4")
CAPTIONS = dict.fromkeys(CLIPS, "The person smiles before a red curtain.")
QUESTIONS: dict[str, Any] = {
    "a/one.mp4": written(smile_question()),
    "b/two.mp4": written(
        smile_question(emotion="sadness", modality="audio"),
        smile_question(emotion="sadness", question="And what else?"),
    ),
    "three.mp4": "I would rather not.",
}
NO_LUCK = {
    f"{clip}#{number}#{turn}": "(A)" for clip in CLIPS for number in (1, 2) for turn in (1, 2, 3)
}

LUCK = {f"a/one.mp4#1#{turn}": f"({letter})" for turn, letter in ((1, "A"), (2, "B"), (3, "C"))}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    for number, name in enumerate(CLIPS, start=1):
        (root / name).parent.mkdir(exist_ok=True)
        make_clip(root / name, Picture(frames=10 * number), Sound(seconds=0.4 * number))
    return root


def build(tmp_path: Path, clips: Path, writer: dict[str, Any], **options: Any) -> CaptionedPairs:
    describer = write_script(clips.parent / "describer.json", CAPTIONS, media=True)
    return api.build_caption_pairs(
        tmp_path / "pairs.jsonl",
        describer,
        api.CaptionedSource(
            clips,
            labels=options.pop("labels", None),
            limit=options.pop("limit", None),
            writer=write_script(tmp_path / "writer.json", writer),
            writer_arguments={"record": str(tmp_path / "asked")},
        ),
        options=api.RunOptions(
            runs=options.pop("runs", clips.parent / "kept-runs"),
            policy=api.RunPolicy(attempts=1, backoff_seconds=0.0, decode_workers=1, **options),
        ),
    )


def asked(tmp_path: Path) -> list[str]:
    return (tmp_path / "asked").read_text(encoding="utf-8").splitlines()


def test_captions_become_pairs_with_matched_partners(tmp_path: Path, clips: Path) -> None:
    built = build(tmp_path, clips, QUESTIONS | NO_LUCK)
    assert (built.clips, built.captioned, built.unreadable) == (3, 3, 1)
    assert (built.written, built.blind) == (3, 0)
    first, second, third = built.pairs
    assert read_pairs(tmp_path / "pairs.jsonl") == built.pairs
    assert (first.clip, first.modality) == ("a/one.mp4", Modality.VIDEO)
    assert first.rejected == ("By raised arms.", "By the red curtain.")
    assert first.metadata is not None
    assert first.metadata["emotion"] == "happiness"
    assert first.altered is not None
    assert first.altered.partner == "b/two.mp4"
    assert third.altered is not None
    assert third.altered.partner == "a/one.mp4"
    assert second.altered is not None
    assert second.altered.alteration is Alteration.SWAP
    assert second.altered.modalities == (Modality.AUDIO,)


def test_what_is_answered_in_every_turn_without_the_clip_is_dropped(
    tmp_path: Path, clips: Path
) -> None:
    built = build(tmp_path, clips, QUESTIONS | NO_LUCK | LUCK)
    assert built.blind == 1
    assert {pair.clip for pair in built.pairs} == {"b/two.mp4"}


def test_a_writer_that_writes_no_question_is_named_with_its_words_and_a_way_to_ask_anew(
    tmp_path: Path, clips: Path
) -> None:
    runs = tmp_path / "runs"
    with pytest.raises(RunError, match=r"None of 3 .*begins: 'I would rather") as raised:
        build(tmp_path, clips, dict.fromkeys(CLIPS, "I would rather not."), runs=runs)
    assert not (tmp_path / "pairs.jsonl").exists()
    assert raised.value.where is not None
    shutil.rmtree(raised.value.where)
    assert len(build(tmp_path, clips, QUESTIONS | NO_LUCK, runs=runs).pairs) == 3


def test_questions_that_nobody_needs_the_clip_for_are_no_result(
    tmp_path: Path, clips: Path
) -> None:
    with pytest.raises(RunError, match="without the clip: 1 of 1, so no pair is left"):
        build(tmp_path, clips, QUESTIONS | LUCK, limit=1)


def test_the_same_call_asks_nothing_twice(tmp_path: Path, clips: Path) -> None:
    runs = tmp_path / "runs"
    first = build(tmp_path, clips, QUESTIONS | NO_LUCK, runs=runs)
    before = asked(tmp_path)
    assert build(tmp_path, clips, QUESTIONS | NO_LUCK, runs=runs) == first
    assert asked(tmp_path) == before


def test_a_spent_budget_stops_and_the_same_call_goes_on(tmp_path: Path, clips: Path) -> None:
    runs = tmp_path / "runs"
    with pytest.raises(BudgetSpentError):
        # Three captions of pictures, three of sounds, and no more than two questions.
        build(tmp_path, clips, QUESTIONS | NO_LUCK, runs=runs, budget=api.Budget(requests=8))
    assert not (tmp_path / "pairs.jsonl").exists()
    assert build(tmp_path, clips, QUESTIONS | NO_LUCK, runs=runs).written == 3


def test_a_failed_request_stops_before_the_next_stage(tmp_path: Path, clips: Path) -> None:
    failing = {**QUESTIONS, "three.mp4": {"status": "failed"}}
    with pytest.raises(RunError, match="1 of 3 requests failed"):
        build(tmp_path, clips, failing | NO_LUCK)
    assert set(asked(tmp_path)) == set(CLIPS)


def test_labels_go_before_what_the_writer_says(tmp_path: Path, clips: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("clip,emotion\na/one.mp4,pride\n", encoding="utf-8")
    built = build(tmp_path, clips, QUESTIONS | NO_LUCK, labels=labels)
    assert [(pair.metadata or {})["emotion"] for pair in built.pairs] == [
        "pride",
        "sadness",
        "sadness",
    ]


def test_a_label_of_no_clip_is_refused(tmp_path: Path, clips: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("clip,emotion\nfour.mp4,pride\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"four\.mp4"):
        build(tmp_path, clips, QUESTIONS, labels=labels)


def test_a_folder_without_clips_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no clips"):
        build(tmp_path, tmp_path / "empty", QUESTIONS)


def test_a_model_that_takes_no_clips_describes_none(tmp_path: Path, clips: Path) -> None:
    with pytest.raises(UsageError, match="takes no video and no audio"):
        api.build_caption_pairs(
            tmp_path / "pairs.jsonl",
            write_script(tmp_path / "blind.json", CAPTIONS),
            api.CaptionedSource(clips),
        )


def test_a_clip_whose_sound_did_not_reach_the_model_gives_no_pair(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    for name in ("silent.mp4", "whole.mp4"):
        make_clip(tmp_path / "clips" / name, sound=None if name == "silent.mp4" else Sound())
    model = write_script(
        tmp_path / "model.json", {"whole.mp4": "A smile.", "silent.mp4": "A smile."}, media=True
    )
    turns = {f"whole.mp4#1#{turn}": "(A)" for turn in (1, 2, 3)}
    writer = write_script(
        tmp_path / "writer.json", {"whole.mp4": written(smile_question()), **turns}
    )
    source = api.CaptionedSource(tmp_path / "clips", writer=writer)
    options = api.RunOptions(runs=tmp_path / "runs")
    built = api.build_caption_pairs(tmp_path / "pairs.jsonl", model, source, options=options)
    assert (built.clips, built.captioned) == (2, 1)


@pytest.mark.parametrize(
    "reply",
    [
        "I would rather not.",
        "{}",
        '{"questions": []}',
        "3",
        written(smile_question(modality="text")),
        written(smile_question(chosen=" by RAISED arms.")),
        written(smile_question(spurious=" ")),
        written({**smile_question(), "score": "5"}),
        written(smile_question())[:-2],
    ],
)
def test_a_reply_that_is_not_as_it_has_to_be_gives_no_question(reply: str) -> None:
    assert read_questions(reply) == ()


def test_a_fence_and_hidden_reasoning_around_the_object_are_set_aside() -> None:
    reply = f"<think>hm</think>\n```json\n{written(smile_question())}\n```"
    assert [question.cue for question in read_questions(reply)] == ["smile"]

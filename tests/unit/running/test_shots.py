"""Worked examples: from clips that are not scored, decoded once, named in the identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import Message, TextPart, VideoPart
from emoreal_bench.contracts.task import DEFAULT_VARIANT
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.readers import Dataset
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.running import runner
from emoreal_bench.running.plan import PlanOptions
from emoreal_bench.running.runner import run_task
from emoreal_bench.running.shots import choose_examples, gold_reply, set_aside
from tests.unit.running.fakes import MEDIA, FakeDecoder, FakeModel, make_dataset, plan_of

SEEING = Capabilities(modalities=MEDIA, batch_size=2)
ONE = PlanOptions(shots=1)
ITEMS = 24


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> FakeDecoder:
    """Replace the pool of worker processes."""
    fake = FakeDecoder()
    monkeypatch.setattr(runner, "make_decoder", lambda policy: fake)
    return fake


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write ten clips of different bytes."""
    folder = tmp_path_factory.mktemp("clips")
    for key in map(str, range(10)):
        (folder / key).write_bytes(key.encode())
    return folder


def dataset_of(clips: Path, places: Sequence[tuple[str, int]]) -> Dataset:
    """Make items, each of a subtask and about a clip of a number."""
    items = [
        Item(str(number), subtask, "?", ("(A) Yes", "(B) No"), "A", str(clip))
        for number, (subtask, clip) in enumerate(places)
    ]
    return Dataset(items, {key: Clip(key, clips / key) for key in map(str, range(10))}, ())


@given(
    places=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9)), min_size=1, max_size=40),
    shots=st.integers(1, 3),
    seed=st.integers(0, 3),
)
def test_no_scored_item_asks_about_a_clip_of_an_example(
    clips: Path, places: list[tuple[str, int]], shots: int, seed: int
) -> None:
    dataset = dataset_of(clips, places)
    try:
        examples = choose_examples(dataset, shots, seed)
        left = set_aside(dataset, examples)
    except DataError:
        return
    shown = {item.clip for group in examples.items.values() for item in group}
    assert shown == examples.clips.keys()
    assert not shown & {item.clip for item in left}
    assert len(left) == sum(item.clip not in shown for item in dataset.items)
    for subtask, group in examples.items.items():
        assert {item.subtask for item in group} == {subtask}
        assert len({item.clip for item in group}) == len(group) == shots


def test_a_copy_of_an_example_under_another_name_is_not_scored(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, ITEMS)
    examples = choose_examples(dataset, 1, seed=0)
    (shown, *_) = examples.clips
    copy = next(key for key in dataset.clips if key not in examples.clips)
    (tmp_path / f"{copy}.mp4").write_bytes((tmp_path / f"{shown}.mp4").read_bytes())
    assert copy not in {item.clip for item in set_aside(dataset, examples)}


def test_subtasks_that_share_clips_use_up_few(clips: Path) -> None:
    places = [(subtask, clip) for clip in range(10) for subtask in "ab"]
    examples = choose_examples(dataset_of(clips, places), 2, seed=0)
    assert len(examples.clips) == 2


def test_another_seed_draws_other_clips(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, ITEMS, per_clip=1)
    drawn = [tuple(choose_examples(dataset, 1, seed).clips) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_missing_clip_is_never_an_example(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, ITEMS, per_clip=3, missing=range(1, 8))
    examples = choose_examples(dataset, 1, seed=0)
    assert list(examples.clips) == ["clip-0"]


def test_more_examples_than_can_be_counted_are_too_many(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="worked examples need as many"):
        choose_examples(make_dataset(tmp_path), 2**64, seed=0)


@pytest.mark.parametrize("missing", [range(8), range(1, 8)])
def test_too_few_clips_for_the_examples_are_told_by_subtask(tmp_path: Path, missing: range) -> None:
    dataset = make_dataset(tmp_path, ITEMS, per_clip=3, missing=missing)
    with pytest.raises(DataError, match="modality_agreement has"):
        choose_examples(dataset, 2, seed=0)


def test_examples_that_leave_nothing_to_score_are_refused(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, items=3, per_clip=3)
    with pytest.raises(DataError, match="use up all clips"):
        set_aside(dataset, choose_examples(dataset, 1, seed=0))


def test_a_negative_number_of_examples_is_a_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0 or more"):
        choose_examples(make_dataset(tmp_path), -1, seed=0)


def test_an_example_is_a_question_about_its_own_clip_and_the_right_answer(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, ITEMS, options=ONE)
    item = plan.items[0]
    (example,) = plan.examples.items[item.subtask]
    question, reply, asked = plan.make_request(item, None).messages
    assert question == plan.renderer.messages(example)[0]
    assert VideoPart(example.clip) in question.parts
    assert reply == Message("assistant", (TextPart(f"({example.answer})"),))
    assert asked == plan.renderer.messages(item)[0]


def test_the_system_message_stands_once_and_first(tmp_path: Path) -> None:
    task_file = find_task("emorealm")
    variants = {
        name: variant.model_copy(update={"system": "Be brief."})
        for name, variant in task_file.task.variants.items()
    }
    polite = replace(task_file, task=task_file.task.model_copy(update={"variants": variants}))
    renderer = PromptRenderer(polite, DEFAULT_VARIANT, (Modality.VIDEO, Modality.AUDIO))
    plan = replace(plan_of(tmp_path, ITEMS, options=ONE), renderer=renderer)
    roles = [message.role for message in plan.messages(plan.items[0])]
    assert roles == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize(
    ("choices", "answer", "reply"),
    [(("(A) Yes", "(B) No"), "B", "(B)"), ((), "happiness", "happiness")],
)
def test_the_right_answer_is_written_as_it_is_asked_for(
    choices: tuple[str, ...], answer: str, reply: str
) -> None:
    assert gold_reply(Item("i", "s", "?", choices, answer, "c")) == reply


def test_examples_follow_the_letters_that_the_model_sees(tmp_path: Path) -> None:
    plain = plan_of(tmp_path, ITEMS, options=ONE)
    dealt = [
        plan_of(tmp_path, ITEMS, options=replace(ONE, choice_shuffle_seed=seed))
        for seed in range(4)
    ]
    answers = {plan.examples.items["modality_agreement"][0].answer for plan in dealt}
    assert answers == {"A", "B"}
    assert len({plan.data.hash for plan in (plain, *dealt)}) == 1


def test_the_identity_of_the_request_names_the_examples(tmp_path: Path) -> None:
    none, one, other = (
        plan_of(tmp_path, ITEMS, options=options).request
        for options in (PlanOptions(), ONE, replace(ONE, shots_seed=1))
    )
    assert none.examples is None
    assert none.shots == 0
    assert one.shots == 1
    assert one.examples is not None
    assert set(one.examples.items) == set(plan_of(tmp_path, ITEMS, options=ONE).examples.items)
    assert len({none.hash, one.hash, other.hash}) == 3


def test_other_bytes_of_an_example_are_another_request(tmp_path: Path) -> None:
    before = plan_of(tmp_path, ITEMS, options=ONE)
    (key, *_) = before.examples.clips
    dataset = make_dataset(tmp_path, ITEMS)
    (tmp_path / f"{key}.mp4").write_bytes(b"another picture")
    after = choose_examples(dataset, 1, seed=0).identify(0)
    assert before.request.examples is not None
    assert after is not None
    assert after.items == before.request.examples.items
    assert after.hash != before.request.examples.hash


def test_a_limit_counts_scored_items_only(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, ITEMS, options=replace(ONE, limit=6))
    assert len(plan.items) == plan.data.items == 6


def test_the_clips_of_examples_are_decoded_once_and_come_with_every_request(
    tmp_path: Path, decoder: FakeDecoder
) -> None:
    plan, model = plan_of(tmp_path, ITEMS, options=ONE), FakeModel(capabilities=SEEING)
    run_task(plan, model, tmp_path / "run")
    assert sorted(decoder.decoded) == sorted([*plan.examples.clips, *plan.clips])
    for request in model.requests:
        named = {
            part.clip
            for message in request.messages
            for part in message.parts
            if not isinstance(part, TextPart)
        }
        assert request.clips.keys() == named
        assert len(named) == 2
    assert load_manifest(tmp_path / "run").request.shots == 1


def test_an_alteration_changes_the_clip_in_question_and_no_example(
    tmp_path: Path, decoder: FakeDecoder
) -> None:
    plan = plan_of(tmp_path, ITEMS, options=replace(ONE, alteration=Alteration.SWAP))
    run_task(plan, FakeModel(capabilities=SEEING), tmp_path / "run")
    alterations = dict(
        zip(decoder.decoded, (wanted.alteration for wanted in decoder.wanted), strict=True)
    )
    assert {alterations[key] for key in plan.examples.clips} == {Alteration.NONE}
    assert {alterations[key] for key in plan.clips} == {Alteration.SWAP}
    assert not set(plan.partners.values()) & plan.examples.clips.keys()


def test_an_example_that_cannot_be_decoded_stops_the_run_before_anything_is_asked(
    tmp_path: Path, decoder: FakeDecoder
) -> None:
    plan, model = plan_of(tmp_path, ITEMS, options=ONE), FakeModel(capabilities=SEEING)

    def decode(clip: Clip) -> ClipMedia:
        raise MediaError(MediaProblem.DAMAGED, "the file ends early", str(clip.video))

    decoder.reply = decode
    with pytest.raises(DataError, match="worked example cannot be used"):
        run_task(plan, model, tmp_path / "run")
    assert not model.asked


def test_a_model_that_takes_no_clip_is_shown_the_words_of_the_examples(
    tmp_path: Path, decoder: FakeDecoder
) -> None:
    model = FakeModel(capabilities=Capabilities())
    run_task(plan_of(tmp_path, ITEMS, options=ONE), model, tmp_path / "run")
    assert decoder.decoded == []
    assert {len(request.messages) for request in model.requests} == {3}

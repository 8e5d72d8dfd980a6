"""What a run asks, in which order, and under which identity."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.vocabulary import Alteration, AnswerMethod, Modality
from emoreal_bench.running.plan import (
    PlanOptions,
    choose_partners,
    deliverable,
    limit_items,
    make_plan,
)
from tests.unit.running.fakes import MEDIA, make_dataset, plan_of


def items_of(subtasks: str) -> list[Item]:
    return [
        Item(str(number), subtask, "?", ("(A) Yes", "(B) No"), "A", "clip")
        for number, subtask in enumerate(subtasks)
    ]


def test_questions_of_one_clip_are_grouped_in_the_order_in_which_clips_appear(
    tmp_path: Path,
) -> None:
    dataset = make_dataset(tmp_path, items=4, per_clip=2)
    mixed = [dataset.items[position] for position in (2, 0, 3, 1)]
    plan = make_plan(find_task("emorealm"), replace(dataset, items=mixed), tmp_path, PlanOptions())
    groups = {key: list(positions) for key, positions in plan.groups.items()}
    assert list(groups.items()) == [("clip-1", [0, 2]), ("clip-0", [1, 3])]


@given(st.text("abc", min_size=1, max_size=30), st.integers(1, 30))
def test_a_limit_deals_places_to_the_subtasks_in_turn(subtasks: str, limit: int) -> None:
    kept = limit_items(items_of(subtasks), limit)
    counts = Counter(item.subtask for item in kept)
    available = Counter(subtasks)
    assert len(kept) == min(limit, len(subtasks))
    for subtask, count in available.items():
        is_used_up = counts[subtask] == count
        assert is_used_up or counts[subtask] >= max(counts.values()) - 1


@given(st.text("abc", min_size=1, max_size=30), st.integers(1, 29))
def test_a_smaller_limit_is_a_part_of_a_larger_one(subtasks: str, limit: int) -> None:
    items = items_of(subtasks)
    smaller = {item.id for item in limit_items(items, limit)}
    larger = [item.id for item in limit_items(items, limit + 1)]
    assert smaller <= set(larger)
    assert larger == sorted(larger, key=int)


def test_a_limit_below_one_is_a_wrong_use() -> None:
    with pytest.raises(UsageError, match="limit"):
        limit_items(items_of("ab"), 0)


def test_the_same_data_has_the_same_identity_wherever_it_lies(tmp_path: Path) -> None:
    roots = [tmp_path / "here", tmp_path / "there"]
    for root in roots:
        root.mkdir()
    first, second = (plan_of(root) for root in roots)
    assert first.data.hash == second.data.hash
    assert first.request.hash == second.request.hash


def test_a_changed_byte_of_a_clip_changes_the_identity_of_the_data(tmp_path: Path) -> None:
    dataset, task_file = make_dataset(tmp_path), find_task("emorealm")
    before = make_plan(task_file, dataset, tmp_path, PlanOptions())
    (tmp_path / "clip-1.mp4").write_bytes(b"picture!1")
    after = make_plan(task_file, dataset, tmp_path, PlanOptions())
    assert before.data.hash != after.data.hash
    assert before.request.hash == after.request.hash


@pytest.mark.parametrize(
    "options",
    [
        PlanOptions(variant="paper"),
        PlanOptions(answer_method=AnswerMethod.SCORE_CHOICES),
        PlanOptions(media=MediaWanted(frames=4)),
        PlanOptions(media=MediaWanted(alteration=Alteration.MUTE)),
    ],
)
def test_whatever_changes_the_question_changes_the_identity_of_the_request(
    tmp_path: Path, options: PlanOptions
) -> None:
    assert plan_of(tmp_path).request.hash != plan_of(tmp_path, options=options).request.hash


def test_a_missing_clip_has_no_hash_and_is_part_of_the_identity(tmp_path: Path) -> None:
    whole, holed = tmp_path / "whole", tmp_path / "holed"
    whole.mkdir()
    holed.mkdir()
    plan = plan_of(holed, missing=[1])
    assert plan.clip_hashes["clip-1"] is None
    assert plan.data.hash != plan_of(whole).data.hash


def test_a_request_carries_the_letters_and_no_answer(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    request = plan.make_request(plan.items[0], None)
    assert request.id == "item-0"
    assert request.letters == ("A", "B")
    assert request.clips == {}
    assert not hasattr(request, "answer")


@given(st.lists(st.sampled_from(["x", "y", "z", None]), min_size=1, max_size=12), st.integers(0, 9))
def test_every_clip_that_is_there_is_swapped_with_other_bytes(
    values: list[str | None], seed: int
) -> None:
    hashes = {f"clip-{number}": value for number, value in enumerate(values)}
    present = {key for key, value in hashes.items() if value is not None}
    if len({hashes[key] for key in present}) < 2:
        with pytest.raises(DataError, match="swapped"):
            choose_partners(hashes, seed)
        return
    partners = choose_partners(hashes, seed)
    assert partners == choose_partners(hashes, seed)
    assert set(partners) == present
    assert set(partners.values()) <= present
    assert all(hashes[key] != hashes[partner] for key, partner in partners.items())


def test_only_a_swap_chooses_partners(tmp_path: Path) -> None:
    swap = PlanOptions(media=MediaWanted(alteration=Alteration.SWAP))
    assert not plan_of(tmp_path).partners
    assert set(plan_of(tmp_path, options=swap).partners) == {"clip-0", "clip-1", "clip-2"}


def test_a_blind_model_is_given_nothing_and_a_deaf_one_the_picture() -> None:
    wanted = MediaWanted()
    deaf = deliverable(wanted, Capabilities(modalities=(Modality.VIDEO, Modality.TEXT)))
    assert deliverable(wanted, Capabilities()) is None
    assert deaf is not None
    assert deaf.modalities == (Modality.VIDEO,)
    assert deliverable(wanted, Capabilities(modalities=MEDIA)) == wanted


def test_shuffled_options_are_another_question_about_the_same_data(tmp_path: Path) -> None:
    plain = plan_of(tmp_path)
    shuffled = plan_of(tmp_path, options=PlanOptions(choice_shuffle_seed=1))
    assert shuffled.data.hash == plain.data.hash
    assert shuffled.request.hash != plain.request.hash
    assert [item.choices for item in shuffled.items] != [item.choices for item in plain.items]

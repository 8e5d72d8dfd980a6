"""What a user may take away from a clip, and what that does to the request."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import AudioPart, VideoPart
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.running.plan import PlanOptions, choose_media
from tests.unit.running.fakes import plan_of

TASK = find_task("emorealm").task
BOTH = (Modality.VIDEO, Modality.AUDIO)


def test_what_the_task_wants_is_the_same_request_when_it_is_asked_for_by_name(
    tmp_path: Path,
) -> None:
    named = plan_of(tmp_path, options=PlanOptions(modalities=(Modality.AUDIO, Modality.VIDEO)))
    assert named.request.hash == plan_of(tmp_path).request.hash


@pytest.mark.parametrize(
    ("modalities", "kinds"),
    [
        (BOTH, {VideoPart, AudioPart}),
        ((Modality.AUDIO,), {AudioPart}),
        ((Modality.VIDEO,), {VideoPart}),
        ((), set()),
    ],
)
def test_a_message_has_the_parts_that_are_given(
    tmp_path: Path, modalities: tuple[Modality, ...], kinds: set[type]
) -> None:
    plan = plan_of(tmp_path, options=PlanOptions(modalities=modalities))
    (message,) = plan.make_request(plan.items[0], None).messages
    assert {type(part) for part in message.parts} & {VideoPart, AudioPart} == kinds


def test_every_way_of_giving_less_is_another_request_about_the_same_data(tmp_path: Path) -> None:
    ways = [
        PlanOptions(),
        PlanOptions(modalities=(Modality.AUDIO,)),
        PlanOptions(modalities=()),
        *(PlanOptions(alteration=alteration) for alteration in Alteration if alteration != "none"),
        PlanOptions(alteration=Alteration.SWAP, alteration_seed=1),
        PlanOptions(choice_shuffle_seed=0),
        PlanOptions(choice_shuffle_seed=1),
    ]
    plans = [plan_of(tmp_path, options=options) for options in ways]
    assert len({plan.request.hash for plan in plans}) == len(ways)
    assert len({plan.data.hash for plan in plans}) == 1


@pytest.mark.parametrize("alteration", [None, Alteration.NONE, Alteration.MUTE, Alteration.BLANK])
def test_a_seed_that_changes_nothing_makes_no_other_request(alteration: Alteration | None) -> None:
    seeded, plain = (
        choose_media(TASK, PlanOptions(alteration=alteration, alteration_seed=seed))
        for seed in (3, 0)
    )
    assert seeded == plain


@pytest.mark.parametrize(
    ("alteration", "modalities"),
    [
        (Alteration.MUTE, (Modality.VIDEO,)),
        (Alteration.BLANK, (Modality.AUDIO,)),
        (Alteration.SWAP, ()),
        (Alteration.NOISE, ()),
    ],
)
def test_what_is_not_given_cannot_be_altered(
    alteration: Alteration, modalities: tuple[Modality, ...]
) -> None:
    with pytest.raises(UsageError, match=f"The alteration {alteration} changes"):
        choose_media(TASK, PlanOptions(alteration=alteration, modalities=modalities))

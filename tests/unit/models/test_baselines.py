"""Blind baselines answer by the options alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request


def ask(
    model: str, requests: Sequence[Request], arguments: dict[str, str] | None = None
) -> dict[str, Result]:
    async def collect() -> dict[str, Result]:
        adapter = create_adapter(model, arguments)
        return {result.id: result async for result in adapter.generate(requests)}

    return asyncio.run(collect())


@pytest.mark.parametrize(("model", "answer"), [("first-choice", "(A)"), ("last-choice", "(D)")])
def test_first_and_last_choice_answer_with_that_letter(model: str, answer: str) -> None:
    request = make_request(letters=("A", "B", "C", "D"))
    assert ask(f"baseline/{model}", [request])["item"].text == answer


def test_random_gives_an_item_the_same_answer_in_any_order_and_company() -> None:
    requests = [make_request(str(number)) for number in range(50)]
    forwards = ask("baseline/random", requests)
    backwards = ask("baseline/random", requests[::-1])
    alone = ask("baseline/random", requests[7:8])
    assert forwards == backwards
    assert alone["7"] == forwards["7"]


def test_random_uses_every_letter_about_equally() -> None:
    requests = [make_request(str(number), letters=tuple("ABCD")) for number in range(4000)]
    counts = Counter(result.text for result in ask("baseline/random", requests).values())
    assert set(counts) == {"(A)", "(B)", "(C)", "(D)"}
    assert all(900 < count < 1100 for count in counts.values())


def test_another_seed_gives_other_answers() -> None:
    requests = [make_request(str(number)) for number in range(50)]
    assert ask("baseline/random", requests) != ask("baseline/random", requests, {"seed": "1"})


@pytest.mark.parametrize(("model", "answer"), [("first-choice", "joy"), ("last-choice", "fear")])
def test_where_an_answer_is_a_class_that_class_is_chosen(model: str, answer: str) -> None:
    request = replace(make_request(letters=()), labels=("joy", "anger", "fear"))
    assert ask(f"baseline/{model}", [request])["item"].text == answer
    assert "joy anger fear" in create_adapter(f"baseline/{model}").render(request)


def test_random_uses_every_class_about_equally() -> None:
    labels = ("joy", "anger", "fear")
    requests = [
        replace(make_request(str(number), letters=()), labels=labels) for number in range(3000)
    ]
    counts = Counter(result.text for result in ask("baseline/random", requests).values())
    assert set(counts) == set(labels)
    assert all(900 < count < 1100 for count in counts.values())


def test_an_open_question_is_unsupported() -> None:
    result = ask("baseline/random", [make_request(letters=())])["item"]
    assert result.status is DeliveryStatus.UNSUPPORTED
    assert result.detail


def test_no_clip_is_wanted_and_the_parts_left_out_are_noted() -> None:
    capabilities = create_adapter("baseline/first-choice").describe().capabilities
    delivery = ask("baseline/first-choice", [make_request(clip=make_clip())])["item"].delivery
    assert capabilities.modalities == (Modality.TEXT,)
    assert [note.partition(" ")[0] for note in delivery.notes] == ["video", "audio"]
    assert (delivery.frames, delivery.audio_seconds) == (0, 0.0)
